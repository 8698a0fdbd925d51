"""`bench figures` as a user calls it: on the miniature plugin, on tiny models, on the published records."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.figures.contract import contract_names, read_contracts
from bench.records.store import Store
from tests.conftest import ROOT
from tests.records.factory import changed

Bench = Callable[..., int]
CONTRACT = """
title: Shared
paper: {reports: nothing}
cells:
  - {preset: mini.yaml, methods: [mini, mini_plain], ratios: [0.5], draws: [0, 1, 2], seeds: [0]}
  - {preset: mini.yaml, methods: [mini], ratios: [0.5], draws: [0], seeds: [0], vary: {option: mini.k, values: [2, 3]}}
values:
  - {path: metrics.f1, label: F1, scale: 100}
  - {path: shared.all.either, label: either, scale: 100}
figure: {kind: sharing, ratio: 0.5}
claims:
  - {says: related, whose: ours, rule: at_least, threshold: 0.01, of: {series: mini, value: shared.all.either}}
"""
CALL = ("figures", "shared.yaml", "--records", "records", "--out", "out")


@pytest.fixture
def shared(mini_preset: Path) -> Path:
    Path("shared.yaml").write_text(CONTRACT, encoding="utf-8")
    Path("records").mkdir()
    return mini_preset


def outputs(folder: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_run_computes_and_draws_and_then_records_suffice(
    bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*CALL, "--run") == 0
    captured = capsys.readouterr()
    assert "supported          mini: related (ours): all 1 comparisons hold" in captured.out
    assert "figures-mini: 6 cells to run, 0 stored" in captured.err
    assert "figures-mini-mini.k-3: 1 cells to run" in captured.err  # k = 2 is the default, so the plain cell
    assert "not derived" not in captured.err
    page = Path("out/figures.md").read_text(encoding="utf-8")
    assert "missing: mini_plain at 50%, draw/seed 0/0, 1/0, 2/0: its method retrieves nothing" in page
    listed = [Path(line.strip()) for line in captured.out.split("written:\n")[1].splitlines()]
    assert sorted(listed) == sorted(Path("out").iterdir())
    before = outputs()
    assert "shared-mini.png" in before
    assert bench(*CALL, "--run") == 0
    assert "cells to run" not in capsys.readouterr().err
    assert outputs() == before
    assert bench("report", "records/figures-mini") == 0  # an ordinary run
    assert "mini_plain" in capsys.readouterr().out
    for predictions in Path("records").rglob("*.jsonl.gz"):
        predictions.unlink()
    assert bench(*CALL) == 0
    assert outputs() == before


def test_an_interrupted_run_continues(
    bench: Bench, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.run.executors import serial

    execute, seen = serial.execute, []

    def until_the_third(*arguments: object) -> object:
        seen.append(arguments)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return execute(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(serial, "execute", until_the_third)
    assert bench(*CALL, "--run") == 130
    assert "run again to continue" in capsys.readouterr().err
    assert not Path("out").exists()
    assert bench(*CALL, "--run") == 0
    assert "figures-mini: 4 cells to run" in capsys.readouterr().err
    assert len(seen) == 3 + 4 + 1
    manifest = Store(Path("records/figures-mini")).read_manifest()
    assert manifest is not None
    assert len(manifest["cells"]) == 6


def test_plan_says_what_is_missing_and_how_long_it_takes(
    bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*CALL, "--plan") == 0
    out = capsys.readouterr().out
    assert out.count("unknown  mini ") == 7
    assert "7 cells missing" in out
    assert bench("run", "--preset", "mini.yaml", "--ratios", "0.5", "--draws", "0", "--methods", "mini",
                 "--out", "records/mine") == 0  # fmt: skip
    capsys.readouterr()
    assert bench(*CALL, "--plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" s  ")[1] for line in lines if " s  " in line] == [
        "mini mini ratio 0.5 draw 1 seed 0",
        "mini mini ratio 0.5 draw 2 seed 0",
        "mini mini k=3 ratio 0.5 draw 0 seed 0",
    ]
    assert lines[-1].startswith("6 cells missing")
    assert not Path("out").exists()


def without_neighbours(run: str) -> None:
    """The records of a run as earlier schemas left them."""
    store = Store(Path(run))
    for record in store.records():
        path = store.record_path(record.cell_id)
        path.write_text(changed(record, neighbours=None).model_dump_json(), encoding="utf-8")


def test_what_is_derived_is_what_a_new_record_says(bench: Bench, shared: Path) -> None:
    assert bench("run", "--preset", "mini.yaml", "--ratios", "0.5", "--out", "records/a") == 0
    store = Store(Path("records/a"))
    said = {record.cell_id: record.neighbours for record in store.records()}
    assert bench(*CALL) == 0
    before = outputs()
    without_neighbours("records/a")
    assert bench(*CALL) == 0
    assert outputs() != before
    assert bench(*CALL, "--derive") == 0
    assert {record.cell_id: record.neighbours for record in store.records()} == said
    assert outputs() == before
    assert len(list(Path("records/a/derived").iterdir())) == sum(found is not None for found in said.values())


def test_a_record_from_before_a_part_keeps_what_it_says_and_gets_that_part(bench: Bench, shared: Path) -> None:
    run = ("run", "--preset", "mini.yaml", "--ratios", "0.5", "--draws", "0", "--methods", "mini", "--out", "records/a")
    assert bench(*run) == 0
    store = Store(Path("records/a"))
    (record,) = store.records()
    assert record.neighbours is not None
    said = record.neighbours | {"untrained": {"n": 1}}  # which nothing that is stored would give again
    older = changed(record, neighbours={name: part for name, part in said.items() if name != "in_text"})
    store.record_path(record.cell_id).write_text(older.model_dump_json(), encoding="utf-8")
    assert bench(*CALL, "--derive") == 0
    assert store.records()[0].neighbours == said


def test_derive_needs_the_corpus_that_the_record_was_made_with(
    bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("run", "--preset", "mini.yaml", "--ratios", "0.5", "--draws", "0", "--methods", "mini", "--out", "records/a")
    assert bench(*run, "--set", "dataset.size=30") == 0
    without_neighbours("records/a")
    (predictions,) = Path("records").rglob("*.jsonl.gz")
    manifest = Path("records/a/run.json")
    as_run = manifest.read_text(encoding="utf-8")
    predictions.rename("aside")

    def problem() -> str:
        capsys.readouterr()
        assert bench(*CALL, "--derive") == 0
        return capsys.readouterr().err

    assert "not derived: a mini ratio 0.5 draw 0 seed 0: its predictions are not stored\n" in problem()
    Path("aside").rename(predictions)
    manifest.write_text(as_run.replace('"size": 30', '"size": 33'), encoding="utf-8")
    assert "not derived: a, 1 to derive: the corpus mini is another than the one of the run" in problem()
    assert not Path("records/a/derived").exists()
    manifest.write_text('{"cells": [], "config": {}}', encoding="utf-8")
    assert "a, 1 to derive: its configuration is of another version" in problem()
    manifest.write_text(as_run, encoding="utf-8")  # names the options that the corpus was read with
    assert problem() == ""
    (derived,) = Path("records/a/derived").iterdir()
    assert derived.name == predictions.name.replace(".jsonl.gz", ".json")
    lines = gzip.decompress(predictions.read_bytes()).replace(b"train-", b"nobody-")
    predictions.write_bytes(gzip.compress(lines))
    derived.unlink()
    assert bench(*CALL, "--derive") == 1
    assert "does not fit its record (KeyError" in capsys.readouterr().err


def test_run_computes_tuned_cells_in_a_run_of_their_own(
    bench: Bench, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tuned"
    folder.mkdir()
    (folder / "mini.yaml").write_text("method: mini\noptions: {k: 3}\n", encoding="utf-8")
    grid = f"  - {{preset: mini.yaml, tuned: {folder}, methods: [mini_tuned], ratios: [0.5], draws: [0], seeds: [0]}}\n"
    text = CONTRACT.replace("values:\n", grid + "values:\n")
    Path("shared.yaml").write_text(text, encoding="utf-8")
    assert bench(*CALL, "--run") == 0
    capsys.readouterr()
    (record,) = [r for store in Path("records").iterdir() for r in Store(store).records() if r.method == "mini_tuned"]
    assert record.identity["options"]["k"] == 3
    assert bench(*CALL, "--plan") == 0
    assert capsys.readouterr().out.startswith("0 cells missing")


def test_a_corpus_that_is_not_at_hand_is_said_and_a_wrong_folder_is_a_mistake(
    bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("figures", "temperature", "--records", "records", "--out", "out", "--run") == 0
    err = capsys.readouterr().err
    assert "cells of figures-semeval" in err
    assert "(--data-dir semeval=DIR)" in err
    assert bench(*CALL, "--run", "--data-dir", "mini=nowhere") == 2
    assert "nowhere is no directory" in capsys.readouterr().err


def test_a_failed_cell_is_code_1_and_tried_again(
    bench: Bench, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shorter = CONTRACT.replace("[0, 1, 2]", "[0]")
    Path("shared.yaml").write_text(shorter, encoding="utf-8")
    monkeypatch.setenv("MINI_FAIL", "mendable")
    assert bench(*CALL, "--run") == 1
    assert capsys.readouterr().err.count(": mend me (records/figures-mini/cells") == 2
    assert "failed: mend me" in Path("out/figures.md").read_text(encoding="utf-8")
    monkeypatch.delenv("MINI_FAIL")
    assert bench(*CALL, "--run") == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["pie"], "unknown figure 'pie'"),
        (["shared.yaml", "--records", "nowhere"], "--records nowhere is no directory"),
        (["shared.yaml", "--records", "mini.yaml", "--run"], "--records mini.yaml is no directory"),
        (["--out", "mini.yaml"], "--out mini.yaml is a file"),
        ([*CALL[1:], "--data-dir", "semeval=mini"], "expected NAME=DIR with a NAME of mini"),
        ([*CALL[1:], "--data-dir", "mini"], "expected NAME=DIR"),
        (["--plann"], "unrecognized arguments: --plann"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert bench("figures", *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("bench: error: ")
    assert expected in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_a_broken_record_is_one_line_and_code_1(bench: Bench, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("run", "--preset", "mini.yaml", "--out", "records/a") == 0
    cell = sorted(Path("records/a/cells").glob("*.json"))[0]
    cell.write_bytes(cell.read_bytes()[:100])
    capsys.readouterr()
    assert bench(*CALL) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"bench: error: {cell} is broken")
    assert err.count("\n") == 1


def test_run_may_start_with_nothing(bench: Bench, shared: Path) -> None:
    Path("shared.yaml").write_text(CONTRACT.replace("[0, 1, 2]", "[0]"), encoding="utf-8")
    assert bench("figures", "shared.yaml", "--records", "new/records", "--out", "out", "--run") == 0
    (record,) = [one for one in Store(Path("new/records/figures-mini")).records() if one.method == "mini"]
    assert record.neighbours is not None


def test_every_value_and_drawing_of_the_project_comes_out_of_real_cells(bench: Bench, mini_preset: Path) -> None:
    """Tiny models on the smoke preset, for the contracts of the project: same values, same figures, other cells."""
    grid = "{preset: smoke, methods: [rag_text, etrag], ratios: [0.1], draws: [0], seeds: [0]}"
    preset = (ROOT / "configs" / "presets" / "smoke.yaml").read_text(encoding="utf-8")
    budget = "budget: {max_steps: 6, batch_size: 8, evaluate_every: 3}"
    assert budget in preset
    # A refresh every two steps, so that the keys' drift is measured.
    preset = preset.replace(budget, "budget: {max_steps: 6, batch_size: 8, evaluate_every: 2}")
    preset += "options: {etrag: {k: 3, candidate_count: 5, refresh_interval: 2}, rag_text: {k: 3}}\n"
    Path("tiny.yaml").write_text(preset, encoding="utf-8")
    made = []
    for one in read_contracts([]):
        text = (ROOT / "configs" / "figures" / f"{one.name}.yaml").read_text(encoding="utf-8")
        before, cells = text.split("cells:\n")
        chosen = grid.replace("smoke", "tiny.yaml")
        if one.figure.kind == "lines" and one.figure.x == "vary":
            option = one.cells[0].vary
            assert option is not None
            chosen = chosen.replace("seeds: [0]", f"seeds: [0], vary: {{option: {option.option}, values: [3]}}")
        path = Path(f"{one.name}.yaml")
        path.write_text(f"{before}cells:\n  - {chosen}\nvalues:\n{cells.split('values:' + chr(10))[1]}")
        made.append(path.name)
    assert bench("figures", *made, "--records", "records", "--run", "--out", "out") == 0
    for one in read_contracts([]):
        assert Path(f"out/{one.name}-synthetic.png").exists(), one.name
        rows = list(csv.DictReader(Path(f"out/{one.name}.csv").read_text(encoding="utf-8").splitlines()))
        of_etrag = [row for row in rows if row["series"].startswith("etrag")]
        assert len(of_etrag) == 1
        for row in of_etrag:
            assert not [name for name in row if name != "missing" and not row[name]], one.name


def test_the_published_records_give_every_page_again_bit_for_bit(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ("figures", "--records", str(ROOT / "results" / "reference"), "--out")
    assert bench(*call, "one") == 0
    assert bench(*call, "two") == 0
    assert outputs("one") == outputs("two")
    page = Path("one/figures.md").read_text(encoding="utf-8")
    assert all(f"{name}.csv" in outputs("one") for name in contract_names())
    assert "ETRAG improves over every baseline at every ratio below 100% (paper) | semeval |" in page
    assert "missing: etrag at 100%, draw/seed 0/100, 0/101, 0/102: no record" in page  # TACRED
    assert str(ROOT) not in page
