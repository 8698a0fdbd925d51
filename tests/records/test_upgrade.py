"""Records of schema 1: every stored one is read, and says what schema 1 left to be guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.records.record import Record, read_record
from bench.records.store import Store
from bench.scoring.metrics import METRICS
from methods.types import RelationSchema
from tests.records.factory import cell_id

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
RUNS = sorted(path.parent.name for path in REFERENCE.glob("*/run.json"))
NEGATIVE = {"semeval": "Other", "synthetic": "no_relation", "fewrel": None}
NAMES = ("a", "b", "none")


def made(**changes: Any) -> dict[str, Any]:
    """A record of schema 1, as it was written."""
    names = {"dataset": "toy", "method": "m", "ratio": 0.1, "draw": 0, "seed": 0}
    whole = {
        "schema_version": 1, "cell_id": cell_id("old"), "status": "ok", "identity": {"metric": "docred_f1", **names},
        **names, "n_train": 7, "n_dev": 3, "n_test": 5, "subset_ids": {"train": ["t"], "dev": []},
        "metrics": {"f1": 0.5},
        "cost": {}, "timings": {}, "diagnostics": {}, "history": [], "environment": {}, "created": "", "error": None,
    }  # fmt: skip
    return whole | changes


def docred(negative: str | None, unpaired: int = 2) -> Record:
    """Five instances, three facts, ``unpaired`` more that no instance stands for."""
    gold = [("a",), ("b",), ("none",), ("a",), ("none",)]
    predicted = [("a",), ("a",), ("none",), ("a", "b"), ("b",)]
    schema = RelationSchema(NAMES, {name: f"is {name}" for name in NAMES}, negative)
    return read_record(
        made(metrics=dict(METRICS["docred_f1"].report(gold, predicted, schema, [frozenset()] * 5, unpaired)))
    )


@pytest.mark.parametrize("run", RUNS)
def test_every_reference_record_is_read_with_its_negative_class(run: str) -> None:
    records = Store(REFERENCE / run).records()
    assert records
    for record in records:
        assert (record.schema_version, record.status, record.n_unpaired) == (2, "ok", 0)
        assert record.negative == NEGATIVE[record.dataset]
        assert record.negative is None or record.negative in record.metrics["per_relation"]


@pytest.mark.parametrize("run", RUNS)
def test_nothing_else_of_a_reference_record_changes(run: str) -> None:
    for path in (REFERENCE / run / "cells").glob("*.json"):
        raw = json.loads(path.read_text(encoding="utf-8"))
        new = read_record(raw).model_dump(mode="json")
        registered = raw["identity"].get("registered", raw["method"])
        assert new["identity"] == raw["identity"] | {"registered": registered}
        kept = raw.keys() - {"identity", "schema_version", "retrieval"}
        assert {name: new[name] for name in kept} == {name: raw[name] for name in kept}


def test_a_variant_keeps_the_method_behind_it() -> None:
    records = Store(REFERENCE / "semeval").records()
    names = {(record.method, record.identity["registered"]) for record in records}
    assert ("no_retrieval_tuned", "no_retrieval") in names
    assert ("etrag", "etrag") in names


def test_facts_that_no_instance_stands_for() -> None:
    """Two of three facts found: recall 2/3 of the instances, 2/5 with the two facts that none stands for."""
    found = docred("none")
    assert found.metrics["recall"] == 2 / 5
    assert (found.negative, found.n_unpaired) == ("none", 2)


def test_no_fact_without_an_instance() -> None:
    found = docred("none", unpaired=0)
    assert found.metrics["recall"] == 2 / 3
    assert (found.negative, found.n_unpaired) == ("none", 0)


def test_a_failed_record_says_nothing_of_either() -> None:
    error = {"type": "MethodError", "message": "why", "traceback": ""}
    found = read_record(made(status="failed", error=error))
    assert (found.negative, found.n_unpaired, found.status) == (None, 0, "failed")


def test_other_test_sets_have_a_file() -> None:
    target = {"test_set": "test", "datastore": None, "metrics": {"f1": 0.5}}
    assert read_record(made(test_sets={"test": target, "far": target})).prediction_files == ("test_sets",)
    assert read_record(made(test_sets={"test": target})).prediction_files == ()
    assert read_record(made()).prediction_files == ()


@pytest.mark.parametrize("version", [None, 0, 3, "2"])
def test_another_schema_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match=r"schema_version .* is not 1 or 2"):
        read_record(made(schema_version=version))
