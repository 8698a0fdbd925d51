"""One object per metric: an entry of the registry is all that another one needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.base import Dataset
from bench.records.record import Record
from bench.records.store import Store
from bench.report.frames import cells_frame
from bench.scoring.labels import check_corpus, score
from bench.scoring.metric import Metric
from bench.scoring.metrics import METRICS
from bench.statistics.significance import significance
from methods.types import Prediction, RelationSchema
from tests.records.factory import make_record
from tests.scoring.instances import instance

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
NAMES = ("per:a", "none", "org:a", "org:b")
SCHEMA = RelationSchema(NAMES, {name: f"text {name}" for name in NAMES}, "none")


def families(schema: RelationSchema) -> dict[str, str]:
    return {name: name.partition(":")[0] for name in schema.names if name != schema.negative}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Metric:
    """Macro-F1 over families of relations, of which an instance may have several."""
    metric = Metric("toy", "macro_f1", families, multi_label=True)
    monkeypatch.setitem(METRICS, "toy", metric)
    return metric


def corpus(copies: int = 1) -> Dataset:
    relations = [("per:a", "org:a"), ("none",), ("org:b",), ("org:a", "org:b"), ("none",)] * copies
    test = tuple(instance(f"q{n}", "Ann", "Rome", *names) for n, names in enumerate(relations))
    return Dataset("toy", SCHEMA, "toy", (), (), test, multi_label=True)


def answers(predicted: Sequence[Sequence[str]]) -> Prediction:
    """Scores under which each instance has these relations."""
    return Prediction(np.array([[0.0 if n == "none" else float(n in row) - 0.5 for n in NAMES] for row in predicted]))


def test_a_metric_of_ones_own_scores_and_reports(toy: Metric) -> None:
    dataset = corpus()
    check_corpus(dataset)
    found, labels = score(answers([["per:a"], ["per:a"], ["org:b"], ["org:b"], []]), dataset.test, dataset, ())
    assert labels == [("per:a",), ("per:a",), ("org:b",), ("org:b",), ("none",)]
    # per: 1 right of 2 predicted and 1 gold; org: 2 right of 2 predicted and 4 gold.
    assert found["f1"] == (2 / 3 + 2 / 3) / 2
    assert (found["primary"], found["precision"], found["recall"]) == ("macro_f1", (1 / 2 + 1) / 2, (1 + 1 / 2) / 2)
    assert found["accuracy"] == 2 / 5
    assert found["per_relation"]["org:b"] == {"precision": 1, "recall": 1, "f1": 1, "support": 2, "predicted": 2}
    counts = toy.count([i.relations for i in dataset.test], [labels], SCHEMA)
    assert counts.gold.tolist() == [[1, 1], [0, 0], [0, 1], [0, 2], [0, 0]]
    assert counts.scores() == pytest.approx([found["f1"]])


@pytest.mark.usefixtures("toy")
def test_a_metric_of_ones_own_is_tested_for_significance() -> None:
    dataset, records, lines = corpus(copies=23), [], {}
    for method, right in (("no_retrieval", 53), ("etrag", 97)):
        predicted = [i.relations if row < right else ("per:a",) for row, i in enumerate(dataset.test)]
        metrics, labels = score(answers(predicted), dataset.test, dataset, ())
        records.append(make_record(method=method, identity={"metric": "toy"}, negative="none", metrics=metrics))
        lines[records[-1].cell_id] = [
            {"id": i.id, "gold": list(i.relations), "predicted": list(label)}
            for i, label in zip(dataset.test, labels, strict=True)
        ]
    found = significance(cells_frame(records), records, lines.get, "no_retrieval")
    assert found.marks == {("etrag", 0.1): "↑*"}
    gap = records[1].metrics["f1"] - records[0].metrics["f1"]
    assert found.differences.iloc[0]["difference"] == pytest.approx(gap)


def recomputed(record: Record, lines: list[dict[str, Any]]) -> dict[str, Any]:
    names = tuple(record.metrics["per_relation"])
    schema = RelationSchema(names, {name: name for name in names}, record.negative)
    gold, predicted = ([line[side] for line in lines] for side in ("gold", "predicted"))
    return dict(METRICS[record.identity["metric"]].report(gold, predicted, schema, unpaired=record.n_unpaired))


@pytest.mark.parametrize("run", ["default", "semeval", "semeval-k1", "fewrel"])
def test_stored_scores_follow_from_stored_predictions_to_the_last_digit(run: str) -> None:
    store = Store(REFERENCE / run)
    for record in store.records()[:3]:
        again = recomputed(record, store.predictions(record.cell_id))
        recorded = {name: value for name, value in record.metrics.items() if name != "dev_f1"}
        assert again == recorded
        assert math.isfinite(again["f1"])
