"""Numbers that may go to print: what a handful of runs says about a method.

One array convention: ``scores`` is [draws, seeds], one row per draw of the training subset and one column per
training seed. Rows may differ in length, as a run that was interrupted leaves them. A flat list is one run per draw.
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
    rows = rows_of(scores)
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
    rows = rows_of(scores)
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


def probability_of_improvement(first: Scores, second: Scores) -> float:
    """Share of pairs of runs (one of each method) in which the first is better; a tie is half a pair.

    Mann and Whitney's U / (m n), as Agarwal et al. 2021 (rliable, arXiv 2108.13264) on one task. Raises ValueError
    for scores that are not finite and for none.
    """
    flat = []
    for scores in (first, second):
        rows = rows_of(scores)
        _check(rows, None)
        flat.append(np.array([value for row in rows for value in row]))
    gap = flat[0][:, None] - flat[1][None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def rows_of(scores: Scores) -> list[list[float]]:
    """One list per draw. Raises ValueError for more than two axes."""
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
