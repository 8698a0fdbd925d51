"""`bench tune` as a user calls it, on the miniature plugin and on ETRAG; and `bench run --tuned` with what it wrote."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bench.data import load_configured
from bench.records.store import Store
from bench.run.plan import plan
from bench.settings.config import RunConfig
from methods.registry import METHODS
from tests.cli.test_cli import wait_for

Bench = Callable[..., int]
MINI = ("tune", "--method", "mini", "--preset", "mini.yaml", "--ratio", "0.5", "--out", "out")
FILES = ("mini.yaml", "mini/trials.csv")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_etrag_is_tuned_run_and_never_worse_on_dev(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("tune", "--method", "etrag", "--preset", "smoke", "--ratio", "0.5", "--set", "etrag.temperature=0.1")
    assert bench(*arguments, "--trials", "4") == 0
    captured = capsys.readouterr()
    assert "etrag: 0 of 4 trials finished; results/tuning/smoke-synthetic-0.5/etrag\n[1/4] etrag: " in captured.err
    files = [Path(line.strip()) for line in captured.out.split("written:\n")[1].splitlines()]
    figures = [f"{name}.{form}" for name in ("history", "importance", "k-temperature") for form in ("png", "pdf")]
    assert [path.name for path in files] == ["etrag.yaml", "trials.csv", *figures]
    assert all(path.stat().st_size > 100 for path in files)

    tuned = yaml.safe_load(Path("configs/tuned/synthetic-0.5/etrag.yaml").read_text(encoding="utf-8"))
    rows = table(Path("results/tuning/smoke-synthetic-0.5/etrag/trials.csv"))
    source = tuned["source"]
    assert source["dev_score"] == max(float(row["dev_score"]) for row in rows if row["dev_score"])
    assert source["dev_score"] >= source["dev_score_default"] == float(rows[0]["dev_score"])
    assert rows[0]["default"] == "true"
    assert (rows[0]["k"], rows[0]["temperature"], rows[0]["candidate_count"]) == ("5", "0.1", "32")
    assert source["trials"] == source["completed"] + source["pruned"] + source["failed"] == len(rows) == 4
    best = next(row for row in rows if int(row["trial"]) == source["best_trial"])
    assert (tuned["options"]["k"], tuned["options"]["temperature"]) == (int(best["k"]), float(best["temperature"]))
    assert tuned["optimisation"].keys() == {"learning_rate", "new_learning_rate"}

    run = ("run", "--preset", "smoke", "--ratios", "0.5", "--tuned", "configs/tuned/synthetic-0.5")
    assert bench(*run, "--methods", "etrag,etrag_tuned") == 0
    out = capsys.readouterr().out
    assert re.search(r"^etrag_tuned +\d", out, re.MULTILINE)
    assert re.search(r"^etrag +\d", out, re.MULTILINE)
    store = Store(Path("results/smoke-synthetic"))
    manifest = store.read_manifest()
    assert manifest is not None
    records = {record.method: record for record in store.records(manifest["cells"])}
    assert records["etrag_tuned"].identity["options"].items() >= tuned["options"].items()
    if tuned["options"]["candidates"] == "random":  # else evaluating between steps also refreshes what is drawn from
        assert records["etrag_tuned"].metrics["dev_f1"] == source["dev_score"]
    config = RunConfig.model_validate(manifest["config"])  # the manifest alone says what was run
    assert [spec.cell_id for spec in plan(config, load_configured(config))] == manifest["cells"]
    assert config.variants["etrag_tuned"].source is not None


def test_methods_get_the_same_number_of_trials_and_failures_do_not_end_it(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("space.yaml").write_text("k: [31, 30, 29]\n")  # 30 instances at ratio 0.5
    assert bench(*MINI[:2], "mini,mini_plain", *MINI[3:], "--trials", "3") == 0
    for method in ("mini", "mini_plain"):
        assert len(table(Path("out") / method / "trials.csv")) == 3
        assert yaml.safe_load((Path("out") / f"{method}.yaml").read_text())["source"]["trials"] == 3
    arguments = (*MINI[:-1], "failing", "--space", "space.yaml", "--set", "mini.k=31", "--trials", "9")
    assert bench(*arguments) == 0
    rows = table(Path("failing/mini/trials.csv"))
    assert len(rows) == 9
    assert {row["state"] for row in rows} == {"completed", "failed"}
    assert rows[0]["error"] == "MethodError: k = 31 is more than the 30 instances of the database"
    captured = capsys.readouterr()
    assert "(defaults: failed)" in captured.out
    assert "mini: FAILED (MethodError: k = 31 is more" in captured.err


def test_an_unfit_method_is_not_tuned(
    bench: Bench, mini_preset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(METHODS.load("mini"), "unfit", classmethod(lambda *_: "needs neighbours"))
    assert bench(*MINI, "--trials", "2") == 0
    assert "mini: not tuned: needs neighbours\n" in capsys.readouterr().err
    assert not Path("out").exists()


def test_no_score_at_all_is_a_failure(
    bench: Bench, mini_preset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINI_FAIL", "mendable")
    assert bench(*MINI, "--trials", "2") == 1
    assert "mini: no trial gave a score; out/mini/trials.csv says why" in capsys.readouterr().err
    assert [row["error"] for row in table(Path("out/mini/trials.csv"))] == ["MethodError: mend me"] * 2
    assert not Path("out/mini.yaml").exists()


def test_the_same_call_writes_the_same_bytes_and_a_finished_study_runs_nothing(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (*MINI[:-2], "--trials", "5", "--draws", "0,1", "--set", "budget.evaluate_every=10")
    for out in ("one", "two"):
        assert bench(*arguments, "--out", out) == 0
    first, second = (Path(out, "mini.yaml").read_text().replace("two", "one") for out in ("one", "two"))
    assert first == second
    before = {path: path.read_bytes() for path in Path("one").rglob("*.[cyp]*")}
    assert len(before) == 6
    capsys.readouterr()
    assert bench(*arguments, "--out", "one") == 0
    assert "[" not in capsys.readouterr().err.split("5 of 5 trials finished")[1]
    assert {path: path.read_bytes() for path in Path("one").rglob("*.[cyp]*")} == before
    assert bench(*arguments, "--out", "one", "--draws", "0") == 2
    assert "the study mini-mini-0.5-mini was made with other settings (draws.1: " in capsys.readouterr().err


def test_killed_and_shared(
    bench: Bench,
    mini_preset: Path,
    mini_environment: dict[str, str],
    mini: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One process hangs in its second trial; another does all the rest and leaves that one alone; after a kill -9 of
    the first, the other takes its place."""
    arguments = (*MINI, "--trials", "5")
    marker = mini / "second-trial-begins"
    hanging = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "bench", *arguments],
        cwd=mini,
        env=mini_environment | {"MINI_HANG": "2", "MINI_MARKER": str(marker)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_for(marker, hanging)
    assert bench(*arguments) == 0
    err = capsys.readouterr().err
    assert "mini: 1 of 5 trials finished" in err
    assert err.count(" ...\n") == 3
    assert "1 trials still run in other processes" in err
    assert not any((mini / "out" / name).exists() for name in FILES)
    hanging.send_signal(signal.SIGKILL)
    hanging.communicate()

    assert bench(*arguments) == 0
    err = capsys.readouterr().err
    assert "mini: 4 of 5 trials finished" in err
    assert err.count(" ...\n") == 1
    rows = table(mini / "out/mini/trials.csv")
    assert [row["trial"] for row in rows] == ["0", "2", "3", "4", "5"]  # 1 is the one that was killed
    assert [row["default"] for row in rows] == ["true", *["false"] * 4]
    assert all((mini / "out" / name).exists() for name in FILES)


def test_a_folder_that_cannot_be_written_is_one_line_and_code_1(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("configs").touch()
    assert bench(*MINI[:-2], "--trials", "1") == 1
    assert "bench: error: configs/tuned/mini-0.5 cannot be written: Not a directory" in capsys.readouterr().err


def test_an_interruption_says_how_to_continue(
    bench: Bench, mini_preset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bench.tuning.objective as objective

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(objective, "build_method", interrupted)
        assert bench(*MINI, "--trials", "2") == 130
    assert capsys.readouterr().err.endswith("interrupted while tuning mini; run again to continue\n")
    assert bench(*MINI, "--trials", "2") == 0
    assert [row["default"] for row in table(Path("out/mini/trials.csv"))] == ["true", "false"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--methods", "minni"], "unknown method 'minni'. Did you mean 'mini'?"),
        (["--ratio", "0.5,1"], "--ratio: give one"),
        (["--ratio", "0"], "ratios: 0 is no share"),
        (["--seed", "0,1"], "--seed: give one"),
        (["--trials", "0"], "--trials: 0 is no number of trials"),
        (["--trials", "many"], "invalid int value: 'many'"),
        (["--space", "missing.yaml"], "--space missing.yaml cannot be read"),
        (["--space", "space.yaml"], "search space: k = 0"),
        (["--space", "space.yaml", "--methods", "mini,mini_plain"], "--space holds the search space of one method"),
        (["--out", "mini.yaml"], "mini.yaml is a file; name a folder"),
        (["--storage", "mini.yaml/x"], "mini.yaml is a file; name a folder"),
        (["--preset", "variant.yaml", "--method", "cold"], "--method: a variant cannot be tuned"),
        (["--dataset", "minni"], "unknown dataset 'minni'"),
        (["--set", "mini.kk=3"], "unknown key 'mini.kk'"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    Path("space.yaml").write_text("k: {low: 0, high: 3}\n")
    Path("variant.yaml").write_text(mini_preset.read_text() + "variants: {cold: {method: mini}}\n")
    assert bench(*MINI, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("bench: error: ")
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not Path("out").exists()
