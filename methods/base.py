"""The contract of a method and what the harness hands to it. No torch here: `bench list` stays quick."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from methods.settings import Budget, Models, Optimisation, Scoring, SearchSpace, Settings
from methods.types import Instance, Neighbours, Prediction, RelationSchema


class MethodError(Exception):
    """A failure that the user can act on; shown as one line. Anything else is a bug and keeps its traceback."""


# What `Method.predict_with` shows in place of retrieved neighbours: these of each instance, nothing, or the mean of the
# whole database.
Shown = Sequence[Sequence[Instance]] | Literal["none", "mean"]


@dataclass(frozen=True)
class Progress:
    """One message of a running method: ``phase`` is 'encode', 'train' or 'predict'."""

    phase: str
    step: int
    steps: int
    loss: float | None = None


def _silent(_: object) -> None:
    return None


@dataclass(frozen=True)
class Context:
    """Everything that compared methods share; built by the harness, the same for all of them."""

    schema: RelationSchema
    seed: int
    device: str = "cpu"
    budget: Budget = field(default_factory=Budget)
    optimisation: Optimisation = field(default_factory=Optimisation)
    models: Models = field(default_factory=Models)
    scoring: Scoring = field(default_factory=Scoring)
    progress: Callable[[Progress], None] = _silent
    # Called with the step every `budget.evaluate_every` steps but the last; may predict, and may raise to stop.
    evaluated: Callable[[int], None] = _silent


@dataclass(frozen=True)
class Task:
    """What a corpus asks of a method: its relations, several per instance (``multi_label``), instances that share a
    document, with several mentions of an entity (``documents``)."""

    schema: RelationSchema
    multi_label: bool = False
    documents: bool = False


@dataclass(frozen=True)
class FitReport:
    """What training did. ``history`` rows: {"step", "loss", "dev_loss"?}; ``parameters``: total and trained counts;
    ``timings``: seconds per phase; ``diagnostics``: plain numbers, named by the method."""

    steps: int
    instances_seen: int
    parameters: Mapping[str, int]
    history: Sequence[Mapping[str, float]] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)


class Method(ABC):
    """A relation extractor. The instance database of a retrieval method is its training subset.

    A subclass declares ``Options`` (every field with a default; ``Options.uses`` names the models that it reads) and
    never reads anything but its options and its context. For the same seed, data and machine it gives the same
    predictions, and it leaves the process as it was: precision, threads, folder, environment. `bench check METHOD`
    tries all that is said here (`methods.testing`).

    ``search_space``: what `bench tune` tries.
    """

    Options: ClassVar[type[Settings]] = Settings
    search_space: ClassVar[SearchSpace] = {}

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @classmethod
    def unfit(cls, task: Task, options: Any) -> str:
        """Why the method cannot be used on such a corpus; "" where it can. The cell is then skipped, not failed."""
        return ""

    @abstractmethod
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        """Learn from ``train`` within the budget; ``dev`` only for early stopping. Raises MethodError for what a user
        can mend (no training instances, k larger than the database, NaN loss, missing model)."""

    @abstractmethod
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        """Score every relation for every instance, whatever stands beside it; never looks at ``instance.relations``.

        The probabilities of an instance's relations sum to at most one; to one where the rule `constrained` of
        ``context.scoring`` is followed. Neighbours are of the database, each once, nearest first, as many as an option
        ``k`` says, and none that `methods.types.bars` the instance: neither itself nor one of its document.
        """

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        """Retrieve from ``instances`` instead of the training subset from now on, without training.

        False, and nothing changes, for a method that cannot; with the old database it predicts as before. Their ids
        must be no other instance's; their relations may lie outside the schema, which has a verbalisation of them.
        Raises MethodError for fewer than k.
        """
        return False

    def searched(self, instances: Sequence[Instance]) -> Sequence[Instance]:
        """Of ``instances``, its training subset or datastore, those that it retrieves from: all of them."""
        return instances

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        """As `predict`, conditioned on ``shown`` instead of what would be retrieved; its ``neighbours`` are None.

        Without training, and later predictions stay what they were. The k instances shown to each one may carry other
        relations than the database's of the same ids. None where the method has nothing of the kind: no neighbours,
        or no mean of them. Raises ValueError for another number of neighbours and for an instance shown to itself.
        """
        return None

    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        """What a trainable retriever would have chosen before training; None where nothing was trained.

        Only for comparison: the harness calls it outside all timings.
        """
        return None
