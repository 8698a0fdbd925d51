"""What can be set about ETRAG. No torch here: options are listed and checked without it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from methods.settings import Settings, Stage, all_but

Candidates = Literal["random", "shortlist", "mixed"]
Distance = Literal["cosine", "l2"]
Reduction = Literal["mean", "max"]
Selection = Literal["soft", "hard", "sparse"]
TemperatureRule = Literal["fixed", "annealed", "learned", "spread"]


class EtragOptions(Settings):
    """Defaults keep the paper's structure; k, temperature and learning rate suit a MiniLM pair (docs/recipes.md)."""

    uses = all_but("encoder")

    k: int = Field(5, ge=1, description="selection steps, soft neighbours in the prefix")
    temperature: float = Field(1.0, gt=0, description="t of the selection; 1 as published")
    temperature_rule: TemperatureRule = Field(
        "fixed",
        description="annealed: geometrically from temperature_start; learned: trained from temperature; "
        "spread: temperature times the standard deviation of a query's scores",
    )
    temperature_start: float = Field(1.0, gt=0, description="where annealing starts")
    selection: Selection = Field(
        "soft", description="hard: the k nearest, with the soft gradient; sparse: steps between sparse top-j masks"
    )
    distance: Distance = Field("cosine", description="of two spans; l2 is the squared Euclidean distance")
    reduction: Reduction = Field("mean", description="over the spans of a pair; max counts the nearest span alone")
    candidates: Candidates = Field("random", description="what a training step selects from")
    candidate_count: int = Field(32, ge=2, description="candidates per training step")
    test_candidates: int = Field(
        0, ge=0, description="select from this many nearest instances at test time; 0 from the whole database"
    )
    refresh_interval: int = Field(100, ge=1, description="steps between two encodings of the whole database")
    refresh_drift: float = Field(
        0.0, ge=0, description="encode earlier where a sample of keys has moved by this mean cosine distance; 0 never"
    )
    exact_below: int = Field(50_000, ge=1, description="instances above which nearest ones are searched approximately")
    learning_rate: float = Field(1e-4, gt=0, description="of the retriever's encoder; 1e-3 as published")
    stages: tuple[Stage, ...] = Field((), description="what is trained before all is trained together")
    retriever_steps: int = Field(
        0, ge=0, description="short for one stage: retriever and prompt alone, learning rates rising; 300 as published"
    )

    @model_validator(mode="after")
    def _consistent(self) -> EtragOptions:
        if self.candidate_count <= self.k:
            raise ValueError(f"candidate_count must be larger than k = {self.k}")
        if 0 < self.test_candidates < self.k:
            raise ValueError(f"test_candidates must be at least k = {self.k}, or 0 for the whole database")
        if self.stages and self.retriever_steps:
            raise ValueError("retriever_steps is short for one of the stages; give one of the two")
        return self

    @property
    def first_stages(self) -> tuple[Stage, ...]:
        """The stages, also where ``retriever_steps`` stands for one."""
        if not self.retriever_steps:
            return self.stages
        return (Stage(steps=self.retriever_steps, train=("retriever", "prompt"), warmup=1.0),)
