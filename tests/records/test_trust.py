"""A stored file is checked against itself: what is no record, what does not follow from its own files, what is left."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import StoreError
from bench.records.files import remove_left, temporary_prefix
from bench.records.record import read_record
from bench.records.store import Store
from tests.figures.made import AT_LEAST_ONE
from tests.records.factory import changed
from tests.report.stored import stored_run

OUT = Path("results/mini-mini")
Bench = Callable[..., int]


@pytest.fixture
def store(mini_preset: Path) -> Store:
    return stored_run(mini_preset, str(OUT), ratios="0.5", draws="0")


def first(store: Store) -> str:
    """A cell whose method retrieves."""
    return next(record.cell_id for record in store.records() if record.method == "mini")


def edit(store: Store, cell: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = store.record_path(cell)
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


def put(*keys: str | int, value: Any) -> Callable[[dict[str, Any]], object]:
    def change(raw: Any) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        raw[keys[-1]] = value

    return change


BROKEN: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "a NaN score": put("metrics", "f1", value=float("nan")),
    "a score above 1": put("metrics", "f1", value=1.5),
    "a score of text": put("metrics", "f1", value="0.5"),
    "no score": lambda raw: raw["metrics"].pop("f1"),
    "a ratio of text": put("ratio", value="0.5"),
    "a ratio above 1": put("ratio", value=2.0),
    "a negative draw": put("draw", value=-1),
    "a size of text": put("n_test", value="30"),
    "diagnostics of text": put("diagnostics", value="none"),
    "a diagnostic of text": put("diagnostics", "mean_score", value="x"),
    "an infinite diagnostic": put("diagnostics", "mean_score", value=float("inf")),
    "a cost of text": put("cost", "steps", value="many"),
    "negative seconds": put("cost", "train_seconds", value=-1.0),
    "an error of text": put("error", value="why"),
    "finished and failed": put("error", value={"type": "E", "message": "m"}),
    "an empty identity": put("identity", value={}),
    "an identity of text": put("identity", value="x"),
    "a section of text": put("identity", "models", value="x"),
    "another method": put("method", value="mini_plain"),
    "another draw": put("draw", value=7),
    "another budget": put("identity", "budget", "max_steps", value=7),
    "a relation's score": put("metrics", "per_relation", "born_in", value=3),
    "a relation without counts": put("metrics", "per_relation", "born_in", value={"f1": 0.5}),
    "neighbours of text": put("neighbours", value="x"),
    "a share above 1": put("neighbours", "all", "chance", "relation", value=3),
    "a group of text": put("neighbours", "positive", value=0.5),
    "a history of text": put("history", value=["x"]),
    "half a character": put("created", value="\ud800"),
    "a huge number": put("diagnostics", "mean_score", value=10**400),
    "another id": put("cell_id", value="0" * 16),
    "an unknown field": put("colour", value="red"),
    "an empty name": put("dataset", value=""),
}
UNFOUNDED: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "another score": put("metrics", "f1", value=0.9),
    "another accuracy": put("metrics", "accuracy", value=0.9),
    "another size": put("n_test", value=31),
    "another negative class": put("negative", value="born_in"),
    "other relations": put("metrics", "per_relation", value={}),
    "another kind of score": put("metrics", "primary", value="macro_f1"),
}
LINES: Mapping[str, bytes] = {
    "a list": b"[1,2]",
    "an id of a number": b'{"id":1}',
    "no gold": b'{"id":"a","gold":null,"predicted":"x","scores":{},"neighbours":null}',
    "a NaN": b'{"id":"a","gold":"x","predicted":"x","scores":{"x":NaN},"neighbours":[["a",null]]}',
    "an infinite score": b'{"id":"a","gold":"x","predicted":"x","scores":{"x":1e999},"neighbours":null}',
    "a neighbour without weight": b'{"id":"a","gold":"x","predicted":"x","scores":{},"neighbours":[["a"]]}',
    "probes of numbers": b'{"id":"a","gold":"x","predicted":"x","scores":{},"neighbours":null,"probes":{"x":1}}',
    "no neighbours": b'{"id":"a","gold":"x","predicted":"x","scores":{}}',
    "a test set that is none": b'{"id":"a","gold":"x","predicted":"x","scores":{},"neighbours":null,"test_set":[]}',
    "half a line": b'{"id":"a"',
    "deep": b"[" * 100_000,
    "two objects": b"{} {}",
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_what_is_no_record_is_named_and_the_others_are_read(store: Store, change: Any) -> None:
    cell = first(store)
    edit(store, cell, change)
    with pytest.raises(StoreError, match=rf"{cell}.json .*; delete it and run again$") as caught:
        store.read(cell)
    assert "\n" not in str(caught.value)
    assert [record.method for record in store.records()] == ["mini_plain"]
    assert not store.finished(cell)


@pytest.mark.parametrize("change", UNFOUNDED.values(), ids=UNFOUNDED)
def test_what_does_not_follow_from_its_predictions_is_unsound(store: Store, change: Any) -> None:
    cell = first(store)
    edit(store, cell, change)
    record = store.read(cell)
    assert record is not None
    assert not store.sound(record)
    assert f"{cell}.json does not follow from its predictions" in store.broken[cell]
    assert not store.finished(cell)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_what_is_no_prediction_is_named(store: Store, line: bytes) -> None:
    cell = first(store)
    store.predictions_path(cell).write_bytes(gzip.compress(line))
    with pytest.raises(StoreError, match=rf"{cell}.jsonl.gz.*; delete it and run again$"):
        store.predictions(cell)
    assert not store.finished(cell)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("probes", "none", "f1", value=0.123), "under the probe none"),
        (put("test_sets", "shifted", "metrics", "f1", value=0.123), "on shifted is 0.123"),
        (put("test_sets", "shifted@other", "metrics", "f1", value=0.123), "on shifted@other is 0.123"),
        (put("test_sets", "shifted", "n", value=7), "predictions for 7 instances of shifted"),
        (put("test_sets", "test", "metrics", "f1", value=0.123), "on its own test set"),
        (lambda raw: raw["test_sets"]["test"]["metrics"].pop("accuracy"), "on its own test set"),
    ],
)
def test_what_examinations_found_follows_too(mini_preset: Path, change: Any, said: str) -> None:
    flags = {"test_sets": "shifted,shifted@other", "probes": True}
    store = stored_run(mini_preset, str(OUT), ratios="0.5", draws="0", **flags)
    cell = first(store)
    assert store.finished(cell)
    edit(store, cell, change)
    assert not store.finished(cell)
    assert said in store.broken[cell]


def test_a_full_disk_leaves_the_table_on_the_terminal(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("bench.report.render.write_file", full)
    assert bench("report", str(OUT), "--no-texts") == 1
    captured = capsys.readouterr()
    assert "mini_plain" in captured.out
    assert captured.err.startswith(f"bench: error: {OUT}/tables/mini.md cannot be written: No space left on device")
    assert captured.err.count("\n") == 1


def test_a_file_of_no_bytes_is_broken(store: Store) -> None:
    cell = first(store)
    store.predictions_path(cell).write_bytes(b"")
    with pytest.raises(StoreError, match=r"jsonl.gz is broken \(it is empty\)"):
        store.predictions(cell)


def test_a_prediction_too_few_or_twice_is_unsound(store: Store) -> None:
    cell = first(store)
    lines = store.predictions(cell)
    for other in (lines[:-1], [*lines[:-1], lines[0]]):
        text = "".join(json.dumps(line) + "\n" for line in other)
        store.predictions_path(cell).write_bytes(gzip.compress(text.encode()))
        assert not store.finished(cell)


def test_what_is_no_regular_file_is_not_read(store: Store) -> None:
    cell = first(store)
    for path in (store.predictions_path(cell), store.record_path(cell)):
        path.unlink()
        path.symlink_to("/dev/zero")
        assert not store.finished(cell)
        path.unlink()
        os.mkfifo(path)
        assert not store.finished(cell)


def test_what_was_sound_is_read_again_when_it_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cell = first(store)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    assert store.finished(cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "answers", lambda *_: pytest.fail("read again"))
        assert store.finished(cell)
    edit(store, cell, UNFOUNDED["another score"])
    assert not store.finished(cell)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [place, *(found for key, one in inner for found in _places(one, (*place, key)))]


@pytest.fixture
def full(mini_preset: Path) -> dict[str, Any]:
    """A record with all that one can hold."""
    store = stored_run(mini_preset, str(OUT), ratios="0.5", draws="0", test_sets="shifted", probes=True)
    content: dict[str, Any] = json.loads(store.record_path(first(store)).read_text(encoding="utf-8"))
    return content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_any_other_value_anywhere_is_a_record_of_a_table_or_an_error(full: dict[str, Any], data: st.DataObject) -> None:
    """Whatever the reader lets through, a report can show."""
    from bench.report.report import Report

    raw = json.loads(json.dumps(full))
    place = data.draw(st.sampled_from(_places(raw)[1:]))
    put(*place, value=data.draw(VALUES))(raw)
    said = ""
    try:
        record = read_record(raw)
    except ValueError as error:
        said = str(error)
    else:
        report = Report.of([record], {"cells": [record.cell_id]})
        assert report.parts[0].scores.rows
        record.model_dump_json()
    assert "\n" not in said


COMMANDS = (
    ("report", str(OUT), "--no-texts"),
    ("inspect", str(OUT)),
    ("inspect", str(OUT), "--list", "wrong"),
    ("compare", str(OUT), str(OUT)),
    ("list", "runs"),
    ("figures", "figure.yaml", "--records", "results"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:1] + arguments[2:3]))
def test_every_command_names_the_record_and_shows_the_others(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    Path("figure.yaml").write_text(AT_LEAST_ONE, encoding="utf-8")
    cell = first(store)
    edit(store, cell, BROKEN["a NaN score"])
    assert bench(*arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.count(f"{cell}.json is broken") == 1
    assert captured.err.count("\n") == 1
    assert captured.out


@pytest.mark.parametrize(
    "arguments",
    [one for one in COMMANDS if one[0] != "list"],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[2:3]),
)
def test_every_command_that_shows_scores_names_an_edited_one(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    Path("figure.yaml").write_text(AT_LEAST_ONE, encoding="utf-8")
    cell = first(store)
    edit(store, cell, UNFOUNDED["another score"])
    assert bench(*arguments) == 1
    captured = capsys.readouterr()
    assert f"{cell}.json does not follow from its predictions" in captured.err
    assert "90.0" not in captured.out.replace("left out: ", "")
    assert "supported" not in captured.out


def test_run_computes_an_edited_cell_again(
    store: Store, bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = first(store)
    as_it_was = store.read(cell)
    assert as_it_was is not None
    edit(store, cell, UNFOUNDED["another score"])
    assert bench("run", "--preset", str(mini_preset), "--ratios", "0.5", "--draws", "0") == 0
    assert f"to run again: {OUT}/cells/{cell}.json does not follow" in capsys.readouterr().err
    again = store.read(cell)
    assert again is not None
    assert again.metrics == as_it_was.metrics


def test_two_records_of_one_cell_are_one_and_a_line(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    record = store.read(first(store))
    assert record is not None
    twin = changed(record, cell_id="0" * 16, identity={**record.identity, "schema_version": 1})
    store.write(twin, store.predictions(record.cell_id))
    manifest = store.read_manifest() or {}
    store.write_manifest({**manifest, "cells": [*manifest["cells"], twin.cell_id]})
    assert bench("report", str(OUT), "--no-texts") == 1
    assert "are both mini ratio 0.5" in capsys.readouterr().err


def test_a_run_that_cannot_be_read_does_not_hide_the_others(
    store: Store, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("results/a").mkdir()
    Path("results/a/run.json").write_text('{"cells": ["x"]}', encoding="utf-8")
    assert bench("list", "runs") == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(str(OUT))
    assert captured.err.count("results/a/run.json is no manifest of a run") == 1


def test_what_a_killed_process_left_is_removed(store: Store, bench: Bench, mini_preset: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    living = f"{temporary_prefix(store.cells / 'x.json')}abc.tmp"
    left = [living.replace(f".{os.getpid()}.", f".{dead.pid}."), ".x.json.abc.tmp"]
    for folder in (store.out, store.cells):
        for name in (*left, living):
            (folder / name).touch()
    assert bench("run", "--preset", str(mini_preset), "--ratios", "0.5", "--draws", "0") == 0
    assert sorted(path.name for path in store.out.rglob("*.tmp")) == [living, living]


def test_what_another_machine_writes_is_left_for_a_day(tmp_path: Path) -> None:
    fresh, old = (tmp_path / f".x.json.elsewhere-{name}.1.abc.tmp" for name in ("a", "b"))
    for path in (fresh, old):
        path.touch()
    os.utime(old, (0, 0))
    remove_left(tmp_path)
    assert (fresh.exists(), old.exists()) == (True, False)


def test_tables_of_an_earlier_grid_are_removed_and_foreign_ones_named(
    store: Store, bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("report", str(OUT), "--no-texts") == 0
    assert (OUT / "tables/mini-comparison.csv").exists()
    (OUT / "tables/mine.txt").touch()
    edited = OUT / "tables/mini-comparison.tex"
    edited.write_text("mine", encoding="utf-8")
    capsys.readouterr()
    assert bench("run", "--preset", str(mini_preset), "--methods", "mini_plain", "--ratios", "0.5", "--draws", "0") == 0
    out = capsys.readouterr().out
    assert not (OUT / "tables/mini-comparison.csv").exists()
    assert "Not of this report, but still in its folder: tables/mine.txt, tables/mini-comparison.tex." in out
    assert edited.read_text(encoding="utf-8") == "mine"
