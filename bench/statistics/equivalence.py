"""How much more data the baseline would need: a score of a method, read off the baseline's curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The ratio at which the baseline reaches a score: 0 where it does so below its smallest ratio already, infinite
    where it does not at its largest. ``low``, ``high``: 95% bootstrap interval over draws, in the same terms; None
    with one draw. ``monotone``: whether the curve's means rise, so that none was pooled."""

    ratio: float
    low: float | None
    high: float | None
    monotone: bool


def data_equivalence(
    ratios: Sequence[float], baseline: np.ndarray, method: Sequence[float], resamples: int = 2_000, seed: int = 0
) -> Equivalence:
    """At which ratio the baseline's mean equals the mean of ``method``.

    ``ratios`` ascending; ``baseline`` [draws, ratios] and ``method`` [draws]: scores averaged over seeds, nan where
    a draw was not run. The baseline's means are made monotone by pooling (isotonic regression) and interpolated in
    log ratio; on a flat part the smallest ratio counts. The bootstrap resamples draws, the same for both; a ratio
    that a resample misses altogether (ratio 1 has one draw) keeps its mean.

    Raises ValueError for ratios out of order, shapes that differ, and a ratio or method without any score.
    """
    curve, scores = np.asarray(baseline, dtype=float), np.asarray(method, dtype=float)
    if list(ratios) != sorted(set(ratios)) or not len(ratios) or ratios[0] <= 0:
        raise ValueError(f"ratios must be positive and ascend, got {list(ratios)}")
    if curve.shape != (len(scores), len(ratios)):
        raise ValueError(f"the baseline must be [draws, ratios] = {(len(scores), len(ratios))}, got {curve.shape}")
    table = np.column_stack([curve, scores])
    known = ~np.isnan(table)
    if not known.any(axis=0).all():
        raise ValueError("every ratio of the baseline, and the method, needs at least one score")
    table = np.where(known, table, 0.0)
    means = table.sum(axis=0) / known.sum(axis=0)
    found = _reached(ratios, means[:-1], means[-1])
    monotone = bool((np.diff(means[:-1]) >= 0).all())
    if len(scores) < 2 or known.sum(axis=0).max() < 2:
        return Equivalence(found, None, None, monotone)
    chosen = np.random.default_rng(seed).integers(0, len(scores), (resamples, len(scores)))
    counts = known[chosen].sum(axis=1)
    sampled = np.where(counts > 0, table[chosen].sum(axis=1) / np.maximum(counts, 1), means)
    distinct, which = np.unique(sampled, axis=0, return_inverse=True)  # few draws give few different resamples
    reached = np.array([_reached(ratios, row[:-1], row[-1]) for row in distinct])[which]
    low, high = np.quantile(reached, [0.025, 0.975], method="inverted_cdf")  # a value, never between 1 and infinity
    return Equivalence(found, float(low), float(high), monotone)


def _reached(ratios: Sequence[float], curve: np.ndarray, score: float) -> float:
    rising = isotonic_regression(curve).x
    place = int(np.searchsorted(rising, score))  # the first at least as good
    if place == len(rising):
        return float("inf")
    if rising[place] == score or not place:
        return ratios[place] if rising[place] == score else 0.0
    share = (score - rising[place - 1]) / (rising[place] - rising[place - 1])
    return float(np.exp(np.log(ratios[place - 1]) * (1 - share) + np.log(ratios[place]) * share))
