"""The contract of a method and what the harness hands to it. No torch here: `bench list` stays quick."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from methods.types import Instance, Neighbours, Prediction, RelationSchema


class MethodError(Exception):
    """A failure that the user can act on; shown as one line. Anything else is a bug and keeps its traceback."""


class Settings(BaseModel):
    """Base of every options class: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(Settings):
    """How much a method may train: the same for every compared method, given by the config alone."""

    max_steps: int = Field(300, ge=1, description="optimiser steps at most")
    max_epochs: int = Field(30, ge=1, description="passes over the training subset at most")
    batch_size: int = Field(16, ge=1, description="instances per optimiser step")
    evaluate_every: int = Field(100, ge=1, description="steps between two evaluations of the dev loss")
    patience: int = Field(0, ge=0, description="evaluations without improvement before stopping; 0 trains to the end")
    restore_best: bool = Field(False, description="return to the weights with the lowest dev loss")
    patience_after: int = Field(0, ge=0, description="steps before the first evaluation that may stop training")

    def steps(self, instances: int) -> int:
        """Optimiser steps for a training subset of this many instances."""
        per_epoch = -(-instances // self.batch_size)
        return max(1, min(self.max_steps, self.max_epochs * per_epoch))


class Optimisation(Settings):
    """AdamW, linear warm-up and linear decay; shared by every method."""

    learning_rate: float = Field(2e-4, gt=0, description="pretrained weights of the generator")
    new_learning_rate: float = Field(5e-4, gt=0, description="new weights (decoder, markers, projections)")
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps with a rising learning rate")
    clip_norm: float = Field(1.0, gt=0, description="gradient norm at most")


class Lora(Settings):
    """Low-rank adapters for the generator (peft); field names as in peft."""

    r: int = Field(32, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    target_modules: tuple[str, ...] = ("q", "k", "v", "o", "wi", "wo")


class Models(Settings):
    """Which generator and which encoders; names are resolved by `methods.parts.models`."""

    generator: str = Field("minilm", description="'tiny', 'minilm', or a Hugging Face encoder-decoder id or directory")
    encoder: str = Field("sentence-transformers/all-MiniLM-L6-v2", description="frozen sentence encoder (rag_text)")
    instance_encoder: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2", description="trainable instance encoder (etrag); 'tiny' from scratch"
    )
    layers: int | None = Field(
        None, ge=1, description="keep only the first layers of MiniLM encoders that are trained; none keeps all six"
    )
    max_input_tokens: int = Field(256, ge=8)
    max_target_tokens: int = Field(64, ge=2)
    memory: Literal["markers", "sentence"] = Field(
        "markers", description="what the decoder of 'minilm' and 'tiny' attends to (other generators: sentence)"
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of matrix products in the models; auto: bfloat16 (autocast) on a GPU, float32 on a CPU"
    )
    lora: Lora | None = None


class Scoring(Settings):
    """How a relation is scored from its verbalisation (docs/architecture.md, label scoring)."""

    rule: Literal["constrained", "likelihood"] = "constrained"
    length_normalised: bool = False


@dataclass(frozen=True)
class Between:
    """Numbers that tuning may try, ends included; whole ones where both ends are whole. ``log``: even in the
    logarithm."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """Values that tuning may try."""

    values: tuple[str | int | float | bool, ...]


# What `Method.predict_with` shows in place of retrieved neighbours: these of each instance, nothing, or the mean of the
# whole database.
Shown = Sequence[Sequence[Instance]] | Literal["none", "mean"]


# Option name, or `optimisation.NAME` for a setting that compared methods share unless tuned -> what tuning tries.
SearchSpace = Mapping[str, Between | OneOf]


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

    A subclass declares ``Options`` (frozen, every field with a default) and never reads anything but its
    options and its context. For the same seed, data and machine it gives the same predictions.

    ``search_space``: what `bench tune` tries.
    """

    Options: ClassVar[type[Settings]] = Settings
    search_space: ClassVar[SearchSpace] = {}

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @abstractmethod
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        """Learn from ``train``; ``dev`` only for early stopping. Raises MethodError for what a user can mend
        (k larger than the database, NaN loss, missing model)."""

    @abstractmethod
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        """Score every relation for every instance; never looks at ``instance.relations``, and never returns an
        instance's own id among its neighbours."""

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        """Retrieve from ``instances`` instead of the training subset from now on, without training.

        False, and nothing changes, for a method without a database. Their ids must be no other instance's; their
        relations may lie outside the schema, which has a verbalisation of them. Raises MethodError for fewer than k.
        """
        return False

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
