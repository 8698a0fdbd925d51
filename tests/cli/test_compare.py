"""`bench compare`: settings, paired scores, flips."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.records.identity import cell_id
from bench.records.record import Record
from bench.records.store import Store
from bench.report.answer_tables import difference_table
from methods.registry import METHODS
from tests.records.factory import changed, make_record
from tests.report.stored import stored_run

Bench = Callable[..., int]


def test_what_changed(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out, value in (("one", "0.5"), ("two", "90")):
        stored_run(mini_preset, out, f"mini.smoothing={value}")
    assert bench("compare", "one", "one") == 0
    out = capsys.readouterr().out
    assert out.startswith("Settings\n  no difference\n")
    assert "mini ratio 0.5: 0 fixed, 0 broke of 60 answers; 0 have another label\n" in out
    assert "moved most" not in out
    rows = [line.split() for line in out.splitlines() if line.startswith("mini  ")]
    assert [row[-2:] for row in rows] == [["1.000", "1.000"]] * 2

    def answers(folder: str, ratio: float) -> list[Mapping[str, Any]]:
        store = Store(Path(folder))
        records = sorted((r for r in store.records() if (r.method, r.ratio) == ("mini", ratio)), key=lambda r: r.draw)
        return [line for record in records for line in store.predictions(record.cell_id)]

    assert bench("compare", "one", "two", "--show", "2") == 0
    out = capsys.readouterr().out
    assert "  options.mini.smoothing: 0.5 -> 90.0\n" in out
    for ratio in (0.5, 1.0):
        pairs = list(zip(answers("one", ratio), answers("two", ratio), strict=True))
        was, now = ([side["predicted"] == side["gold"] for side in column] for column in zip(*pairs, strict=True))
        broke = [pair[0]["id"] for pair, a, b in zip(pairs, was, now, strict=True) if a and not b]
        fixed = sum(b and not a for a, b in zip(was, now, strict=True))
        other = sum(a["predicted"] != b["predicted"] for a, b in pairs)
        said = f"{fixed} fixed, {len(broke)} broke of {len(pairs)} answers; {other} have another label\n"
        assert f"mini ratio {ratio:g}: {said}" in out
        assert len(broke) > 2
        assert f"  broke: {', '.join(list(dict.fromkeys(broke))[:2])}, ...\n" in out
    assert "mini_plain ratio 1: 0 fixed, 0 broke of 30 answers" in out
    assert "Relations that moved most" in out


def test_a_default_shows_too(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of options and, where a run is older than a setting, of settings."""
    stored_run(mini_preset, "one", ratios="1")
    stored_run(mini_preset, "two", "mini.k=3", ratios="1", probes=True)
    path = Path("one/run.json")
    manifest = json.loads(path.read_text())
    del manifest["config"]["probes"], manifest["config"]["budget"]["patience"]
    path.write_text(json.dumps(manifest))
    assert bench("compare", "one", "two") == 0
    settings = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert settings == ["Settings", "  options.mini.k: 2 -> 3", "  probes: False -> True"]


def test_other_training_instances_and_other_corpora(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored_run(mini_preset, "one")
    stored_run(mini_preset, "big", "dataset.size=90")
    assert bench("compare", "one", "big") == 0
    out = capsys.readouterr().out
    assert "  dataset.options.size: absent -> 90\n" in out
    assert "  dataset_hash: " in out
    assert out.endswith("The corpora differ: answers are not compared.\n")
    same = {"dataset_hash": Store(Path("one")).records()[0].identity["dataset_hash"]}
    store, ids = Store(Path("big")), []
    for record in store.records():
        identity = {**record.identity, **same}
        ids.append(cell_id(identity, METHODS.options(record.method)))
        store.write(changed(record, identity=identity, cell_id=ids[-1]), store.predictions(record.cell_id))
    store.write_manifest({**(store.read_manifest() or {}), "cells": ids})
    assert bench("compare", "one", "big") == 0
    assert "In 6 of 6 pairs of cells the training instances differ.\n" in capsys.readouterr().out


def test_mistakes(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, method in (("a", "mini"), ("b", "mini_plain")):
        stored_run(mini_preset, name, methods=method)
    for arguments, message in (
        (("a", "absent"), "absent holds no run"),
        (("a", "b"), "a and b have no finished cell of one method and setting in common"),
        (("a", "a", "--show", "-1"), "--show -1: use a whole number from 0"),
    ):
        assert bench("compare", *arguments) == 2
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1


def test_differences_by_hand() -> None:
    def cell(draw: int, seed: int, f1: float) -> Record:
        return make_record(f1, method="m", draw=draw, seed=seed)

    # Draw means of the differences: 2, 4 points; t(1) = 12.706, s / sqrt(2) = 1: [3 - 12.7, 3 + 12.7].
    scores = [(0, 0, 0.50, 0.51), (0, 1, 0.40, 0.43), (1, 0, 0.60, 0.64)]
    table = difference_table([(cell(d, s, a), cell(d, s, b)) for d, s, a, b in scores])
    assert table.rows == (("m", "10%", "52.5", "55.5", "+3.0", "[-9.7, +15.7]", "3"),)
    assert "micro-F1 × 100" in table.notes[0]
    alone = difference_table([(cell(0, 0, 0.5), cell(0, 0, 0.25))])
    assert alone.rows == (("m", "10%", "50.0", "25.0", "-25.0", "–", "1"),)
