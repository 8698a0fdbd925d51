"""Names in drawings: scripts that no font here has are numbered, and nothing is warned of."""

from __future__ import annotations

import warnings

import pytest

from bench.drawing import style
from bench.drawing.heatmap import confusion_heatmap
from bench.drawing.histogram import drawn, relation_histogram
from bench.drawing.style import drawable, figure_bytes, legend, numbered, plain

NAMES = ("born", "出生地", "जन्म", "وُلد", "\x1b[31m", "a$b$")


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_no_name_is_warned_of(form) -> None:
    counts = {name: dict.fromkeys(NAMES, 1) for name in NAMES}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (
            relation_histogram("数据", {"train": dict.fromkeys(NAMES, 2)}),
            confusion_heatmap(counts, "数据", "जन्म", "y"),
        ):
            assert figure_bytes(figure, form)


def test_a_name_without_glyphs_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_fonts", lambda: ("DejaVu Sans",))
    assert numbered(("born", "出生地", "x"), 40) == ["born", "(2)", "x"]
    assert legend(("born", "出生地", "x"))[0].endswith(": (2) 出生地")
    assert legend(("born",)) == []


def test_a_font_that_has_the_glyphs_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_fonts", lambda: ("DejaVu Sans", "Han"))
    monkeypatch.setattr(style, "_glyphs", lambda font: {ord(c) for c in "出生地"} if font == "Han" else set())
    assert numbered(("出生地",), 40) == ["出生地"]


def test_writing_from_the_right_needs_a_library_that_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_SHAPES", False)
    assert not drawable("محمد")


def test_a_single_name_falls_back_to_code_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_fonts", lambda: ("DejaVu Sans",))
    assert plain("a$中") == "a\\$\\u{4e2d}"


def test_of_very_many_relations_the_most_frequent_are_drawn() -> None:
    counts = {"train": {f"r{n}": n for n in range(1000)}}
    assert drawn(counts) == [f"r{n}" for n in range(700, 1000)]
    assert drawn({"train": {"a": 1, "b": 2}}) == ["a", "b"]
