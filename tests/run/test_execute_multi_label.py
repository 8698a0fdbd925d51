"""A cell of a corpus whose instances have several relations: from document files to record and prediction lines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.errors import DataError
from bench.records.store import Store
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build
from methods.types import Instance, Span
from tests.data.documents import ada, write, zoe


def instance(name: str, *relations: str) -> Instance:
    return Instance(name, ("x", "y"), Span(0, 1), Span(1, 2), relations[0], more_relations=relations[1:])


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
    record, lines, _ = execute(spec, dataset)
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
