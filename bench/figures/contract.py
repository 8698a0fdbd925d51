"""What a figure needs, draws and claims: one YAML file each, in `configs/figures/`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from bench.errors import ConfigError
from bench.names import visible
from bench.paths import CONTRACTS
from bench.settings.yaml_text import read_yaml_file
from methods.settings import Settings


class Vary(Settings):
    """One option of one method, `METHOD.OPTION`, at several values."""

    option: str = Field(pattern=r"^\w+\.\w+$")
    values: tuple[int | float | str, ...] = Field(min_length=1)

    @property
    def method(self) -> str:
        return self.option.partition(".")[0]


class Grid(Settings):
    """Cells of one preset, which says corpus, models and budget. Only the method of ``vary`` is varied.
    ``tuned``: the folder, seen from the project, whose settings the methods called `METHOD_tuned` have."""

    preset: str
    tuned: str | None = None
    methods: tuple[str, ...] = Field(min_length=1)
    ratios: tuple[float, ...] = Field(min_length=1)
    draws: tuple[int, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    vary: Vary | None = None

    @model_validator(mode="after")
    def _possible(self) -> Grid:
        if 1.0 in self.ratios and len(self.draws) > 1:
            raise ValueError("ratio 1 has but one draw; give it a grid of its own, with several seeds")
        if self.vary is not None and self.vary.method not in self.methods:
            raise ValueError(f"vary: {self.vary.method} is not among the methods")
        return self


class Value(Settings):
    """A number of a cell: its path (bench.figures.numbers), and how it is shown: times ``scale``."""

    path: str
    label: str
    scale: float = 1.0
    digits: int = Field(1, ge=0)


class Published(Settings):
    """A number that somebody reported, never measured here."""

    what: str
    value: float
    source: str


class Paper(Settings):
    reports: str
    numbers: tuple[Published, ...] = ()


class Term(Settings):
    """A value of a series: a method, or `METHOD OPTION=VALUE` where an option is varied."""

    series: str
    value: str


class Reading(Settings):
    """The number of a claim by another definition: printed beside it, never decided. ``chance``: what random instances
    have."""

    says: str
    value: str
    chance: str | None = None


class Claim(Settings):
    """Fields of every claim. It is decided per dataset, over draws, by 95% Student-t intervals."""

    says: str
    whose: Literal["paper", "ours"]
    of: Term
    ratios: tuple[float, ...] = Field((), description="of those that the grids have; all without any")
    min_draws: int = Field(3, ge=2, description="fewer draws cannot decide it")
    readings: tuple[Reading, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.of,)


class Lead(Claim):
    """A lead of ``of`` over each of ``over``: differences of the same draw and seed, above ``margin``."""

    over: tuple[Term, ...] = Field(min_length=1)
    margin: float = 0.0

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.of, *self.over)


class Greater(Lead):
    """There is a lead at each ratio."""

    rule: Literal["greater"]


class MoreAtLow(Lead):
    """The lead is larger at ratio ``low`` than at ``high``, draw by draw."""

    rule: Literal["more_at_low"]
    low: float
    high: float


class AtLeast(Claim):
    """``of`` is above ``threshold`` at each ratio."""

    rule: Literal["at_least"]
    threshold: float


class ByRatio(Settings):
    """F1 against the share of training instances."""

    kind: Literal["by_ratio"]


class Lines(Settings):
    """One panel per value, against the ratio or the varied option."""

    kind: Literal["lines"]
    x: Literal["ratio", "vary"]
    panels: tuple[str, ...] = Field(min_length=1)
    x_label: str
    log_x: bool = True


class Sharing(Settings):
    """What the nearest 1, 3, 5, 10 neighbours share with the query, one panel per series, at one ratio."""

    kind: Literal["sharing"]
    ratio: float


class Confusion(Settings):
    """Relation of the query against relation of its neighbours."""

    kind: Literal["confusion"]
    series: str
    ratio: float


class History(Settings):
    """One panel per number of a series' training history, one line per ratio. {name in the history: label}"""

    kind: Literal["history"]
    series: str
    panels: dict[str, str] = Field(min_length=1)


class Contract(Settings):
    """One figure of the paper, or of ours where the paper has none."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    paper: Paper
    cells: tuple[Grid, ...] = Field(min_length=1)
    values: tuple[Value, ...] = Field(min_length=1)
    figure: Annotated[ByRatio | Lines | Sharing | Confusion | History, Field(discriminator="kind")]
    claims: tuple[Annotated[Greater | MoreAtLow | AtLeast, Field(discriminator="rule")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_values(self) -> Contract:
        paths = [value.path for value in self.values]
        shown = self.figure.panels if isinstance(self.figure, Lines) else ()
        for path in (*(term.value for claim in self.claims for term in claim.terms), *shown):
            if path not in paths:
                raise ValueError(f"{path} is not among the values ({', '.join(paths)})")
        return self

    @model_validator(mode="after")
    def _one_folder_per_preset(self) -> Contract:
        folders = {(grid.preset, grid.tuned) for grid in self.cells if grid.tuned is not None}
        if len(folders) > len({preset for preset, _ in folders}):
            raise ValueError("two folders of tuned settings for one preset would share the names METHOD_tuned")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """Of every number that it prints: values, then readings."""
        readings = [reading for claim in self.claims for reading in claim.readings]
        read = [path for reading in readings for path in (reading.value, reading.chance) if path]
        return tuple(dict.fromkeys([*(value.path for value in self.values), *read]))

    @property
    def needs_sharing(self) -> frozenset[str]:
        """The parts of what neighbours share with their query (`Record.neighbours`) that it shows."""
        heads = {path.partition(".")[0] for path in self.paths}
        whole = self.figure.kind in ("sharing", "confusion") or heads & {"shared", "chance"}
        return frozenset(["all"] if whole else []) | heads & {"in_text"}

    def value(self, path: str) -> Value:
        return next(value for value in self.values if value.path == path)


def contract_names() -> list[str]:
    """The contracts that come with the project."""
    return sorted(path.stem for path in CONTRACTS.glob("*.yaml"))


def read_contracts(names: Sequence[str]) -> list[Contract]:
    """Contracts by name or as `.yaml` files; all of the project without names. Raises ConfigError."""
    contracts = [_read(name) for name in names or contract_names()]
    for contract in contracts:
        if sum(contract.name == other.name for other in contracts) > 1:
            raise ConfigError(f"figure {contract.name} is given more than once")
    return contracts


def _read(name: str) -> Contract:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
    elif name in contract_names():
        path = CONTRACTS / f"{name}.yaml"
    else:
        raise ConfigError(f"unknown figure {name!r}. Known: {', '.join(contract_names())} (or give a .yaml file)")
    try:
        raw = read_yaml_file(path, f"figure {path}")
    except FileNotFoundError:
        raise ConfigError(f"figure {path} cannot be read: there is no such file") from None
    try:
        return Contract.model_validate({"name": path.stem, **raw})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(visible(f"figure {path.stem}: {where}: {first['msg']}")) from None
