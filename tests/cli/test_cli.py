"""The commands as a user calls them, on the miniature plugin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.records.store import Store
from bench.run.environment import _built_for_gpus
from methods.registry import METHODS

Bench = Callable[..., int]
OUT = Path("results/mini-mini")
MADE_BY_TIME = ("cost", "timings", "environment", "created")


def stored(out: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Every cell: its record without what the clock decides, and the bytes of its predictions."""
    store = Store(out)
    return {
        record.cell_id: (
            {key: value for key, value in record.model_dump().items() if key not in MADE_BY_TIME},
            store.predictions_path(record.cell_id).read_bytes(),
        )
        for record in store.records()
    }


def written_at(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}


def test_run_prints_the_table_and_names_its_files(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset)) == 0
    captured = capsys.readouterr()
    assert "mini_plain" in captured.out
    assert "note: ratio 1: draws 1 choose the same instances" in captured.out
    files = [Path(line.strip()) for line in captured.out.split("written:\n")[1].splitlines()]
    assert len(files) >= 4
    assert all(path.is_file() for path in files)
    assert "6 cells, 0 stored, 6 to run" in captured.err
    manifest = Store(OUT).read_manifest()
    assert manifest is not None
    assert len(manifest["cells"]) == 6
    assert manifest["config"]["dataset"]["name"] == "mini"
    assert len(Store(OUT).records(manifest["cells"])) == 6


def test_a_second_run_reuses_every_cell_and_fresh_replaces_them(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset)) == 0
    before, result = written_at(OUT), stored(OUT)
    assert bench("run", "--preset", str(mini_preset)) == 0
    assert written_at(OUT) == before
    assert "6 cells, 6 stored, 0 to run" in capsys.readouterr().err
    assert bench("run", "--preset", str(mini_preset), "--fresh") == 0
    assert all(now != then for now, then in zip(written_at(OUT).values(), before.values(), strict=True))
    assert stored(OUT) == result  # the same command gives the same predictions, byte for byte


def test_explain_names_the_changed_field_and_dry_run_runs_nothing(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "--preset", str(mini_preset), "--ratios", "0.5", "--draws", "0")
    assert bench(*arguments, "--dry-run", "--explain") == 0
    assert not OUT.exists()
    out = capsys.readouterr().out
    assert out.count(": never run\n") == 2
    assert out.count("to run") == 2
    assert bench(*arguments) == 0
    before = written_at(OUT)
    capsys.readouterr()
    assert bench(*arguments, "--dry-run", "--explain", "--set", "mini.k=3") == 0
    out = capsys.readouterr().out
    assert "mini ratio 0.5 draw 0 seed 0: options.k: 2 -> 3" in out
    assert [line.split()[0] for line in out.splitlines()[-2:]] == ["to", "stored"]
    assert bench(*arguments, "--dry-run", "--explain", "--fresh") == 0
    assert "seed 0: --fresh" in capsys.readouterr().out
    assert written_at(OUT) == before


def test_a_failed_cell_is_shown_kept_and_retried(
    bench: Bench, mini_preset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "--preset", str(mini_preset), "--draws", "0", "--set", "mini.k=31")  # 30 instances at ratio 0.5
    assert bench(*arguments) == 1
    captured = capsys.readouterr()
    assert "failed: mini ratio 0.5 draw 0 seed 0: k = 31 is more than the 30 instances" in captured.err
    assert "k = 31 is more" in captured.out
    assert sorted(record.status for record in Store(OUT).records()) == ["failed", "ok", "ok", "ok"]
    assert bench("list", "runs") == 0
    assert "3 of 4 cells, 1 failed" in capsys.readouterr().out
    assert bench(*arguments) == 1  # tried again
    assert "4 cells, 3 stored, 1 to run" in capsys.readouterr().err

    monkeypatch.setenv("MINI_FAIL", "bug")
    arguments = ("run", "--preset", str(mini_preset), "--draws", "0", "--out", "other")
    assert bench(*arguments) == 1
    monkeypatch.delenv("MINI_FAIL")
    capsys.readouterr()
    assert bench(*arguments, "--explain") == 0
    assert "failed: a bug in the miniature method" in capsys.readouterr().out
    assert {record.status for record in Store(Path("other")).records()} == {"ok"}


