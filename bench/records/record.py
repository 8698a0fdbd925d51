"""The record of a cell: one typed schema, and one reader that brings records of earlier schemas to it.

Schema 2 (docs/architecture.md) has what schema 1 left to be guessed: the negative class, the facts that no test
instance stands for, and what neighbours share with their query.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.names import visible
from bench.records.fields import (
    LARGEST,
    Amounts,
    Count,
    Diagnostics,
    Identity,
    Metrics,
    Name,
    Near,
    Number,
    Numbers,
    Probes,
    TestSets,
)
from bench.records.upgrade import upgraded

SCHEMA_VERSION: Literal[2] = 2


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Subsets(_Part):
    """Ids of what a cell learnt from, in its order."""

    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()


class Failure(_Part):
    """Why a cell failed; ``traceback`` is empty for what a user can mend."""

    type: str
    message: str
    traceback: str = ""


class Record(_Part):
    """What `execute` measured. Fractions, not percent; seconds; bytes.

    ``skipped``: the method said that it is unfit for the corpus; ``error`` has its reason. ``n_unpaired``: gold facts
    that no test instance stands for. ``neighbours``, ``probes``, ``test_sets``: None where there is nothing such.
    ``prediction_files``: the examinations (bench.run.examinations) whose predictions have a file of their own.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    cell_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    status: Literal["ok", "failed", "skipped"] = "ok"
    identity: Identity
    dataset: Name
    method: Name
    ratio: float = Field(gt=0, le=1, strict=True)
    draw: Count
    seed: Count
    n_train: Count = 0
    n_dev: Count = 0
    n_test: Count = 0
    n_unpaired: Count = 0
    negative: str | None = None
    subset_ids: Subsets = Subsets()
    metrics: Metrics = {}
    cost: Amounts = {}
    timings: Numbers = {}
    diagnostics: Diagnostics = {}
    neighbours: Near = None
    probes: Probes = None
    test_sets: TestSets = None
    prediction_files: tuple[Annotated[str, Field(pattern=r"^[a-z_]+$")], ...] = ()
    history: list[Numbers] = []
    environment: dict[str, Any] = {}
    created: str = ""
    error: Failure | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.ok and not isinstance(self.metrics.get("f1"), int | float):
            raise ValueError("metrics.f1 is no number")
        if self.ok and self.error is not None:
            raise ValueError("it is both finished and failed")
        return self

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def label(self) -> str:
        return f"{self.method} ratio {self.ratio:g} draw {self.draw} seed {self.seed}"


def read_record(raw: Mapping[str, Any]) -> Record:
    """A record of any schema, as one of this. Raises ValueError of one line for what is none."""
    try:
        return Record.model_validate(upgraded(raw))
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"its metrics are not those of schema 1 ({visible(repr(error), 100)})") from None
    except ValidationError as error:
        raise ValueError(complaint(error)) from None


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong with a record, in one line."""
    first = error.errors()[0]
    where = "".join(f"{part}: " for part in [".".join(map(str, first["loc"]))] if part)
    return visible(where + first["msg"].removeprefix("Value error, "), 300)


def plain_numbers(values: Mapping[str, Any], what: str) -> dict[str, Number]:
    """Numbers of numpy or torch as Python's; NaN and infinity, which JSON lacks, as None. Raises ValueError, which says
    ``what`` of a method it was, for names that no table can show and for what is no number."""
    plain: dict[str, Number] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not name or visible(name, 200) != name:
            raise ValueError(f"{what} {visible(repr(name), 60)} has no name that a table can show")
        try:
            number = int(value) if isinstance(value, int) else float(value + 0.0)  # the sum refuses texts
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{what} {name} is no number: {visible(repr(value), 60)}") from None
        finite = isinstance(number, int) or math.isfinite(number)
        if finite and abs(number) >= LARGEST:
            raise ValueError(f"{what} {name} is too large a number")
        plain[name] = number if finite else None
    return plain
