"""The list of examinations: what is asked, what that adds to a cell, and that nothing else need know of one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.records.identity import SETTLED
from bench.records.record import Record
from bench.records.store import Store
from bench.run import examinations, execute, plan
from bench.run.examinations import EXAMINATIONS, Examination, Examined, Trained
from bench.run.executors import serial
from bench.run.progress import Display
from bench.settings.config import build


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


@pytest.mark.parametrize("examination", EXAMINATIONS, ids=lambda one: one.name)
def test_an_examination_has_a_field_of_the_record_and_an_absent_meaning(examination: Examination) -> None:
    assert examination.name in Record.model_fields
    assert not SETTLED[examination.name]


def count(cell: Trained, asked: int) -> Examined:
    lines = [{"id": f"count-{n}"} for n in range(asked)]
    return Examined({"diagnostics": {"asked": asked}}, [{"counted": asked} for _ in cell.dataset.test], lines)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more examination, which asks for as many lines as there are seeds."""
    one = Examination("seed_count", lambda config: len(config.seeds), lambda dataset, asked: {"n": asked}, count)
    for module in (examinations, execute, plan):
        monkeypatch.setattr(module, "EXAMINATIONS", (*EXAMINATIONS, one))


def test_an_entry_of_the_list_is_planned_run_and_stored(
    toy: None, mini_preset: Path, dataset: Dataset, tmp_path: Path
) -> None:
    specs = plan.plan(build(str(mini_preset), ratios="1", methods="mini", seeds="0-2"), dataset)
    assert specs[0].identity["seed_count"] == {"n": 3}
    store = Store(tmp_path / "run")
    (record,) = serial.run(specs[:1], dataset, store, Display(specs[:1], 0, Console(file=io.StringIO())))
    assert (record.diagnostics, record.prediction_files) == ({"asked": 3}, ("seed_count",))
    assert {line["counted"] for line in store.predictions(record.cell_id)} == {3}
    assert [line["id"] for line in store.predictions(record.cell_id, "seed_count")] == ["count-0", "count-1", "count-2"]
    path = store.predictions_path(record.cell_id, "seed_count")
    assert path.name == f"{record.cell_id}.seed-count.jsonl.gz"
    assert store.finished(record.cell_id)
    path.unlink()
    assert not store.finished(record.cell_id)


def test_what_is_asked_is_part_of_the_id(toy: None, mini_preset: Path, dataset: Dataset) -> None:
    one, three = (plan.plan(build(str(mini_preset), seeds=seeds), dataset)[0] for seeds in ("0", "0-2"))
    assert one.cell_id != three.cell_id


@pytest.mark.parametrize(
    "flags", [{"probes": True}, {"test_sets": "shifted"}, {"probes": True, "test_sets": "shifted@other"}]
)
def test_asking_more_makes_another_cell(mini_preset: Path, dataset: Dataset, flags: dict[str, Any]) -> None:
    def ids(**flags: Any) -> set[str]:
        return {spec.cell_id for spec in plan.plan(build(str(mini_preset), **flags), dataset)}

    assert not ids() & ids(**flags)


@pytest.mark.parametrize("name", ["../up", "a.b", "A", "x1", "-" * 3 + "/"])
def test_only_plain_names_become_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="an examination has a name of letters"):
        Store(tmp_path).predictions_path("0" * 16, name)
