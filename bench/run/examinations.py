"""What a cell is asked beyond its score, once its method is trained and outside all timings: one list.

An examination has a name, which is that of its field in the record, of its setting in the identity and, where it makes
predictions of its own, of their file. Adding one is an entry here, a field of the record, and an entry in
`bench.records.identity.SETTLED` for cells from before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.data.base import Dataset
from bench.run import probes, test_sets
from bench.scoring.labels import Lines
from bench.scoring.metric import Labels
from bench.settings.config import RunConfig
from methods.base import Method
from methods.types import Instance, Prediction


@dataclass(frozen=True)
class Trained:
    """A trained method and what it predicted for the test set of ``dataset`` (with the schema of the cell)."""

    method: Method
    dataset: Dataset
    train: Sequence[Instance]
    seed: int
    prediction: Prediction
    predicted: Labels
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Examined:
    """``record``: what enters the record; ``labels``: for the line of each test instance, what is added to it;
    ``lines``: predictions for a file of their own."""

    record: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[Mapping[str, Any]] = ()
    lines: Lines = field(default_factory=list)


@dataclass(frozen=True)
class Examination:
    """``asked``: what a configuration asks for; ``identity``: of that, as JSON, what a result depends on; ``run``: of
    what was asked, never of nothing."""

    name: str
    asked: Callable[[RunConfig], Any]
    identity: Callable[[Dataset, Any], Any]
    run: Callable[[Trained, Any], Examined]


def _probe(cell: Trained, asked: bool) -> Examined:
    found = cell.prediction.neighbours
    if found is None:
        return Examined()
    return Examined(*probes.examine(cell.method, cell.dataset, cell.train, found, cell.predicted, cell.seed))


def _test(cell: Trained, asked: Sequence[str]) -> Examined:
    found, lines = test_sets.examine(cell.method, cell.dataset, asked, cell.train, cell.metrics)
    return Examined({"test_sets": found} if found else {}, lines=lines)


EXAMINATIONS = (
    Examination("probes", lambda config: config.probes, lambda dataset, asked: asked, _probe),
    Examination("test_sets", lambda config: config.dataset.test_sets, test_sets.identity, _test),
)
