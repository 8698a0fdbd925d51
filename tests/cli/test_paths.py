"""Paths that cannot be, in every command: one line and exit code 2."""

from __future__ import annotations

import argparse
import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cli import a_path, build_parser

Bench = Callable[..., int]
LONG = "a" * 300
COMMANDS = {
    "out": ["run", "--out", LONG],
    "preset": ["run", "--preset", LONG],
    "preset file": ["run", "--preset", f"{LONG}.yaml"],
    "folder": ["run", "--data-dir", LONG],
    "subset": ["run", "--split-ids", LONG],
    "model": ["run", "--set", f"models.generator={LONG}"],
    "home": ["run", "--set", "models.generator=~nobody-here/x"],
    "null": ["run", "--set", 'models.generator="a\\0b"'],
    "tuned": ["run", "--tuned", LONG],
    "runs": ["list", "runs", "--out", LONG],
    "records": ["figures", "--records", LONG],
    "figure": ["figures", f"{LONG}.yaml"],
    "report": ["report", LONG],
    "report loop": ["report", "loop"],
    "inspect": ["inspect", LONG],
    "compare": ["compare", LONG, LONG],
    "space": ["tune", "--method", "mini", "--ratio", "1", "--space", LONG],
    "storage": ["tune", "--method", "mini", "--ratio", "1", "--storage", LONG],
    "profile": ["profile", "--out", LONG],
    "card": ["data", "check", "mini", "--out", LONG],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_path_that_cannot_be_is_one_line(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    Path("loop").symlink_to("loop")
    given = ["--preset", str(mini_preset)] if arguments[0] in ("run", "tune") and "--preset" not in arguments else []
    assert bench(*arguments, *given, *(["--methods", "no_retrieval"] if "models" in str(arguments) else [])) == 2
    err = capsys.readouterr().err
    assert err.startswith("bench: error: ")
    assert err.count("\n") == 1
    assert len(err) < 600


def test_a_folder_that_may_not_be_looked_at_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(argparse.ArgumentTypeError, match=r"^Permission denied: 'secret'$"):
        a_path("secret")


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _parsers(inner)


def test_every_argument_that_is_a_path_is_looked_at() -> None:
    types = [action.type for parser in _parsers(build_parser()) for action in parser._actions]
    assert a_path in types
    assert Path not in types


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 1), (errno.EIO, 1), (errno.EACCES, 2)])
def test_what_the_machine_refuses_is_one_line(
    bench: Bench,
    mini: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: int,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no", "some/file")

    monkeypatch.setattr("bench.cli.list._print", refuse)
    assert bench("list", "presets") == code
    assert capsys.readouterr().err == "bench: error: some/file: no\n"
