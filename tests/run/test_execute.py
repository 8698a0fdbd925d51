"""One cell: its record, its predictions, its failures; and the seeds, timers and environment that it uses."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.records.store import Store
from bench.run import environment, profiling
from bench.run.environment import resolve_device
from bench.run.execute import execute, unfit
from bench.run.plan import CellSpec, plan
from bench.run.profiling import PeakMemory, Timer
from bench.run.seeds import derive, seed_everything
from bench.settings.config import build
from methods.base import Progress, Task
from methods.registry import METHODS
from methods.settings import Settings
from methods.types import Prediction


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


@pytest.fixture
def specs(mini_preset: Path, dataset: Dataset) -> tuple[CellSpec, ...]:
    return plan(build(str(mini_preset)), dataset)


def test_a_record_has_the_fields_of_the_schema(specs: Sequence[CellSpec], dataset: Dataset, tmp_path: Path) -> None:
    seen: list[Progress] = []
    record, lines, _ = execute(specs[0], dataset, seen.append)
    assert record.status == "ok", record.error
    assert set(record.model_dump()) == {
        "schema_version", "cell_id", "status", "identity", "dataset", "method", "ratio", "draw", "seed", "n_train",
        "n_dev", "n_test", "n_unpaired", "negative", "subset_ids", "metrics", "cost", "timings", "diagnostics",
        "neighbours", "probes", "test_sets", "prediction_files", "history", "environment", "created", "error",
    }  # fmt: skip
    assert set(record.cost) == {
        "train_seconds", "predict_seconds", "total_seconds", "peak_memory_bytes", "parameters", "trained_parameters",
        "steps", "instances_seen",
    }  # fmt: skip
    assert set(record.environment) >= {
        "python", "platform", "cpu", "cores", "threads", "device", "commit", "dirty", "determinism", "dtype",
        "packages",
    }  # fmt: skip
    assert record.environment["determinism"]["deterministic_algorithms"] is True
    assert record.environment["packages"]["torch"]
    assert set(record.metrics) >= {"primary", "f1", "precision", "recall", "accuracy", "per_relation", "dev_f1"}
    assert (record.n_train, record.n_dev, record.n_test) == (30, 11, 30)
    assert len(record.subset_ids.train) == 30
    assert record.cost["peak_memory_bytes"] > 1 << 20
    assert [p.step for p in seen] == list(range(1, 31))
    assert lines is not None
    assert [line["id"] for line in lines] == [i.id for i in dataset.test]
    assert set(lines[0]) == {"id", "gold", "predicted", "scores", "neighbours"}
    assert len(lines[0]["neighbours"]) == 2
    store = Store(tmp_path)
    store.write(record, lines)
    assert store.read(record.cell_id) == record


def test_the_same_spec_gives_the_same_predictions(specs: Sequence[CellSpec], dataset: Dataset) -> None:
    (first, lines, _), (second, again, _) = execute(specs[0], dataset), execute(specs[0], dataset)
    assert lines == again
    assert first.metrics == second.metrics
    assert execute(replace(specs[0], seed=1), dataset)[1] != lines


def test_a_method_without_retrieval_has_no_neighbours(specs: Sequence[CellSpec], dataset: Dataset) -> None:
    _, lines, _ = execute(specs[1], dataset)
    assert lines is not None
    assert all(line["neighbours"] is None for line in lines)


def test_no_dev_instances_no_dev_score(mini_preset: Path, dataset: Dataset) -> None:
    without = replace(dataset, dev=())
    record, _, _ = execute(plan(build(str(mini_preset)), without)[0], without)
    assert record.status == "ok"
    assert "dev_f1" not in record.metrics


@pytest.mark.parametrize(
    ("failure", "kind", "traced"), [("bug", "RuntimeError", True), ("mendable", "MethodError", False)]
)
def test_a_failure_is_a_record(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, failure: str, kind: str, traced: bool
) -> None:
    monkeypatch.setenv("MINI_FAIL", failure)
    record, lines, _ = execute(specs[0], dataset)
    assert lines is None
    assert record.error is not None
    assert (record.status, record.error.type) == ("failed", kind)
    assert ("in fit" in record.error.traceback) is traced
    assert (record.metrics, record.cost) == ({}, {})
    assert record.environment["python"]


def test_a_method_that_exits_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("mini_plugin.Mini.fit", leave)
    record, _, _ = execute(specs[0], dataset)
    assert record.error is not None
    assert (record.status, record.error.type) == ("failed", "SystemExit")


@pytest.mark.parametrize("reason", [None, 5])
def test_unfit_must_give_a_reason(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, reason: object
) -> None:
    monkeypatch.setattr("mini_plugin.Mini.unfit", classmethod(lambda cls, task, options: reason))
    record, _, _ = execute(specs[0], dataset)
    assert record.error is not None
    assert (record.status, record.error.message) == ("failed", f"unfit returns {reason!r}, not a reason")


def test_a_method_that_is_unfit_is_skipped_with_its_reason(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[Task, Settings]] = []

    def unfit(cls: type, task: Task, options: Settings) -> str:
        asked.append((task, options))
        return "it cannot count"

    monkeypatch.setattr(METHODS.load("mini"), "unfit", classmethod(unfit))
    monkeypatch.setenv("MINI_FAIL", "bug")  # nothing is trained
    record, lines, more = execute(specs[0], dataset)
    assert (record.status, lines, more, record.metrics) == ("skipped", None, {}, {})
    assert record.error is not None
    assert (record.error.type, record.error.message, record.error.traceback) == ("Unfit", "it cannot count", "")
    assert asked == [(Task(dataset.schema, multi_label=False, documents=False), specs[0].options)]
    store = Store(tmp_path)
    store.write(record, lines, more)
    assert store.finished(record.cell_id)


def test_a_method_is_asked_about_documents(specs: Sequence[CellSpec], dataset: Dataset) -> None:
    seen: list[Task] = []

    class Asked(METHODS.load("mini")):  # type: ignore[misc]
        @classmethod
        def unfit(cls, task: Task, options: Settings) -> str:
            seen.append(task)
            return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(METHODS), "load", lambda self, name: Asked)
        for test in (dataset.test, tuple(replace(i, document="d") for i in dataset.test)):
            assert unfit(specs[0], replace(dataset, test=test)) == ""
    assert [task.documents for task in seen] == [False, True]


def test_another_dataset_than_planned_is_a_failure(specs: Sequence[CellSpec], dataset: Dataset) -> None:
    record, _, _ = execute(specs[0], replace(dataset, train=dataset.train[3:]))
    assert record.error is not None
    assert "is not the one that cell" in record.error.message


def test_an_interruption_passes_through(specs: Sequence[CellSpec], dataset: Dataset) -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(specs[0], dataset, interrupt)


def test_odd_diagnostics_do_not_lose_a_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini_method = METHODS.load("mini")
    predict: Callable[..., Prediction] = mini_method.predict
    odd: Mapping[str, Any] = {"spread": np.float32(0.5), "ratio": float("nan"), "count": 3}
    monkeypatch.setattr(mini_method, "predict", lambda self, rows: replace(predict(self, rows), diagnostics=odd))
    record, _, _ = execute(specs[0], dataset)
    assert odd.keys() <= record.diagnostics.keys()
    assert {name: record.diagnostics[name] for name in odd} == {"spread": 0.5, "ratio": None, "count": 3}


def test_seeds_come_from_named_components() -> None:
    assert derive("a", 1) == derive("a", 1)
    assert len({derive("a", 1), derive("a1"), derive("a", "1"), derive("a", 2), derive()}) == 5
    assert 0 <= derive("a") < 2**63


def test_seeding_reaches_every_generator(mini: Path) -> None:
    import torch

    def draw() -> tuple[float, float, float]:
        seed_everything(derive("training", 7))
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    assert draw() == draw()
    assert torch.are_deterministic_algorithms_enabled()


def test_peak_memory_is_that_of_the_block() -> None:
    with PeakMemory() as quiet:
        pass
    with PeakMemory() as busy:
        block = np.ones(64 << 20, dtype=np.uint8)
        del block
    assert busy.bytes - quiet.bytes > 48 << 20
    with PeakMemory() as after:
        pass
    assert after.bytes < busy.bytes or after.note


def test_peak_memory_without_proc_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(profiling, "CLEAR", tmp_path / "absent" / "clear_refs")
    with PeakMemory() as memory:
        pass
    assert memory.note == "peak since the process began"
    assert memory.bytes > 1 << 20
    monkeypatch.undo()
    monkeypatch.setattr(profiling, "STATUS", tmp_path / "absent")
    with PeakMemory() as memory:
        pass
    assert memory.bytes > 1 << 20


def test_a_timer_adds_up_by_phase() -> None:
    timer = Timer()
    with timer.phase("fit"):
        pass
    once = timer.seconds["fit"]
    with pytest.raises(ValueError, match="x"), timer.phase("fit"):
        raise ValueError("x")
    assert timer.seconds["fit"] > once


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert resolve_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve_device("auto") == "cuda"
    assert resolve_device("cuda:0") == "cuda:0"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", False),
        ("cuda = None\n", False),
        ("cuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n", True),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.1'\n", True),
        ("debug = False\n", True),
        (None, True),
    ],
)
def test_what_torch_was_built_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, expected: bool
) -> None:
    if text is not None:
        (tmp_path / "version.py").write_text(text, encoding="utf-8")
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(environment, "find_spec", lambda name: spec)
    assert environment._built_for_gpus() is expected


def test_another_projects_commit_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(environment.describe("cpu")) >= {"commit", "dirty"}
    answers = {"rev-parse": str(tmp_path), "status": ""}
    monkeypatch.setattr(environment, "_git", lambda *arguments: answers[arguments[0]])
    assert environment._checkout() == {"commit": None, "dirty": None}
    answers["rev-parse"] = str(environment.ROOT)
    assert environment._checkout() == {"commit": str(environment.ROOT), "dirty": False}
