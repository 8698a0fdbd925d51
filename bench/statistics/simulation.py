"""Do the statistics keep their promises? Rates over simulated comparisons with a known truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from bench.scoring.metric import Counts
from bench.scoring.metrics import METRICS
from bench.statistics.comparison import bootstrap, randomisation_p
from bench.statistics.intervals import mean_interval
from bench.statistics.power import power_of
from methods.types import RelationSchema

LEVEL = 0.05
_NEGATIVE = "none"
_POSITIVE = ("A(e1,e2)", "A(e2,e1)", "B(e1,e2)", "B(e2,e1)", "C(e1,e2)")


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened in ``comparisons`` simulated ones, beside the promised rate (None: no promise)."""

    name: str
    rate: float
    promised: float | None
    comparisons: int

    @property
    def error(self) -> float:
        """Standard error of the rate, where it is what was promised, or else as it was found."""
        centre = self.rate if self.promised is None else self.promised
        return math.sqrt(centre * (1 - centre) / self.comparisons)


@dataclass(frozen=True)
class World:
    """Where simulated predictions come from. Of two methods both are right with probability ``both``, exactly one
    with ``discordance`` (the first more often, by ``difference``); a wrong one names any other label.

    Runs (``cells`` of them, one per draw) share their instances: whether a pair is discordant, and who is then right,
    agrees between them more than by chance. ``varying``: standard deviation, over runs, of the difference itself.
    """

    metric: str
    instances: int
    negative_share: float = 0.4
    both: float = 0.5
    discordance: float = 0.2
    difference: float = 0.0
    cells: int = 1
    varying: float = 0.0

    def sample(self, rng: np.random.Generator) -> tuple[Counts, Counts]:
        """Counts of the two methods."""
        labels = (*_POSITIVE, _NEGATIVE) if self.negative_share else _POSITIVE
        size = (self.cells, self.instances)
        gold = rng.integers(0, len(_POSITIVE), self.instances)
        gold[rng.random(self.instances) < self.negative_share] = len(_POSITIVE)
        # A Gaussian copula: difficulty is half the instance's own, and so is the side that a discordant pair takes.
        kind = ndtr(math.sqrt(0.5) * (rng.normal(size=self.instances) + rng.normal(size=size)))
        side = ndtr(math.sqrt(0.5) * (rng.normal(size=self.instances) + rng.normal(size=size)))
        difference = self.difference + self.varying * rng.normal(size=(self.cells, 1))
        discordant = (kind >= self.both) & (kind < self.both + self.discordance)
        ahead = side < 0.5 + difference / self.discordance / 2
        schema = RelationSchema(labels, {name: name for name in labels}, _NEGATIVE if self.negative_share else None)
        methods = []
        for right in ((kind < self.both) | (discordant & ahead), (kind < self.both) | (discordant & ~ahead)):
            wrong = (gold + rng.integers(1, len(labels), size)) % len(labels)
            named = [[labels[i] for i in row] for row in np.where(right, gold, wrong)]
            methods.append(METRICS[self.metric].count([labels[i] for i in gold], named, schema))
        return methods[0], methods[1]

    def truth(self) -> float:
        """The difference in micro-F1 on infinitely many instances."""
        positive, others = len(_POSITIVE), len(_POSITIVE) - 1 + bool(self.negative_share)
        scores = []
        for sign in (1, -1):
            right = self.both + (self.discordance + sign * self.difference) / 2
            share = 1 - self.negative_share
            guessed = share * (right + (1 - right) * (positive - 1) / others)
            guessed += self.negative_share * (1 - right) * positive / others
            scores.append(2 * share * right / (share + guessed))
        return scores[0] - scores[1]


def rates(comparisons: int = 1000, resamples: int = 499, seed: int = 0) -> Iterator[Rate]:
    """Every check in turn; ``resamples`` of each permutation test and bootstrap. The same arguments, the same rates.

    Raises ValueError for no comparisons or resamples.
    """
    if comparisons < 1 or resamples < 1:
        raise ValueError("a simulation needs at least one comparison and one resample")

    def rate(name: str, promised: float | None, world: World, happened: Callable[[Counts, Counts], bool]) -> Rate:
        rng = np.random.default_rng([seed, *name.encode()])
        found = sum(happened(*world.sample(rng)) for _ in range(comparisons))
        return Rate(f"{name} (n = {world.instances}, runs = {world.cells})", found / comparisons, promised, comparisons)

    def rejects(first: Counts, second: Counts) -> bool:
        return randomisation_p(first, second, range(len(first.correct)), resamples) < LEVEL

    def covers(world: World) -> Callable[[Counts, Counts], bool]:
        def covered(first: Counts, second: Counts) -> bool:
            sampled = bootstrap(first, second, range(len(first.correct)), resamples)
            low, high = np.quantile(sampled[0] - sampled[1], [LEVEL / 2, 1 - LEVEL / 2])
            return bool(low <= world.truth() <= high)

        return covered

    def draws_differ(first: Counts, second: Counts) -> bool:
        found = mean_interval(first.scores() - second.scores())
        return found.low is not None and found.high is not None and not found.low <= 0 <= found.high

    micro, macro = World("tacred_micro_f1", 500, cells=3), World("semeval_macro_f1", 500)
    yield rate("no difference, micro-F1: rejected", LEVEL, micro, rejects)
    yield rate("no difference, macro-F1: rejected", LEVEL, macro, rejects)
    apart = World("tacred_micro_f1", 2000, negative_share=0.0, difference=0.03)
    promised = power_of(apart.difference, apart.instances, apart.discordance)
    yield rate("3 F1 apart, 20% discordant: rejected", promised, apart, rejects)
    wide = World("tacred_micro_f1", 500, difference=0.03, cells=3)
    yield rate("3% apart, micro-F1: bootstrap covers", 1 - LEVEL, wide, covers(wide))
    varying = World("tacred_micro_f1", 2000, cells=5, varying=0.02)
    yield rate("equal methods, unequal models: rejected", None, varying, rejects)
    yield rate("equal methods, unequal models: t excludes 0", None, varying, draws_differ)
