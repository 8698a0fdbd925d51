"""`derived/<cell id>.json` beside a run's cells: what neighbours share, for records that do not say all of it.

The store reads it as part of the record, so that tables and figures need no corpus.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.data.base import Dataset
from bench.errors import DataError, StoreError
from bench.records.files import write_file
from bench.records.manifest import read_manifest
from bench.records.record import Record
from bench.records.run import Run
from bench.records.store import Store
from bench.scoring.neighbours import retrieval_quality
from methods.types import Neighbours


def derive(places: Sequence[Store], folders: Mapping[str, Path]) -> list[str]:
    """Derive what is not there yet, of every run; one line per run or cell that could not be, with the reason.

    ``folders``: {corpus: folder of its files}, where it is not that of the run. Raises StoreError.
    """
    problems = []
    for store in places:
        waiting = tuple(record for record in store.records() if record.ok and lacks_neighbours(record))
        if not waiting:
            continue
        manifest = read_manifest(store)
        folder = folders.get(waiting[0].dataset)
        dataset, why = Run(store, manifest).corpus(folder, as_run=True) if manifest else (None, "it has no run.json")
        if dataset is None:
            problems.append(f"{store.out.name}, {len(waiting)} to derive: {why}")
            continue
        for record in waiting:
            try:
                _write(store, record, _neighbours(store, record, dataset))
            except DataError as error:
                problems.append(f"{store.out.name} {record.label}: {error}")
    return problems


def lacks_neighbours(record: Record) -> bool:
    """Whether its method retrieves and it does not say all that its neighbours share."""
    if record.neighbours is None:
        return "same_relation" in record.diagnostics
    return "in_text" not in record.neighbours  # younger than schema 2


def _neighbours(store: Store, record: Record, dataset: Dataset) -> dict[str, Any] | None:
    path = store.predictions_path(record.cell_id)
    if dataset.content_hash != record.identity.get("dataset_hash"):
        raise DataError("the corpus is not the one that the record was made with")
    if not path.exists():
        raise DataError("its predictions are not stored")
    lines = store.predictions(record.cell_id)
    queries, train = {i.id: i for i in dataset.test}, {i.id: i for i in dataset.train}
    try:
        return retrieval_quality(
            [queries[line["id"]] for line in lines],
            [Neighbours(*zip(*line["neighbours"], strict=True)) for line in lines],
            [train[name] for name in record.subset_ids.train],
            dataset.schema.negative,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} does not fit its record ({error!r})") from error


def _write(store: Store, record: Record, neighbours: dict[str, Any] | None) -> None:
    path = store.derived_path(record.cell_id)
    content = store.derived_from(record) | {"neighbours": neighbours}
    try:
        write_file(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
