"""Whatever a method does, its cell ends with a record that any table reads, and the next cell runs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.records.record import Record
from bench.records.store import Store
from bench.report.report import Report
from bench.run.execute import execute
from bench.run.job import Job
from bench.run.plan import CellSpec, plan
from bench.run.progress import Lines, Terminal
from bench.settings.config import build
from methods.registry import METHODS
from tests.run import hostile


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


@pytest.fixture
def specs(mini_preset: Path, dataset: Dataset) -> tuple[CellSpec, ...]:
    return plan(build(str(mini_preset), ratios="0.5", draws="0"), dataset)  # mini, then mini_plain


def worked(specs: Sequence[CellSpec], dataset: Dataset, out: Path) -> list[Record]:
    """The records of all cells, written and read again; a report of them can be made."""
    store = Store(out)
    Job(store, dataset, specs).work(Console(file=io.StringIO()))
    records = store.records(spec.cell_id for spec in specs)
    Report.of(records, {"cells": [spec.cell_id for spec in specs]})
    return records


def failed_alone(records: Sequence[Record]) -> str:
    """Why the first cell failed; the second one has a result."""
    assert [record.status for record in records] == ["failed", "ok"]
    error = records[0].error
    assert error is not None
    return error.message


@pytest.mark.parametrize(("change", "why"), hostile.RETURNED.values(), ids=hostile.RETURNED)
def test_what_is_no_prediction_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Any, why: str
) -> None:
    method = METHODS.load("mini")
    plain = METHODS.load("mini_plain")
    monkeypatch.setattr(plain, "fit", method.fit)
    monkeypatch.setattr(plain, "predict", plain.predict)
    original = method.predict
    monkeypatch.setattr(
        method,
        "predict",
        lambda self, rows: change(original(self, rows)) if type(self) is method else original(self, rows),
    )
    assert why in failed_alone(worked(specs, dataset, tmp_path / "out"))


@pytest.mark.parametrize(("change", "why"), hostile.REPORTED.values(), ids=hostile.REPORTED)
def test_what_is_no_report_of_training_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Any, why: str
) -> None:
    method = METHODS.load("mini")
    monkeypatch.setattr(METHODS.load("mini_plain"), "fit", method.fit)
    monkeypatch.setattr(method, "fit", hostile.reports(change, method))
    assert why in failed_alone(worked(specs, dataset, tmp_path / "out"))


@pytest.mark.parametrize("made", hostile.RAISED.values(), ids=hostile.RAISED)
def test_whatever_is_raised_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made: Any
) -> None:
    def fit(*_: object) -> None:
        raise made()

    method = METHODS.load("mini")
    monkeypatch.setattr(METHODS.load("mini_plain"), "fit", method.fit)
    monkeypatch.setattr(method, "fit", fit)
    assert len(failed_alone(worked(specs, dataset, tmp_path / "out"))) <= 5000


def test_an_endless_recursion_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    method = METHODS.load("mini")
    monkeypatch.setattr(METHODS.load("mini_plain"), "fit", method.fit)
    monkeypatch.setattr(method, "fit", lambda self, train, dev: self.fit(train, dev))
    assert "recursion" in failed_alone(worked(specs, dataset, tmp_path / "out"))


@pytest.mark.parametrize("change", hostile.HARMLESS.values(), ids=hostile.HARMLESS)
def test_what_is_odd_but_a_result_stays_one(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    method = METHODS.load("mini")
    monkeypatch.setattr(method, "predict", hostile.returns(change, method))
    assert execute(specs[0], dataset)[0].ok


@pytest.mark.parametrize("kind", [Lines, Terminal])
@pytest.mark.parametrize("message", hostile.TOLD.values(), ids=hostile.TOLD)
def test_no_message_of_progress_ends_anything(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, message: Any, kind: Any
) -> None:
    method = METHODS.load("mini")
    fit = method.fit

    def telling(self: Any, train: Any, dev: Any) -> Any:
        self.context.progress(message)
        return fit(self, train, dev)

    monkeypatch.setattr(method, "fit", telling)
    monkeypatch.setattr("bench.run.progress.LINE_EVERY", 0.0)
    written = io.StringIO()
    display = kind(specs[:2], 0, Console(file=written, force_terminal=kind is Terminal))
    display.learn([execute(specs[1], dataset)[0]])  # from now on there is an estimate of what is left
    display.started(specs[0])

    def step(progress: Any) -> None:
        display.step(specs[0], progress)
        display.remaining()
        if kind is Terminal:
            display.console.print(display.render())

    assert execute(specs[0], dataset, step)[0].ok
    assert "\x1b[31m[red]" not in written.getvalue()


def test_what_no_file_takes_is_a_failed_cell(
    specs: Sequence[CellSpec], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bench.run.executors import serial

    def odd(spec: CellSpec, data: Dataset, progress: Any) -> Any:
        record, lines, more = execute(spec, data, progress)
        return record, [{**line, "odd": object()} for line in lines] if spec == specs[0] else lines, more

    monkeypatch.setattr(serial, "execute", odd)
    assert "not JSON serializable" in failed_alone(worked(specs, dataset, tmp_path / "out"))
