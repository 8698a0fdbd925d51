"""Numbers that may go to print: what a handful of runs says about a method.

One array convention: ``scores`` is [draws, seeds], one row per draw of the training subset and one column per
training seed. Rows may differ in length, as a run that was interrupted leaves them. A flat list is one run per draw.
Only `variance_components` looks at columns; there nan marks a run that is missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import stdtrit

Scores = Sequence[float] | Sequence[Sequence[float]] | np.ndarray


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its interval; ``low`` and ``high`` are None where one run says nothing about the spread.

    ``unit``: what the interval is over; ``n`` counts runs, ``n_seeds`` those of the largest draw.
    """

    mean: float
    low: float | None
    high: float | None
    n_draws: int
    n_seeds: int
    n: int
    unit: Literal["draws", "seeds", "run"]


def mean_interval(scores: Scores, confidence: float = 0.95, bounds: tuple[float, float] | None = None) -> MeanInterval:
    """Mean of the runs and its Student-t interval: mean +- t(confidence, m - 1) * s / sqrt(m).

    The m units are the draws, each averaged over its seeds first: runs on one draw share their training instances and
    are no independent evidence about another draw (pseudo-replication; Hurlbert 1984). With a single draw they are its
    seeds, and the interval then speaks of that draw alone. One run has no interval. Student's t instead of a
    percentile bootstrap, because two to ten values resample to far too narrow an interval (two values: at most
    their range, which covers the mean of a normal population only half of the time).

    ``bounds``: the range of the metric; the interval is cut there. A cut removes only impossible values.
    Raises ValueError for no scores, an empty draw, a value that is not finite or lies outside ``bounds``.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    rows = _rows(scores)
    _check(rows, bounds)
    if len(rows) > 1:
        unit: Literal["draws", "seeds", "run"] = "draws"
        units = [_mean(row) for row in rows]
    else:
        unit = "seeds" if len(rows[0]) > 1 else "run"
        units = rows[0]
    mean, low, high = _t_interval(units, confidence)
    if bounds is not None and low is not None and high is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return MeanInterval(mean, low, high, len(rows), max(map(len, rows)), sum(map(len, rows)), unit)


def bootstrap_interval(
    scores: Scores, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile interval of the mean (seeds averaged first) by a hierarchical bootstrap: draws are resampled, then
    seeds within each (Davison and Hinkley 1997, section 3.8). With a single draw it speaks of its seeds alone; None
    for one run.

    No assumption of normality, but too narrow for few draws: normal scores of five are covered in 87% of cases, so
    tables show `mean_interval`. Raises ValueError as that does.
    """
    rows = _rows(scores)
    _check(rows, None)
    sizes = np.array([len(row) for row in rows])
    if sizes.sum() == 1:
        return None
    padded = np.zeros((len(rows), sizes.max()))
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(rows), (resamples, len(rows)))
    places = rng.random((*chosen.shape, sizes.max()))
    seeds = (places * sizes[chosen][..., None]).astype(int)
    taken = np.arange(sizes.max()) < sizes[chosen][..., None]  # as many seeds as the draw has
    values = np.where(taken, padded[chosen[..., None], seeds], 0.0)
    means = (values.sum(axis=2) / sizes[chosen]).mean(axis=1)
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


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
    rows = _rows(scores)
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


def probability_of_improvement(first: Scores, second: Scores) -> float:
    """Share of pairs of runs (one of each method) in which the first is better; a tie is half a pair.

    Mann and Whitney's U / (m n), as Agarwal et al. 2021 (rliable, arXiv 2108.13264) on one task. Raises ValueError
    for scores that are not finite and for none.
    """
    flat = []
    for scores in (first, second):
        rows = _rows(scores)
        _check(rows, None)
        flat.append(np.array([value for row in rows for value in row]))
    gap = flat[0][:, None] - flat[1][None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _design(levels: list[int]) -> np.ndarray:
    """Indicators of the levels, [runs, levels]."""
    return (np.array(levels)[:, None] == np.unique(levels)[None, :]).astype(float)


def _projector(designs: list[np.ndarray]) -> np.ndarray:
    """Orthogonal projection onto the columns of all designs, [runs, runs]."""
    joined = np.hstack(designs)
    return joined @ np.linalg.pinv(joined)


def _rank(projector: np.ndarray) -> int:
    return round(float(np.trace(projector)))


def _rows(scores: Scores) -> list[list[float]]:
    rows: list[list[float]] = []
    for row in scores:
        values = np.asarray(row, dtype=float)
        if values.ndim > 1:
            raise ValueError(f"scores must be [draws, seeds] or flat, got a row of shape {values.shape}")
        rows.append([float(value) for value in np.atleast_1d(values)])
    return rows


def _check(rows: list[list[float]], bounds: tuple[float, float] | None) -> None:
    if not rows:
        raise ValueError("no scores: expected [draws, seeds] with at least one run")
    for draw, row in enumerate(rows):
        if not row:
            raise ValueError(f"draw {draw} has no run; leave it out")
        for seed, value in enumerate(row):
            if not math.isfinite(value):
                raise ValueError(f"the score of draw {draw}, seed {seed} is {value}; only finite scores have a mean")
            if bounds is not None and not bounds[0] <= value <= bounds[1]:
                raise ValueError(f"the score of draw {draw}, seed {seed} is {value}, outside {list(bounds)}")


def _mean(values: Sequence[float]) -> float:
    # Exact for identical values, where a sum divided by n can miss in the last digit.
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def _t_interval(values: Sequence[float], confidence: float) -> tuple[float, float | None, float | None]:
    """Mean, low, high of independent values [m]; no interval for m = 1."""
    mean, m = _mean(values), len(values)
    if m == 1:
        return mean, None, None
    variance = math.fsum((value - mean) ** 2 for value in values) / (m - 1)
    half = _t_quantile(m - 1, 0.5 + confidence / 2) * math.sqrt(variance / m)
    return mean, mean - half, mean + half


@lru_cache
def _t_quantile(degrees: int, probability: float) -> float:
    return float(stdtrit(degrees, probability))
