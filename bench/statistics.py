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
