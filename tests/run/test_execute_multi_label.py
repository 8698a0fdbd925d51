"""A cell of a corpus whose instances have several relations: from document files to record and prediction lines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.errors import DataError
from bench.records.store import Store
from bench.run.execute import execute
from bench.run.plan import plan
from bench.scoring.labels import choose_sets, prediction_lines, score
from bench.settings.config import build
from methods.types import Instance, Prediction, RelationSchema, Span
from tests.data.documents import ada, write, zoe

# The negative class stands in the middle: code that takes index 0 or the last for it fails.
SCHEMA = RelationSchema(
    ("a", "none", "b", "c"),
    {name: f"text {name}" for name in ("a", "none", "b", "c")},
    "none",
    {("X", "Y"): frozenset({"b"})},
)
NO = -np.inf


def instance(name: str, *relations: str, kinds: tuple[str, str] = ("", "")) -> Instance:
    return Instance(name, ("x", "y"), Span(0, 1), Span(1, 2), relations[0], *kinds, relations[1:])


INSTANCES = (
    instance("i-1", "a", "c"),
    instance("i-2", "none"),
    instance("i-3", "b", kinds=("X", "Y")),
    instance("i-4", "none"),
)
SCORES = np.array([[-1.0, -2.0, -3.0, -1.5], [-3.0, -0.1, -4.0, -5.0], [NO, -2.0, -1.0, NO], [-2.0, -2.0, -1.0, -9.0]])


def test_what_scores_above_the_negative_class_is_predicted() -> None:
    chosen = choose_sets(Prediction(SCORES), INSTANCES, SCHEMA)
    assert chosen == [("a", "c"), ("none",), ("b",), ("b",)]  # equal to the negative class is not above it
    assert choose_sets(Prediction(np.empty((0, 4))), (), SCHEMA) == []
    with pytest.raises(ValueError, match=r"instance i-3, relation a: score -1\.0, expected -inf"):
        choose_sets(Prediction(SCORES[[0, 1, 0, 3]]), INSTANCES, SCHEMA)


def test_lines_hold_lists() -> None:
    chosen = choose_sets(Prediction(SCORES), INSTANCES, SCHEMA)
    lines = prediction_lines(Prediction(SCORES), INSTANCES, chosen, SCHEMA)
    assert [line["gold"] for line in lines] == [["a", "c"], ["none"], ["b"], ["none"]]
    assert [line["predicted"] for line in lines] == [["a", "c"], ["none"], ["b"], ["b"]]
    assert lines[2]["scores"] == {"none": -2.0, "b": -1.0}


def test_the_metric_gets_what_the_dataset_knows() -> None:
    data = Dataset(
        "d", SCHEMA, "docred_f1", (), (), INSTANCES, multi_label=True, known={"i-1": frozenset("c")}, unpaired=2
    )
    metrics, chosen = score(Prediction(SCORES), data.test, data, data.unpaired)
    assert chosen[0] == ("a", "c")
    assert (metrics["precision"], metrics["recall"]) == (3 / 4, 3 / 5)  # a, c, b of 4 predicted; 3 gold and 2 missed
    assert metrics["ign_precision"] == 2 / (3 + 1e-5)
    assert score(Prediction(SCORES), data.test, data)[0]["recall"] == 1.0


@pytest.fixture
def corpus(mini: Path) -> Path:
    folder = mini / "corpus"
    folder.mkdir()
    write(folder / "dev_revised.json", [ada() | {"title": f"dev {n}"} for n in range(5)])
    write(folder / "test_revised.json", [zoe(), ada()])
    return folder


def test_a_cell_from_files_to_record(corpus: Path, mini_preset: Path, tmp_path: Path) -> None:
    dataset = load_dataset("redocred", corpus, {})
    spec = plan(build(str(mini_preset), ["mini.k=1"]), dataset)[0]
    record, lines = execute(spec, dataset)
    assert record.status == "ok", record.error
    assert (record.n_train, record.n_test) == (12, 12)  # half of 24; every pair of the test documents
    assert record.identity["metric"] == "docred_f1"
    assert {"f1", "ign_f1", "ign_precision", "dev_f1"} <= record.metrics.keys()
    assert lines is not None
    assert all(isinstance(line["gold"], list) and isinstance(line["predicted"], list) for line in lines)
    assert lines[0]["gold"] == ["no_relation"]
    assert [line["gold"] for line in lines if line["id"] == "test-1-0-1"] == [["P20", "P551"]]
    store = Store(tmp_path / "out")
    store.write(record, lines)
    assert store.read(record.cell_id) == record
    assert store.predictions(record.cell_id) == lines


def test_the_commands_run_and_report_it(bench, corpus: Path, mini_preset: Path, capsys) -> None:
    arguments = ["--preset", str(mini_preset), "--dataset", "redocred", "--data-dir", str(corpus), "--out", "out"]
    assert bench("run", *arguments, "--set", "mini.k=1", "--set", "dataset.max_test_documents=1") == 0
    assert "redocred: 1 of 2 test documents (max_test_documents): scores are not official" in capsys.readouterr().err
    assert bench("report", "out") == 0


def test_a_plan_refuses_what_does_not_fit(mini_preset: Path, corpus: Path) -> None:
    config = build(str(mini_preset), ["mini.k=1"])
    dataset = load_dataset("redocred", corpus, {})
    with pytest.raises(DataError, match=r"\(multi-label\) wants metric 'tacred_micro_f1'; known: docred_f1"):
        plan(config, dataclasses.replace(dataset, metric="tacred_micro_f1"))
    with pytest.raises(DataError, match=r"\(single-label\) wants metric 'docred_f1'; known: tacred_micro_f1"):
        plan(config, dataclasses.replace(dataset, multi_label=False))
    with pytest.raises(DataError, match=r"instance dev-\d-0-1 has several relations; set multi_label=True"):
        plan(config, dataclasses.replace(dataset, multi_label=False, metric="tacred_micro_f1"))
    positive = dataclasses.replace(dataset.schema, negative=None)
    with pytest.raises(DataError, match="multi-label and needs a negative class"):
        plan(config, dataclasses.replace(dataset, schema=positive))
