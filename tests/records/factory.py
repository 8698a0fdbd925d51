"""The one factory of records for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bench.records.identity import NAMES
from bench.records.record import Record
from bench.scoring.metrics import METRICS
from methods.types import RelationSchema

FAILURE = {"type": "MethodError", "message": "k = 5 exceeds the database of 2", "traceback": "…"}


def cell_id(*content: object) -> str:
    """An id that says nothing but is another for other content."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def make_record(f1: float | None = 0.5, **fields: Any) -> Record:
    """A finished cell with the names, sizes and score that a test chooses; ``subset_ids`` of a draw of its own. A
    ``status`` or an ``error`` of a failure leaves no score."""
    names = {"dataset": "toy", "method": "etrag", "ratio": 0.1, "draw": 0, "seed": 0}
    names |= {name: fields[name] for name in NAMES if name in fields}
    failed = fields.get("status", "ok") != "ok" or fields.get("error") is not None
    made: dict[str, Any] = {
        "cell_id": cell_id(*names.values()),
        "status": "failed" if failed else "ok",
        "identity": {"metric": "tacred_micro_f1"},
        **names,
        "n_train": 23,
        "n_dev": 3,
        "n_test": 101,
        "subset_ids": {"train": [f"{names['ratio']}-{names['draw']}"], "dev": ["v0"]},
        "metrics": {} if failed else {"primary": "micro_f1", "f1": f1, "precision": f1, "recall": f1, "accuracy": f1},
        "cost": {},
        "error": FAILURE if failed else None,
    }
    return Record.model_validate(made | fields)


def following(record: Record, lines: Sequence[Mapping[str, Any]]) -> Record:
    """The record with the scores of these predictions, over the relations that it knows, and without probes."""
    names = tuple(record.metrics["per_relation"])
    schema = RelationSchema(names, {name: name for name in names}, record.negative)
    gold, predicted = ([line[part] for line in lines] for part in ("gold", "predicted"))
    scores = METRICS[record.identity["metric"]].report(gold, predicted, schema)
    return changed(record, metrics={**record.metrics, **scores}, n_test=len(lines), probes=None)


def changed(record: Record, changes: Mapping[str, Any] | None = None, **more: Any) -> Record:
    """The record with other fields, checked again."""
    return Record.model_validate({**record.model_dump(), **(changes or {}), **more})
