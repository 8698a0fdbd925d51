"""`bench check METHOD`: a line for each clause, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from methods.testing import CLAUSES

Bench = Callable[..., int]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A plugin `bad` of this code, on top of the miniature one."""
    (folder / "bad.py").write_text(f"from mini_plugin import Mini\n{code}", encoding="utf-8")
    about = folder / "bad-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[bench.methods]\nbad = bad:Bad\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "bad", raising=False)


def test_a_good_method(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("check", "mini") == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "ok      options have defaults"
    assert lines[-1] == f"mini: {len(CLAUSES)} of {len(CLAUSES)} clauses hold"
    assert len(lines) == len(CLAUSES) + 1


def test_one_broken_clause(
    bench: Bench, mini: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(mini, monkeypatch, "class Bad(Mini):\n    def untrained_neighbours(self, instances):\n        return ()\n")
    assert bench("check", "bad") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == [
        "FAILED  untrained neighbours are neighbours: neighbours of 0 instances, expected 11",
        f"bad: {len(CLAUSES) - 1} of {len(CLAUSES)} clauses hold",
    ]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("raise RuntimeError('a bug\\non two lines')", "RuntimeError: a bug on two lines (bad.py, line 4)"),
        ("raise SystemExit(7)", "SystemExit: 7 (bad.py, line 4)"),
    ],
)
def test_a_method_that_stops_is_one_line(
    bench: Bench, mini: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    statement: str, message: str,
) -> None:  # fmt: skip
    install(mini, monkeypatch, f"class Bad(Mini):\n    def fit(self, train, dev):\n        {statement}\n")
    assert bench("check", "bad") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "ok      options have defaults", f"FAILED  fits and predicts: {message}", "bad: 1 of 2 clauses hold"
    ]  # fmt: skip


def test_options_are_set(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("check", "mini", "--set", "mini.k=3", "--set", "mini.smoothing=0.1") == 0
    assert bench("check", "mini", "--set", "mini.k=24") == 1
    assert "FAILED  fits and predicts: MethodError: k = 24 is more than the 23 instances" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mimi"], "unknown method 'mimi'. Did you mean 'mini'? Known: "),
        (["mini", "--set", "mini.kk=3"], "unknown key 'mini.kk'. Did you mean 'mini.k'? Known: mini.k, mini.smoothing"),
        (["mini", "--set", "etrag.k=3"], "unknown key 'etrag.k'. Known: mini.k, mini.smoothing"),
        (["mini", "--set", "budget.max_steps=3"], "unknown key 'budget.max_steps'. Known: mini.k, mini.smoothing"),
        (["mini", "--set", "mini.k=0"], "mini.k: Input should be greater than or equal to 1, got 0"),
        ([], "the following arguments are required: METHOD"),
    ],
)
def test_mistakes_are_one_line(
    bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert bench("check", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"bench: error: {message}")
    assert err.count("\n") == 1


def test_a_plugin_that_cannot_be_imported(
    bench: Bench, mini: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(mini, monkeypatch, "raise SystemExit('no licence')\n")
    assert bench("check", "bad") == 2
    expected = "bench: error: method 'bad' cannot be loaded from bad:Bad: SystemExit: no licence\n"
    assert capsys.readouterr().err == expected
    assert bench("list", "methods") == 0
    assert "(none can be read: method 'bad' cannot be loaded" in capsys.readouterr().out
