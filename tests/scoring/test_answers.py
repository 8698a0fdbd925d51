"""Kinds of errors, agreement, flips and movers on a record made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scoring.answers import (
    Agreement,
    Move,
    accuracy_by,
    error_pairs,
    flips,
    kind,
    largest,
    length_bin,
    moved_relations,
    moves,
    neighbour_agreement,
    right,
    type_pair,
)
from methods.types import Instance, Span


def line(name: str, gold: Any, predicted: Any, near: str = "", **scores: float) -> dict[str, Any]:
    neighbours = [[one, 1.0] for one in near.split()] or None
    return {"id": name, "gold": gold, "predicted": predicted, "scores": scores, "neighbours": neighbours}


LINES = [
    line("a", "r", "r", "d0 d1", r=-0.1, s=-2.5, none=-5.0),
    line("b", "r", "none", "d1 d2", r=-1.5, none=-0.5),
    line("c", "none", "r", "d0 d0 d1", r=-0.2, none=-1.7),
    line("d", "none", "s", "d2", s=-0.2, none=-1.7),
    line("e", "s", "r", "d0 d2", r=-0.2, s=-1.7),
    line("f", "none", "r", r=-0.2, none=-1.7),
]
RELATIONS = {"d0": ("r",), "d1": ("r", "s"), "d2": ("none",)}


def test_kinds_and_pairs() -> None:
    assert [kind(one, "none") for one in LINES] == [
        "right", "false negative", "false positive", "false positive", "wrong relation", "false positive"
    ]  # fmt: skip
    assert [kind(one, None) for one in LINES] == ["right"] + ["wrong relation"] * 5
    assert error_pairs(LINES, "none") == [
        ("false positive", "none", "r", 2),
        ("false negative", "r", "none", 1),
        ("false positive", "none", "s", 1),
        ("wrong relation", "s", "r", 1),
    ]
    several = line("m", ["r", "s"], ["s", "r"])
    assert right(several)
    assert kind(line("m", ["r", "s"], ["none"]), "none") == "false negative"
    assert error_pairs([line("m", ["none"], ["r", "s"])], "none") == [("false positive", "none", "r + s", 1)]


def test_agreement() -> None:
    found = neighbour_agreement(LINES, RELATIONS, "none")
    assert list(found) == ["right", "false positive", "false negative", "wrong relation"]
    assert found["right"] == Agreement(1, 1.0, 1.0)
    assert found["false negative"] == Agreement(1, 1 / 2, 1 / 2)  # d1 has r, d2 none
    assert found["false positive"] == Agreement(2, (0 + 1) / 2, (1 + 0) / 2)  # f has no neighbours
    assert found["wrong relation"] == Agreement(1, 0.0, 1 / 2)
    assert neighbour_agreement(LINES[5:], {}, "none") == {}


def test_accuracy_by_group() -> None:
    assert accuracy_by(LINES, lambda one: str(one["gold"])) == {"none": (3, 0), "r": (2, 1), "s": (1, 0)}


@pytest.mark.parametrize(
    ("words", "expected"), [(2, "01-10"), (10, "01-10"), (11, "11-20"), (40, "21-40"), (80, "41-80"), (81, "81+")]
)
def test_length_bins(words: int, expected: str) -> None:
    assert length_bin(Instance("i", ("w",) * words, Span(0, 1), Span(1, 2), "r")) == expected


def test_type_pairs() -> None:
    assert type_pair(Instance("i", ("a", "b"), Span(0, 1), Span(1, 2), "r", "", "CITY")) == "?, CITY"


def test_flips() -> None:
    gold = ["r", "r", "s", "s", "s"]
    before, after = ["s", "r", "s", "r", "r"], ["r", "s", "s", "r", "none"]
    assert flips(gold, before, after) == {"fixed": 1, "broke": 1, "irrelevant": 3, "unchanged": 2}
    assert flips([("r", "s")], [("s", "r")], [("r",)]) == {"fixed": 0, "broke": 1, "irrelevant": 0, "unchanged": 0}


def test_moves() -> None:
    after = [
        line("a", "r", "s", r=-2.1, s=-0.5),
        line("b", "r", "r", r=-0.25, none=-2.5),
        line("c", "none", "s", s=-0.2, r=-1.5, none=-1.7),
        line("d", "none", "none", none=-0.1),
        line("e", "s", "r", r=-0.1),  # its types exclude the gold relation now
        line("f", "r", "r", r=-0.1),  # another gold label: not the same question
        line("g", "r", "r", r=-0.1),
    ]
    found = moves(LINES, after)
    assert [(m.id, m.turned, m.gain if m.gain is None else round(m.gain, 6)) for m in found] == [
        ("a", "broke", -2.0), ("b", "fixed", 1.25), ("c", "", 0.0), ("d", "fixed", 1.6), ("e", "", None)
    ]  # fmt: skip
    assert found[2] == Move("c", "none", "r", "s", "", 0.0)
    assert [m.id for m in largest(found, 3)] == ["a", "d", "b"]
    assert [m.id for m in largest(found, 30)] == ["a", "d", "b", "c"]
    assert moved_relations(found) == [("none", 2, 1, 0), ("r", 2, 1, 1)]
    assert moves(LINES, []) == []
    two = [line("m", ["r", "s"], ["r"], r=-1.0, s=-3.0)], [line("m", ["s", "r"], ["r", "s"], r=-0.5, s=-0.5)]
    assert moves(*two) == [Move("m", "r + s", "r", "r + s", "fixed", 1.5)]
