"""Two methods on the same test instances: is the difference of their corpus metric more than chance?

Any metric will do: its `Counts` say what every instance adds, and how the sums are scored. A cell is one trained
model, (draw, seed); all cells of both methods predict the same instances in the same order.

F1 is no mean over instances, so every resample sums the counts again: one matrix product per block of resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench.scoring.metric import Counts
from bench.statistics.intervals import MeanInterval, mean_interval

RESAMPLES = 10_000
BOOTSTRAPS = 2_000
_BLOCK = 8_000_000  # numbers in one block of resamples
_AT_ONCE = 256
_KEPT = 100_000_000  # bytes of bootstrap samples that may stay


@dataclass(frozen=True, slots=True)
class Comparison:
    """First method minus second, as a fraction, cells averaged by draw first.

    ``low``, ``high``: 95% percentile bootstrap over test instances, the trained models given. ``p``: approximate
    randomisation, two-sided, about the same models. ``draws``: Student's t over draws, about models to be trained.
    ``reduction``: share of the second's errors that the first avoids, difference / (1 - second), with its bootstrap
    interval; None where the second makes none, or none in some resample.
    """

    difference: float
    low: float
    high: float
    p: float
    reduction: tuple[float, float, float] | None
    draws: MeanInterval
    n_cells: int
    n_instances: int


def compare(
    first: Counts, second: Counts, draws: Sequence[int], *, resamples: int = RESAMPLES, bootstraps: int = BOOTSTRAPS
) -> Comparison:
    """Everything about one pair of methods; cell c of both is the same draw ``draws[c]`` and the same seed.

    The same input gives the same answer: the random numbers are fixed. Raises ValueError where the cells or
    instances of the two differ.
    """
    _check(first, second, draws)
    gaps = first.scores() - second.scores()
    rows = [[float(gap) for gap, draw in zip(gaps, draws, strict=True) if draw == one] for one in dict.fromkeys(draws)]
    mean, base = (float(average(values, draws)) for values in (gaps, second.scores()))
    sampled = bootstrap(first, second, draws, bootstraps)
    low, high = (float(bound) for bound in np.quantile(sampled[0] - sampled[1], [0.025, 0.975]))
    reduction = None
    if base < 1 and (sampled[1] < 1).all():
        bounds = np.quantile((sampled[0] - sampled[1]) / (1 - sampled[1]), [0.025, 0.975])
        reduction = mean / (1 - base), float(bounds[0]), float(bounds[1])
    p = randomisation_p(first, second, draws, resamples)
    return Comparison(mean, low, high, p, reduction, mean_interval(rows), len(gaps), first.gold.shape[0])


def average(values: np.ndarray, draws: Sequence[int]) -> np.ndarray:
    """Mean over cells (the last axis), every draw with the same weight however many seeds it has."""
    sizes = np.array([list(draws).count(draw) for draw in draws])
    return values @ (1 / sizes / len(set(draws)))


def randomisation_p(
    first: Counts, second: Counts, draws: Sequence[int], resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """Two-sided p of the mean difference: approximate randomisation (Noreen 1989; Yeh 2000, arXiv cs/0008005).

    An instance is swapped between the methods with probability 1/2, in all cells together, as the cells share their
    test instances. p = (1 + resamples at least as extreme) / (1 + resamples), which is never 0 (Phipson and Smyth
    2010). Raises ValueError where the cells or instances of the two differ.
    """
    _check(first, second, draws)
    own, other = (np.concatenate([c.correct, c.predicted], axis=2) for c in (first, second))
    change = (other - own).transpose(1, 0, 2)  # values fit int8: no instance has more than 127 relations
    change = change[change.any(axis=(1, 2))].astype(np.float32)
    totals = [counts.sum(axis=1, dtype=float) for counts in (own, other)]
    gold = first.gold.sum(axis=0, dtype=float)

    def difference(moved: np.ndarray | float) -> np.ndarray:
        scores = []
        for counts in (totals[0] + moved, totals[1] - moved):
            correct, predicted = np.split(counts, 2, axis=-1)
            scores.append(first.score(correct, predicted, gold))
        return average(scores[0] - scores[1], draws)

    observed = abs(float(difference(0.0))) - 1e-12  # the same counts in another order are no less extreme
    flat = change.reshape(len(change), change.shape[1] * change.shape[2])
    rng, extreme = np.random.default_rng(seed), 0
    for size in _blocks(resamples, max(change.shape[0], flat.shape[1])):
        bits = np.frombuffer(rng.bytes(size * -(-len(flat) // 8)), dtype=np.uint8).reshape(size, -1)
        moved = _sums(np.unpackbits(bits, axis=1, count=len(flat)), flat).reshape(size, *change.shape[1:])
        extreme += int((np.abs(difference(moved)) >= observed).sum())
    return (1 + extreme) / (1 + resamples)


def bootstrap(
    first: Counts, second: Counts, draws: Sequence[int], bootstraps: int = BOOTSTRAPS, seed: int = 0
) -> np.ndarray:
    """Mean scores of both methods on ``bootstraps`` samples of the test instances with replacement, [2, bootstraps];
    the same sample for both and in every cell (Efron and Tibshirani 1993; for F1 Berg-Kirkpatrick et al. 2012).

    Raises ValueError where the cells or instances of the two differ.
    """
    _check(first, second, draws)
    cells, n, groups = first.correct.shape
    parts = [counts for method in (first, second) for counts in (method.correct, method.predicted)]
    columns = np.concatenate([*parts, first.gold[None]]).transpose(1, 0, 2).reshape(n, -1).astype(np.float32)
    found = []
    for times in _kept_samples(n, bootstraps, seed) if n * bootstraps <= _KEPT else _samples(n, bootstraps, seed):
        sums = _sums(times, columns).astype(float).reshape(len(times), 4 * cells + 1, groups)
        gold = sums[:, -1:]
        split = [sums[:, part * cells : (part + 1) * cells] for part in range(4)]
        pair = [first.score(split[at], split[at + 1], gold) for at in (0, 2)]
        found.append(np.stack([average(scores, draws) for scores in pair]))
    return np.concatenate(found, axis=1)


def _sums(times: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``times`` [samples, n] @ ``columns`` [n, c], whole numbers, a few samples at once: they stay in the cache."""
    return np.concatenate(
        [times[at : at + _AT_ONCE].astype(np.float32) @ columns for at in range(0, len(times), _AT_ONCE)]
    )


