"""What the commands say of differences between methods: marks, reference, detectable difference, simulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Bench = Callable[..., int]
OUT = Path("results/mini-mini")


def test_report_tests_against_a_reference_and_does_without_predictions(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset)) == 0
    markdown = OUT / "tables" / "mini.md"
    assert "## Against mini\n" in markdown.read_text(encoding="utf-8")
    assert bench("report", str(OUT), "--reference", "mini_plain") == 0
    assert "## Against mini_plain\n" in markdown.read_text(encoding="utf-8")
    assert "better or worse than mini_plain" in capsys.readouterr().out.replace("\n", " ")
    assert bench("report", str(OUT), "--reference", "nothing") == 2
    assert capsys.readouterr().err == (
        "bench: error: --reference: the run has no method 'nothing'; it has mini, mini_plain\n"
    )
    for path in (OUT / "cells").glob("*.jsonl.gz"):
        path.unlink()
    assert bench("report", str(OUT)) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("No test of significance: the predictions of mini (cell") == 1
    assert "Against" not in markdown.read_text(encoding="utf-8")


def test_dry_run_names_the_detectable_difference(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset), "--dry-run", "--draws", "0-2") == 0
    out = capsys.readouterr().out
    assert "minimum detectable difference on 30 test instances" in out
    assert "3 draws x 1 seeds" in out
    assert "if exactly one of two methods is right on 20% of the instances" in out


def test_simulate_prints_rates_with_their_error(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("simulate", "--comparisons", "5", "--resamples", "19") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("rate over 5 comparisons")
    assert len([line for line in lines if "(n = " in line]) == 6
    assert bench("simulate", "--comparisons", "5", "--resamples", "19") == 0
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(
    "arguments", [["--comparisons", "0"], ["--resamples", "-1"], ["--seed", "-1"], ["--seed", "x"]]
)
def test_simulate_refuses_in_one_line(bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert bench("simulate", *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("bench: error: ")
    assert err.count("\n") == 1
