"""What can be set, and what tuning may try: frozen models in which an unknown key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator


class Settings(BaseModel):
    """Base of every options class: frozen; an unknown key is an error, and so is an infinite or undefined number.

    ``uses``: the fields of `Models` that a method with these options reads, by default all. Cells of a method are run
    again where one of them changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)
    uses: ClassVar[tuple[str, ...]]


class Budget(Settings):
    """How much a method may train: the same for every compared method, given by the config alone."""

    max_steps: int = Field(300, ge=1, description="optimiser steps at most")
    max_epochs: int = Field(30, ge=1, description="passes over the training subset at most")
    batch_size: int = Field(16, ge=1, description="instances per optimiser step")
    evaluate_every: int = Field(100, ge=1, description="steps between two evaluations of the dev loss")
    patience: int = Field(0, ge=0, description="evaluations without improvement before stopping; 0 trains to the end")
    restore_best: bool = Field(False, description="return to the weights with the lowest dev loss")
    patience_after: int = Field(
        0, ge=0, description="evaluations up to this step neither stop the training nor count as the best"
    )

    def steps(self, instances: int) -> int:
        """Optimiser steps for a training subset of this many instances."""
        per_epoch = -(-instances // self.batch_size)
        return max(1, min(self.max_steps, self.max_epochs * per_epoch))


Part = Literal["generator", "retriever", "prompt"]  # of a method, trained or not in a stage


class Stage(Settings):
    """Steps in which some parts of a method are trained and the others stand still."""

    steps: int = Field(ge=1, description="optimiser steps, taken from the budget's")
    train: tuple[Part, ...] = Field(min_length=1, description="parts that are trained")
    warmup: float = Field(0.0, ge=0, le=1, description="share of the stage in which learning rates rise from 0")


Decay = Literal["linear", "none"]
# What `optimisation.groups` may name: pretrained and new weights of the generator, ETRAG's retriever, its projection.
GroupName = Literal["pretrained", "new", "retriever", "prompt"]


class GroupSettings(Settings):
    """What one group of parameters has instead of what all share; None: as all."""

    learning_rate: float | None = Field(None, gt=0, description="instead of the one that the method gives the group")
    weight_decay: float | None = Field(None, ge=0)
    clip_norm: float | None = Field(None, ge=0, description="of this group alone; 0 does not clip")
    warmup: float | None = Field(None, ge=0, le=1)
    decay: Decay | None = None

    @model_serializer(mode="wrap")
    def _given(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is said alone: a younger setting changes no record of groups."""
        return {name: value for name, value in plain(self).items() if value is not None}


class Optimisation(Settings):
    """AdamW with a learning rate that rises and falls linearly; shared by every method."""

    learning_rate: float = Field(2e-4, gt=0, description="pretrained weights of the generator")
    new_learning_rate: float = Field(5e-4, gt=0, description="new weights (decoder, markers, projections)")
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps with a rising learning rate; 0: none")
    decay: Decay = Field("linear", description="after that: linear towards 0 at the end, or none")
    clip_norm: float = Field(1.0, ge=0, description="gradient norm at most, of all groups together; 0 does not clip")
    groups: Mapping[GroupName, GroupSettings] = Field(
        default_factory=dict, description="settings of single groups of parameters; the others have the shared ones"
    )


class Lora(Settings):
    """Low-rank adapters (peft); field names as in peft."""

    r: int = Field(32, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = Field(
        None, min_length=1, description="layers by name; default: those of the model's family (methods.parts.lora)"
    )


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
    lora: Lora | None = Field(None, description="adapters of the generator, whose own weights are then frozen")
    instance_encoder_lora: Lora | None = Field(None, description="the same of the instance encoder")

    @model_validator(mode="after")
    def _readable(self) -> Models:
        if self.input == "sure" and self.memory == "markers" and self.generator in ("minilm", "tiny"):
            raise ValueError("the input 'sure' has no markers for the decoder to attend to; set memory to sentence")
        return self


def all_but(*unused: str) -> tuple[str, ...]:
    """For ``Settings.uses``: every field of `Models` but these and their adapters."""
    return tuple(name for name in Models.model_fields if name.removesuffix("_lora") not in unused)


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