def _samples(n: int, bootstraps: int, seed: int) -> Iterator[np.ndarray]:
    """How many times each instance is in each sample, [samples, n] in blocks."""
    rng = np.random.default_rng(seed)
    for size in _blocks(bootstraps, n):
        chosen = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(chosen.ravel(), minlength=size * n).reshape(size, n).astype(np.uint8)  # 1 on average


@lru_cache(maxsize=1)
def _kept_samples(n: int, bootstraps: int, seed: int) -> tuple[np.ndarray, ...]:
    """The same for all comparisons on one test set, which take the same ones."""
    return tuple(_samples(n, bootstraps, seed))


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p-values of one family of tests, in its order (Holm 1979): (m - rank) p, made monotone, at most 1."""
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def _blocks(total: int, width: int) -> Iterator[int]:
    step = max(1, _BLOCK // max(1, width))
    for start in range(0, total, step):
        yield min(step, total - start)


def _check(first: Counts, second: Counts, draws: Sequence[int]) -> None:
    if first.correct.shape != second.correct.shape or len(draws) != len(first.correct):
        shapes = f"{first.correct.shape} and {second.correct.shape} with {len(draws)} draws"
        raise ValueError(f"both methods need the same [cells, instances, groups], one draw per cell; got {shapes}")
    if not first.correct.size or not np.array_equal(first.gold, second.gold):
        raise ValueError("both methods need the same instances with the same gold relations, at least one of them")
