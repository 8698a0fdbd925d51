"""Which texts contain a string: always what Python's `in` says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.substrings import Texts

TEXTS = ["the category of cats", "New York is", "a new York", "big Newt York", "the category of cats", "", "cat"]


@pytest.mark.parametrize(
    ("string", "rows"),
    [
        ("cat", [0, 4, 6]),  # within 'category'
        ("New York", [1]),  # case as it stands, and nothing between the words
        ("w York", [1, 2]),  # ends of words
        ("York", [1, 2, 3]),
        ("the category of cats", [0, 4]),
        ("", [0, 1, 2, 3, 4, 5, 6]),
        ("dog", []),
        ("cats dog", []),
    ],
)
def test_by_hand(string: str, rows: list[int]) -> None:
    assert Texts(TEXTS).containing([string]).nonzero()[0].tolist() == rows


def test_several_strings_are_any_of_them() -> None:
    assert Texts(TEXTS).containing(["cat", "is"]).nonzero()[0].tolist() == [0, 1, 4, 6]
    assert not Texts(TEXTS).containing([]).any()


def test_a_text_by_its_row() -> None:
    assert [Texts(TEXTS)[row] for row in range(len(TEXTS))] == TEXTS


def test_no_texts() -> None:
    assert Texts([]).containing(["cat", ""]).tolist() == []


strings = st.text("ab \n", max_size=7)


@given(st.lists(strings, max_size=7), st.lists(strings, max_size=3))
def test_equal_to_looking_into_every_text(texts: list[str], sought: list[str]) -> None:
    expected = [any(string in text for string in sought) for text in texts]
    assert Texts(texts).containing(sought).tolist() == expected
