"""Untrusted text in print."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.names import visible, visible_lines

CLI = Path(__file__).resolve().parents[1] / "bench" / "cli"


@given(st.text(st.characters(codec=None)))
def test_nothing_that_a_terminal_takes_for_a_command(text: str) -> None:
    for shown in (visible(text), visible_lines(text)):
        assert not {unicodedata.category(c) for c in shown.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        shown.encode()


@given(st.text(), st.integers(1, 30))
def test_one_line_of_a_width(text: str, width: int) -> None:
    assert len(visible(text, width)) <= width
    assert "\n" not in visible(text, width)


@pytest.mark.parametrize("text", ["a 中 é \U0001fae8 \ue000 \u0378", "निर्देश", "محمد"])
def test_what_shows_is_not_asked_of_the_interpreter(text: str) -> None:
    assert visible(text) == text


def test_code_points() -> None:
    assert visible("a\x1b[31m\u202eb\ud800") == "a\\u{1b}[31m\\u{202e}b\\u{d800}"


def test_what_cannot_be_printed_is_named_by_its_type() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    assert visible(Odd()) == "<Odd>"


def test_columns_keep_their_blanks() -> None:
    assert visible_lines("a  b\n  c\t") == "a  b\n  c\\u{9}"


@pytest.mark.parametrize("path", sorted(CLI.glob("*.py")), ids=lambda path: path.stem)
def test_no_command_prints_but_by_show_and_say(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owners = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in ("show", "say")]
    allowed = {id(node) for owner in owners for node in ast.walk(owner)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in allowed]
    assert not [node.lineno for node in calls if getattr(node.func, "id", "") == "print"]
