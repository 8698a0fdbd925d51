"""A hand-made run: seven training and five test instances, two methods, every kind of answer."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.records.record import Record
from bench.records.store import Store
from bench.report.page.document import inspector, write_page
from bench.report.report import Report
from methods.types import Instance, Span
from tests.records.factory import make_record

EVIL = "<script>alert(1)</script>\"'</script><img src=x onerror=alert(2)>"
A, B, NO = "made_of", "part_of<b>&", "no_relation"
_HEADS = ("Ann", "Bob", "cup", "Dan", "Eve", "Fox", "Gus")


def instance(name: str, head: str, middle: str, tail: str, relation: str) -> Instance:
    words = (head, *middle.split(), tail, ".")
    return Instance(name, words, Span(0, 1), Span(len(words) - 2, len(words) - 1), relation)


TRAIN = [instance(f"d{n}", head, f"word{n}", "clay", (A, B, NO)[n % 3]) for n, head in enumerate(_HEADS)]
TEST = [
    instance("t0", "Ann", "shapes", "wood", A),
    instance("t1", "Bob", "owns", "iron", B),
    instance("t2", "Cup", f"is {EVIL} of", "CLAY", A),
    instance("t3", "Dan", "saw", "rain", NO),
    instance("t4", "Eve", "lost", "gold", B),
]
# Without retrieval t1 and t4 are wrong; rag_text mends t1, breaks t2, and is wrong at t4 too.
ANSWERS = {"no_retrieval": (A, A, A, NO, NO), "rag_text": (A, B, B, NO, A)}
NEAR = [["d2", 0.5], ["d0", 0.25], ["d1", 0.125]]  # for t2: same head and tail; same relation and tail; same tail


def corpus(folder: Path) -> Dataset:
    """The corpus as files in ``folder``, read by the dataset `jsonl`."""
    folder.mkdir(parents=True)
    for name, part in (("train", TRAIN), ("dev", [instance("v0", "Hal", "ate", "rice", A)]), ("test", TEST)):
        rows = [
            {"id": i.id, "tokens": i.tokens, "head": [i.head.start, i.head.end], "tail": [i.tail.start, i.tail.end],
             "relation": i.relation} for i in part
        ]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_dataset("jsonl", folder, {})


def lines(method: str) -> list[dict[str, Any]]:
    """The predictions of a method of `ANSWERS`."""
    made = []
    for i, answer in zip(TEST, ANSWERS[method], strict=True):
        scores = {name: -0.125 if name == answer else -3.5 for name in (A, B, NO)}
        near = None if method == "no_retrieval" else NEAR
        made.append({"id": i.id, "gold": i.relation, "predicted": answer, "scores": scores, "neighbours": near})
    return made


def record(dataset: Dataset, method: str, place: int, **changes: Any) -> Record:
    """A finished cell; ``place`` makes its id."""
    fields = {
        "cell_id": f"{place:016x}",
        "identity": {"dataset_hash": dataset.content_hash},
        "dataset": dataset.name,
        "method": method,
        "ratio": 1.0,
        "n_train": len(dataset.train),
        "n_dev": len(dataset.dev),
        "n_test": len(dataset.test),
        "subset_ids": {"train": [i.id for i in dataset.train], "dev": []},
        "metrics": {"primary": "micro_f1", "f1": (10 + place) / 100},
        "cost": {"train_seconds": 7.0 + place, "peak_memory_bytes": 2**20, "parameters": 7, "trained_parameters": 5},
    }
    return make_record(**fields | changes)


def run(out: Path, cells: Iterable[tuple[Record, list[dict[str, Any]] | None]], data_dir: Path | None = None) -> Store:
    """The folder of a run with these records and predictions (None: the file is missing)."""
    store, ids = Store(out), []
    for made, predictions in cells:
        store.write(made, predictions)
        ids.append(made.cell_id)
    dataset = {"name": "jsonl", "data_dir": None if data_dir is None else str(data_dir)}
    config = {
        "preset": "made", "dataset": dataset, "methods": ["no_retrieval"], "ratios": [1], "draws": [0], "seeds": [0],
    }  # fmt: skip
    store.write_manifest({"command": "bench run <here> & there", "cells": ids, "config": config, "warnings": []})
    return store


def made_run(out: Path, data_dir: Path) -> Store:
    """The whole example: corpus in ``data_dir``, run in ``out``."""
    dataset = corpus(data_dir)
    cells = [(record(dataset, method, place), lines(method)) for place, method in enumerate(ANSWERS)]
    return run(out, cells, data_dir)


def write(store: Store, manifest: Mapping[str, Any], dataset: Dataset | None, *notes: str) -> tuple[Path, list[str]]:
    """The page of all records of the folder, without tests; its path, and what it had to leave out."""
    records = store.records()
    embedded = inspector(store, records, dataset, notes)
    return write_page(store.out, Report.of(records, manifest), embedded), embedded.notes


def unpack(block: str) -> Any:
    """The content of a block of the page."""
    return json.loads(gzip.decompress(base64.b64decode(block)))