def test_report_is_made_from_the_records_of_the_last_plan(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset)) == 0
    table = capsys.readouterr().out
    assert bench("report", str(OUT)) == 0
    assert capsys.readouterr().out == table
    cell = sorted((OUT / "cells").glob("*.json"))[0]
    cell.unlink()
    assert bench("report", str(OUT)) == 0
    assert "note: 1 of 6 planned runs have no record yet." in capsys.readouterr().out
    for path in (OUT / "cells").glob("*.json"):
        path.unlink()
    assert bench("report", str(OUT)) == 2
    assert "has no finished cell yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--ratios", "0"], "ratios: 0 is no share"),
        (["--ratios", "1.5"], "ratios: 1.5 is no share"),
        (["--set", "budget.stepz=3"], "unknown key 'budget.stepz'"),
        (["--set", "mini.kk=3"], "unknown key 'mini.kk'. Did you mean 'mini.k'?"),
        (["--set", "dataset.sise=3"], "sise"),
        (["--set", "dataset.size=1"], "size"),
        (["--methods", "minni"], "unknown method 'minni'. Did you mean 'mini'?"),
        (["--dataset", "minni"], "unknown dataset 'minni'. Did you mean 'mini'?"),
        (["--data-dir", "nowhere"], "nowhere is no directory"),
        (["--preset", "nothing"], "unknown preset 'nothing'"),
        (["--out", "mini.yaml"], "--out mini.yaml is a file"),
        (["--frsh"], "unrecognized arguments: --frsh"),
        (["--ratios"], "expected one argument"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert bench("run", "--preset", str(mini_preset), *arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("bench: error: ")
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not OUT.exists()


@pytest.mark.parametrize("arguments", [["report", "nowhere"], ["list", "everything"], ["fly"]])
def test_other_commands_complain_alike(bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert bench(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("bench: error: ")
    assert err.count("\n") == 1


def test_a_broken_record_is_named_and_run_again(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset)) == 0
    cell = sorted((OUT / "cells").glob("*.json"))[0]
    cell.write_bytes(cell.read_bytes()[:100])
    capsys.readouterr()
    assert bench("report", str(OUT)) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"bench: error: {cell} is broken")
    assert captured.err.count("\n") == 1
    assert "mini_plain" in captured.out  # the others
    assert bench("run", "--preset", str(mini_preset)) == 0
    assert f"to run again: {cell} is broken" in capsys.readouterr().err
    assert bench("report", str(OUT)) == 0


def modules_after(*arguments: str, cwd: Path, env: dict[str, str]) -> set[str]:
    """What a process has imported that runs one command, without its device where torch would have to be asked."""
    code = (
        "import sys; from bench.cli import main; code = main(sys.argv[1:]); "
        "print('modules:', *sys.modules); sys.exit(code)"
    )
    device = ["--device", "cpu"] if _built_for_gpus() else []
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments, *device],
        cwd=cwd, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("modules: ")[2].split())


def test_planning_imports_no_torch(mini: Path, mini_environment: dict[str, str]) -> None:
    every = "no_retrieval,rag_text,rag_bm25,rag_random,etrag"
    arguments = ("run", "--preset", "smoke", "--methods", every, "--set", "models.generator=minilm", "--dry-run")
    found = modules_after(*arguments, "--explain", cwd=mini, env=mini_environment)
    assert not found & {"torch", "transformers", "sentence_transformers", "faiss", "pandas", "matplotlib", "sklearn"}


def test_a_run_with_nothing_to_do_imports_no_torch(
    bench: Bench, mini_preset: Path, mini: Path, mini_environment: dict[str, str]
) -> None:
    arguments = ("run", "--preset", str(mini_preset))
    assert bench(*arguments) == 0
    before = written_at(OUT)
    found = modules_after(*arguments, cwd=mini, env=mini_environment)
    assert not found & {"torch", "transformers"}
    assert written_at(OUT) == before


