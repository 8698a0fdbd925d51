"""`derived/<cell id>.json` beside a run's cells: what neighbours share, kept so that drawing needs no corpus."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bench.data.base import Dataset
from bench.errors import DataError, StoreError
from bench.figures.cells import Cell
from bench.figures.sharing import sharing
from bench.records.files import write_file
from bench.records.record import Record
from bench.settings.config import DatasetConfig, RunConfig
from bench.settings.flags import one_line
from methods.settings import Settings

Corpus = Callable[[RunConfig], Dataset]
ABSENT = "what its neighbours share is not derived (needs the corpus: --derive --data-dir)"


class Derived(Settings):
    """See bench.figures.sharing; ``created`` and ``dataset_hash`` are those of the record that it was made from."""

    schema_version: Literal[1] = 1
    cell_id: str
    created: str
    dataset_hash: str
    queries: int
    depth: int
    shared: dict[str, dict[str, float]]
    chance: dict[str, float]
    confusion: dict[str, dict[str, int]]


def with_sharing(cell: Cell) -> Cell:
    """The cell with what was derived from it, where that is there and was made from this very record.

    Raises StoreError for a broken file.
    """
    if cell.record is None:
        return cell
    path = _path(cell)
    try:
        found = Derived.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return dataclasses.replace(cell, missing=ABSENT)
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise StoreError(one_line(f"{path} is broken ({error}); delete it and derive again")) from error
    if (found.cell_id, found.created) != (cell.record.cell_id, cell.record.created):
        return dataclasses.replace(cell, missing="what its neighbours share was derived from another run; derive again")
    return dataclasses.replace(cell, sharing=found.model_dump())


def derive(cells: Sequence[Cell], corpus: Corpus) -> list[str]:
    """Derive what is not there yet; one line per cell that could not be, with the reason.

    ``corpus`` loads the corpus of a configuration; its DataError is such a reason. Raises StoreError.
    """
    problems = []
    for cell in cells:
        if cell.record is None or with_sharing(cell).sharing is not None:
            continue
        try:
            _derive(cell, cell.record, corpus(_made_with(cell)))
        except DataError as error:
            problems.append(f"{cell.wanted.label}: {one_line(error)}")
    return problems


def _made_with(cell: Cell) -> RunConfig:
    """The wanted configuration with the corpus of the run's manifest: its options, its leaks left out or not."""
    assert cell.store is not None
    manifest = cell.store.read_manifest() or {}
    if "config" not in manifest:
        return cell.wanted.config
    try:
        source = DatasetConfig.model_validate(manifest["config"]["dataset"])
    except (KeyError, TypeError, ValidationError) as error:
        raise StoreError(f"{cell.store.out / 'run.json'} is no manifest of a run; run again") from error
    return cell.wanted.config.model_copy(update={"dataset": source})


def _derive(cell: Cell, record: Record, dataset: Dataset) -> None:
    assert cell.store is not None
    cell_id = record.cell_id
    identity, subset = record.identity, record.subset_ids
    if dataset.content_hash != identity.get("dataset_hash"):
        raise DataError("the corpus is not the one that the record was made with")
    if not cell.store.predictions_path(cell_id).exists():
        raise DataError("its predictions are not stored")
    lines = cell.store.predictions(cell_id)
    if not any(line.get("neighbours") for line in lines):
        raise DataError("its method retrieves nothing")
    queries, train = {i.id: i for i in dataset.test}, {i.id: i for i in dataset.train}
    try:
        result = sharing(
            [queries[line["id"]] for line in lines],
            [train[name] for name in subset.train],
            [[name for name, _ in line["neighbours"] or ()] for line in lines],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{cell.store.predictions_path(cell_id)} does not fit its record ({error!r})") from error
    derived = Derived(cell_id=cell_id, created=record.created, dataset_hash=dataset.content_hash, **result)
    text = json.dumps(derived.model_dump(), ensure_ascii=False, indent=1) + "\n"
    try:
        write_file(_path(cell), text.encode())
    except OSError as error:
        raise StoreError(f"{_path(cell)} cannot be written: {error.strerror or error}") from error


def _path(cell: Cell) -> Path:
    assert cell.store is not None
    assert cell.record is not None
    return cell.store.out / "derived" / cell.store.record_path(cell.record.cell_id).name
