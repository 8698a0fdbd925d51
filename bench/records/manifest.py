"""`run.json`: what a folder's cells were last planned with."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.data.base import Dataset
from bench.data.quality import inspect
from bench.errors import ConfigError, StoreError
from bench.records.record import SCHEMA_VERSION
from bench.records.store import Store
from bench.settings.config import RunConfig


def _once(cells: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(cells)) < len(cells):
        raise ValueError("a cell is planned twice")
    return cells


class Manifest(BaseModel):
    """The plan of a folder; one of an earlier version may lack all but ``cells``, their ids in order.

    ``config``: a RunConfig as JSON (`configured`); ``dataset``: name, content hash, card and quality of the corpus.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    command: str = ""
    config: dict[str, Any] = {}
    cells: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], ...], AfterValidator(_once)]
    warnings: tuple[str, ...] = ()
    created: str = ""
    dataset: dict[str, Any] = {}

    def configured(self) -> RunConfig:
        """Raises ConfigError for the configuration of another version."""
        try:
            return RunConfig.model_validate(self.config)
        except ValidationError:
            raise ConfigError("its configuration is of another version") from None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return self.model_dump(mode="json")


def read_manifest(store: Store) -> Manifest | None:
    """None where the folder holds no run. Raises StoreError for a broken manifest."""
    raw = store.read_manifest()
    try:
        return None if raw is None else Manifest.model_validate(raw)
    except ValidationError:
        raise StoreError(f"{store.out / 'run.json'} is no manifest of a run; delete it and run again") from None


def write_manifest(
    store: Store, config: RunConfig, cells: Sequence[str], dataset: Dataset, warnings: Sequence[str]
) -> Manifest:
    """Put that of a new plan in place; where the folder has the same plan already, its manifest stays as it is.
    Raises StoreError."""
    made = Manifest(
        command=command_line(),
        config=config.model_dump(mode="json"),
        cells=tuple(cells),
        warnings=tuple(warnings),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dataset={"name": dataset.name, "hash": dataset.content_hash, "card": dict(dataset.card)},
    )
    earlier, plain = read_manifest(store), made.plain()
    if earlier is not None and _says(earlier.plain(), plain):
        return earlier
    plain["dataset"]["quality"] = inspect(dataset, config.ratios, config.models.max_input_tokens).summary()
    store.write_manifest(plain)
    return Manifest.model_validate(plain)


def command_line() -> str:
    """The command of this process, as a user would type it again."""
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def _says(earlier: dict[str, Any], plan: dict[str, Any]) -> bool:
    """Whether a manifest is of this plan already, whenever and by whichever command it was made."""
    kept = all(earlier[name] == plan[name] for name in ("schema_version", "config", "cells", "warnings"))
    return kept and earlier["dataset"].items() >= plan["dataset"].items()
