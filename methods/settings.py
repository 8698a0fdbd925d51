"""What can be set, and what tuning may try: frozen models in which an unknown key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """Base of every options class: frozen, and an unknown key is an error.

    ``uses``: the fields of `Models` that a method with these options reads, by default all. Cells of a method are run
    again where one of them changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    uses: ClassVar[tuple[str, ...]]


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
    """Which generator and which encoders; names are resolved by `methods.parts.model_files`."""

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
    input: Literal["markers", "sure"] = Field(
        "markers",
        description="the sentence with typed entity markers, or what SuRE and ETRAG read: entities and types in words, "
        "then the sentence, with markers only where it has no types",
    )
    memory: Literal["markers", "sentence"] = Field(
        "markers", description="what the decoder of 'minilm' and 'tiny' attends to (other generators: sentence)"
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of matrix products in the models; auto: bfloat16 (autocast) on a GPU, float32 on a CPU"
    )
    lora: Lora | None = None

    @model_validator(mode="after")
    def _readable(self) -> Models:
        if self.input == "sure" and self.memory == "markers" and self.generator in ("minilm", "tiny"):
            raise ValueError("the input 'sure' has no markers for the decoder to attend to; set memory to sentence")
        return self


def all_but(*unused: str) -> tuple[str, ...]:
    """For ``Settings.uses``: every field of `Models` but these."""
    return tuple(name for name in Models.model_fields if name not in unused)


Settings.uses = all_but()


Rule = Literal["constrained", "likelihood"]


class Scoring(Settings):
    """How a relation is scored from its verbalisation (docs/architecture.md, label scoring).

    ``rule`` and ``length_normalised`` hold for training and for prediction, unless one of them has its own.
    """

    rule: Rule = Field("constrained", description="shares among the relations, or likelihood over the whole vocabulary")
    length_normalised: bool = Field(False, description="mean over the tokens of a verbalisation, not their sum")
    train: Rule | None = Field(None, description="the rule whose negative score is the loss; default: `rule`")
    train_per_token: bool | None = Field(None, description="mean per token in training; default: `length_normalised`")
    predict: Rule | None = Field(None, description="the rule that predicts; default: `rule`")
    predict_per_token: bool | None = Field(None, description="mean per token to predict; default: `length_normalised`")


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


# Option name, or `optimisation.NAME` for a setting that compared methods share unless tuned -> what tuning tries.
SearchSpace = Mapping[str, Between | OneOf]
