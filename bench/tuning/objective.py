"""One trial: the mean dev score of a method over the draws. The test set is not among the arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Any

from bench.data.base import Dataset
from bench.data.constraints import constrained
from bench.run.execute import build_method
from bench.run.plan import CellSpec, subset_hash, subsets
from bench.run.seeds import derive, seed_everything
from bench.scoring.labels import score
from bench.settings.config import RunConfig, method_optimisation, method_options
from bench.tuning.space import with_values
from methods.base import Progress
from methods.types import Instance

# (draw, counted from 0; a message of the method)
Watch = Callable[[int, Progress], None]
# (step over all draws; mean dev score so far)
Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Fold:
    """One draw of the training subset with its dev instances; ``corpus`` is the dataset without test and database."""

    spec: CellSpec
    corpus: Dataset
    train: tuple[Instance, ...]
    dev: tuple[Instance, ...]

    @property
    def steps(self) -> int:
        """Of training."""
        return self.spec.budget.steps(len(self.train))


def folds(specs: Sequence[CellSpec], dataset: Dataset) -> list[Fold]:
    """The draws of one method's cells."""
    corpus = replace(dataset, train=(), dev=(), test=(), extra_tests={}, datastores={})
    return [Fold(spec, corpus, *subsets(dataset, spec.ratio, spec.draw)) for spec in specs]


def dev_scores(
    draws: Sequence[Fold],
    config: RunConfig,
    values: Mapping[str, Any],
    report: Report = lambda step, score: None,
    watch: Watch = lambda draw, progress: None,
) -> list[float]:
    """The corpus metric (a fraction) on dev after training on each draw, with ``values`` for some settings; equal to
    the `dev_f1` of `bench run` where evaluating in between leaves training alone.

    ``report`` is called with the mean over finished draws and the present one, at every evaluation and at the end of
    each draw; it may raise to stop. Raises ConfigError (values that do not fit each other) and whatever the method
    raises.
    """
    method = draws[0].spec.method
    changed = with_values(config, method, values)
    options, optimisation = method_options(changed)[method], method_optimisation(changed, method)
    finished: list[float] = []
    done = 0
    for number, fold in enumerate(draws):
        spec = replace(fold.spec, options=options, optimisation=optimisation)
        finished.append(_dev_score(fold, spec, finished, done, report, partial(watch, number)))
        done += fold.steps
        report(done, fmean(finished))
    return finished


def _dev_score(
    fold: Fold,
    spec: CellSpec,
    finished: Sequence[float],
    done: int,
    report: Report,
    progress: Callable[[Progress], None],
) -> float:
    def dev_score() -> float:
        return float(score(held[0].predict(fold.dev), fold.dev, corpus, fold.train)[0]["f1"])

    def evaluated(step: int) -> None:
        report(done + step, fmean([*finished, dev_score()]))

    assert subset_hash(fold.train, fold.dev) == spec.identity["subset_hash"]
    corpus = replace(fold.corpus, schema=constrained(fold.corpus.schema, spec.type_constraints, fold.train))
    seed_everything(derive("training", spec.seed))
    # A method knows `evaluated`, which knows the method: taken apart at the end, or its weights would outlive it.
    held = [build_method(spec, corpus.schema, progress, evaluated)]
    try:
        held[0].fit(fold.train, fold.dev)
        return dev_score()
    finally:
        held.clear()
