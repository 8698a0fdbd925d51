"""What can be set about ETRAG. No torch here: options are listed and checked without it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from methods.settings import Settings, Stage, all_but

Candidates = Literal["random", "shortlist", "mixed"]
CandidatesPer = Literal["batch", "query"]
Distance = Literal["cosine", "l2"]
Reduction = Literal["mean", "max", "min", "softmax", "softmin"]
SpanPairs = Literal["aligned", "all"]
Selection = Literal["soft", "hard", "sparse"]
TemperatureRule = Literal["fixed", "annealed", "learned", "spread"]


class EtragOptions(Settings):
    """Defaults keep the paper's structure; k, temperature and learning rate suit a MiniLM pair (docs/recipes.md)."""

    uses = all_but("encoder")

    k: int = Field(5, ge=1, description="selection steps, soft neighbours in the prefix")
    temperature: float = Field(1.0, gt=0, description="t of the selection; 1 in the paper")
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
    reduction: Reduction = Field(
        "mean",
        description="of the nearness of a pair's spans; max counts the nearest span alone, min the farthest, softmax "
        "and softmin are means that lean to the one or the other",
    )
    pairs: SpanPairs = Field("aligned", description="head with head, tail with tail, label with label; or all with all")
    candidates: Candidates = Field("random", description="what a training step selects from")
    candidate_count: int = Field(32, ge=2, description="candidates per training step, or per query of it")
    candidates_per: CandidatesPer = Field(
        "batch", description="a step's queries share their candidates, or each query has its own (so the paper's code)"
    )
    epsilon: float = Field(
        0.0, ge=0, le=1, description="of a training shortlist, share of places that go to random instances"
    )
    database_limit: int = Field(
        0, ge=0, description="a random sample of so many instances is the database (5000 in the paper's code); 0: all"
    )
    test_candidates: int = Field(
        0, ge=0, description="select from this many nearest instances at test time; 0 from the whole database"
    )
    refresh_interval: int = Field(100, ge=1, description="steps between two encodings of the whole database")
    refresh_drift: float = Field(
        0.0, ge=0, description="encode earlier where a sample of keys has moved by this mean cosine distance; 0 never"
    )
    exact_below: int = Field(50_000, ge=1, description="instances above which nearest ones are searched approximately")
    learning_rate: float = Field(1e-4, gt=0, description="of the retriever's encoder; 1e-3 in the paper")
    stages: tuple[Stage, ...] = Field((), description="what is trained before all is trained together")
    retriever_steps: int = Field(
        0,
        ge=0,
        description="short for one stage: retriever and prompt alone, rates rising; the paper's code: 300",
    )

    @model_validator(mode="after")
    def _consistent(self) -> EtragOptions:
        if self.candidate_count <= self.k:
            raise ValueError(f"candidate_count must be larger than k = {self.k}")
        if 0 < self.test_candidates < self.k:
            raise ValueError(f"test_candidates must be at least k = {self.k}, or 0 for the whole database")
        if 0 < self.database_limit <= self.k:
            raise ValueError(f"database_limit must be larger than k = {self.k}, or 0 for all instances")
        if self.epsilon and self.candidates != "shortlist":
            raise ValueError(f"epsilon is of a shortlist, but candidates = {self.candidates}")
        if self.stages and self.retriever_steps:
            raise ValueError("retriever_steps is short for one of the stages; give one of the two")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> EtragOptions:
        """Search is by inner products: those of the mean, and of each span with its like."""
        searched = self.candidates != "random" or self.test_candidates > 0
        if searched and (self.reduction, self.pairs) not in (("mean", "aligned"), ("mean", "all"), ("max", "aligned")):
            raise ValueError(
                f"reduction = {self.reduction} over {self.pairs} pairs of spans cannot be searched by; it needs "
                "candidates = random and test_candidates = 0 (mean, and max over aligned pairs, can)"
            )
        return self

    @property
    def first_stages(self) -> tuple[Stage, ...]:
        """The stages, also where ``retriever_steps`` stands for one."""
        if not self.retriever_steps:
            return self.stages
        return (Stage(steps=self.retriever_steps, train=("retriever", "prompt"), warmup=1.0),)