def test_an_unfit_method_is_skipped_and_not_tried_again(
    bench: Bench, mini_preset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(METHODS.load("mini_plain"), "unfit", classmethod(lambda *_: "needs neighbours"))
    arguments = ("run", "--preset", str(mini_preset), "--draws", "0", "--ratios", "1")
    assert bench(*arguments) == 0
    assert "mini_plain ratio 1 draw 0 seed 0: skipped (needs neighbours) in " in capsys.readouterr().err
    assert {record.method: record.status for record in Store(OUT).records()} == {"mini": "ok", "mini_plain": "skipped"}
    assert bench(*arguments) == 0
    assert "2 cells, 2 stored, 0 to run" in capsys.readouterr().err
    assert bench("list", "runs") == 0
    assert "1 of 2 cells, 1 skipped" in capsys.readouterr().out


def test_bench_alone_helps(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench() == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("run", "list", "report"))


def test_lists(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("list", "methods") == 0
    out = capsys.readouterr().out
    assert "no_retrieval" in out
    assert "mini          Counts words by relation" in out
    assert "options: k=2, smoothing=0.5" in out
    assert bench("list", "datasets") == 0
    out = capsys.readouterr().out
    assert "Sentences of three words; every tenth has the cue of another relation." in out
    assert "options: size=60" in out
    assert bench("list", "presets") == 0
    presets = capsys.readouterr().out
    assert "tacred: 4 methods x 4 ratios x 1 draws x 1 seeds" in presets
    assert bench("list", "configs") == 0
    assert capsys.readouterr().out == presets
    assert bench("list", "runs") == 0
    assert capsys.readouterr().out == ""


def test_a_killed_run_continues_to_the_same_result(
    bench: Bench, mini_preset: Path, mini_environment: dict[str, str], mini: Path
) -> None:
    command = [sys.executable, "-W", "error", "-m", "bench", "run", "--preset", str(mini_preset), "--out", "killed"]
    marker = mini / "fourth-fit-begins"
    process = subprocess.Popen(
        command,
        cwd=mini,
        env=mini_environment | {"MINI_HANG": "4", "MINI_MARKER": str(marker)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_for(marker, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(stored(mini / "killed")) == 3
    before = written_at(mini / "killed")
    done = subprocess.run(command, cwd=mini, env=mini_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "6 cells, 3 stored, 3 to run" in done.stderr
    assert written_at(mini / "killed").items() >= before.items()

    assert bench("run", "--preset", str(mini_preset), "--out", "undisturbed") == 0
    assert stored(mini / "killed") == stored(mini / "undisturbed")
    scores = [
        [(record.label, record.metrics) for record in Store(mini / name).records()]
        for name in ("killed", "undisturbed")
    ]
    assert scores[0] == scores[1]


def test_an_interrupted_run_says_how_to_continue(
    mini_preset: Path, mini_environment: dict[str, str], mini: Path
) -> None:
    marker = mini / "second-fit-begins"
    # A background job of a script ignores SIGINT, and so would its children.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", "run", "--preset", str(mini_preset)],
            cwd=mini,
            env=mini_environment | {"MINI_HANG": "2", "MINI_MARKER": str(marker)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, inherited)
    wait_for(marker, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted: 1 of 6 cells stored; run again to continue"
    assert "Traceback" not in out + err
    manifest = json.loads((mini / OUT / "run.json").read_text(encoding="utf-8"))
    assert len(manifest["cells"]) == 6


def wait_for(marker: Path, process: subprocess.Popen[Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not marker.exists():
        assert process.poll() is None, f"ended with {process.returncode}"
        assert time.monotonic() < end, "never got there"
        time.sleep(0.05)


def test_main_survives_a_closed_pipe(mini_environment: dict[str, str], mini: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "list", "methods"],
            cwd=mini, env=mini_environment, stdout=writer, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
