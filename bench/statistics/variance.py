"""Where the spread of a score comes from: the draw of the training subset, the training seed, or neither."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.statistics.intervals import Scores, rows_of


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of the draw, of the training seed, and the ``rest``: their interaction, and whichever of the two the
    runs cannot tell from it (None). ``cut`` names estimates that were negative and became 0."""

    draw: float | None
    seed: float | None
    rest: float | None
    cut: tuple[str, ...]
    n: int


def variance_components(scores: Scores, crossed: bool = True) -> Components:
    """Where the spread of the runs comes from: ANOVA estimates of random effects, tolerant of missing runs.

    Crossed: score = mean + draw_i + seed_j + rest_ij; column j is the same training seed in every draw, nan where it
    was not run. Nested (``crossed=False``): score = mean + draw_i + rest_ij, where the rest is the seeds. Henderson's
    method III (Henderson 1953; Searle, Casella and McCulloch 1992, chapter 5): a factor's sum of squares, fitted after
    the other factor, less its degrees of freedom times the rest's mean square, divided by its coefficient; in a
    complete grid that is the classical ANOVA. Raises ValueError for no run and for infinite scores.
    """
    rows = rows_of(scores)
    cells = [(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row) if not math.isnan(value)]
    if not cells or not all(math.isfinite(value) for *_, value in cells):
        raise ValueError("variance components need at least one run, and only finite scores")
    y = np.array([value for *_, value in cells])
    y = y - y[0]  # exact zeros for equal runs
    ones = np.ones((len(y), 1))
    factors = {"draw": _design([i for i, *_ in cells])}
    if crossed:
        factors["seed"] = _design([j for _, j, _ in cells])
    factors = {name: design for name, design in factors.items() if design.shape[1] > 1}
    while factors and _rank(_projector([ones, *factors.values()])) == len(y):
        factors.popitem()  # it cannot be told from the rest, and stays there
    full = _projector([ones, *factors.values()])
    free = len(y) - _rank(full)
    rest = max(0.0, float(y @ y - y @ full @ y)) / free if free else None
    found: dict[str, float | None] = {"draw": None, "seed": None}
    cut = []
    for name, design in factors.items():
        others = [other for key, other in factors.items() if key != name]
        own = full - _projector([ones, *others])
        freedom, weight = _rank(own), float(np.trace(design.T @ own @ design))
        if not freedom or rest is None:
            continue
        estimate = (float(y @ own @ y) - freedom * rest) / weight
        if estimate < -1e-12 * float(y @ y):  # more than rounding
            cut.append(name)
        found[name] = max(0.0, estimate)
    return Components(found["draw"], found["seed"], rest, tuple(cut), len(y))


def _design(levels: list[int]) -> np.ndarray:
    """Indicators of the levels, [runs, levels]."""
    return (np.array(levels)[:, None] == np.unique(levels)[None, :]).astype(float)


def _projector(designs: list[np.ndarray]) -> np.ndarray:
    """Orthogonal projection onto the columns of all designs, [runs, runs]."""
    joined = np.hstack(designs)
    return joined @ np.linalg.pinv(joined)


def _rank(projector: np.ndarray) -> int:
    return round(float(np.trace(projector)))
