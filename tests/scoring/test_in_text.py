"""Entities of queries within the texts of neighbours, counted by hand and by brute force."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.in_text import KINDS, chance_of_any, in_text
from bench.scoring.neighbours import retrieval_quality
from methods.types import Instance, Neighbours, Span, bars
from tests.scoring.instances import sentence

DATABASE = [
    sentence("d0", "the Big Cat lives in Rome", "Big Cat", "Rome", "r"),
    sentence("d1", "a category of things", "category", "things", "s"),
    sentence("d2", "big cat shows open", "big cat", "shows", "t"),
    sentence("d3", "the cat sat here", "cat", "here", "r"),
    sentence("d4", "no such thing at all", "such", "all", "none"),
]
IN_CATEGORY = sentence("q0", "a cat in Rome", "cat", "Rome", "s")  # in d0 by Rome, d1, d2, d3: 4 of 5
OF_TWO_WORDS = sentence("q1", "the Big Cat sat", "Big Cat", "sat", "r")  # in d0, and in d3 by sat: 2 of 5
OF_TWO_RELATIONS = sentence("q2", "we met Ann", "we", "Ann", "t", "none")  # in no text; d2 and d4 have a relation
QUERIES = [IN_CATEGORY, OF_TWO_WORDS, OF_TWO_RELATIONS]
FOUND = [Neighbours(ids, (1.0, 1.0)) for ids in (("d4", "d0"), ("d1", "d2"), ("d2", "d0"))]


def near(entity: float, either: float) -> object:
    return pytest.approx(dict(zip(KINDS, (entity, either), strict=True)), abs=1e-12)


def one(query: Instance, *ids: str, database: list[Instance] = DATABASE) -> dict[str, Any]:
    return in_text([query], [Neighbours(ids, (1.0,) * len(ids))], database)


def test_each_neighbour_counts() -> None:
    assert in_text(QUERIES, FOUND, DATABASE)["each"] == near((1 / 2 + 0 + 0) / 3, (1 / 2 + 0 + 1 / 2) / 3)


def test_chance_of_each_is_the_share_of_the_database() -> None:
    assert in_text(QUERIES, FOUND, DATABASE)["chance"] == near((4 + 2 + 0) / 15, (4 + 2 + 2) / 15)


def test_any_neighbour_suffices() -> None:
    assert in_text(QUERIES, FOUND, DATABASE)["any"] == near(1 / 3, 2 / 3)


def test_chance_of_any_is_hypergeometric() -> None:
    # Two of five: 1 - C(1, 2) / C(5, 2) = 1 with four hits, 1 - C(3, 2) / C(5, 2) = 7/10 with two, 0 without.
    assert in_text(QUERIES, FOUND, DATABASE)["any_chance"] == near((1 + 0.7 + 0) / 3, (1 + 0.7 + 0.7) / 3)


def test_an_entity_within_a_longer_word_counts() -> None:
    assert one(IN_CATEGORY, "d1")["each"] == near(1, 1)


def test_case_is_as_it_stands() -> None:
    assert one(OF_TWO_WORDS, "d2")["each"] == near(0, 0)


def test_a_part_of_an_entity_is_not_enough() -> None:
    assert one(sentence("q", "Big Rome fell", "Big Rome", "fell", "x"), "d0")["each"] == near(0, 0)


def test_the_neighbours_entity_within_the_query_is_not_enough() -> None:
    assert one(sentence("q", "the cats slept", "cats", "slept", "x"), "d3")["each"] == near(0, 0)


def test_every_mention_of_an_entity_counts() -> None:
    query = Instance("q", ("Al", "or", "Rome", "x"), Span(0, 1), Span(3, 4), "x", head_mentions=(Span(2, 3),))
    assert one(query, "d0")["each"] == near(1, 1)


def test_each_of_several_relations_counts() -> None:
    assert one(OF_TWO_RELATIONS, "d4", "d2", "d0")["each"] == near(0, 2 / 3)


def test_neither_the_query_nor_its_document_is_drawn() -> None:
    inside = [sentence(name, "a cat in Rome", "cat", "Rome", "s", document="D") for name in ("e0", "e1")]
    found = one(inside[0], "d4", "d0", database=[*DATABASE, *inside])
    assert found["chance"] == near(4 / 5, 4 / 5)
    assert found["any_chance"] == near(1, 1)
    assert one(inside[0], "d4", database=DATABASE)["any_chance"] == near(4 / 5, 4 / 5)


def test_a_query_without_neighbours_has_none_by_chance_either() -> None:
    found = one(IN_CATEGORY)
    assert found["each"] == found["any"] == found["any_chance"] == near(0, 0)


def test_it_is_a_part_of_what_neighbours_share() -> None:
    quality = retrieval_quality(QUERIES, FOUND, DATABASE, "none")
    assert quality is not None
    assert quality["in_text"] == in_text(QUERIES, FOUND, DATABASE)
    assert quality["in_text"]["n"] == 3


@pytest.mark.parametrize(
    ("hits", "n", "k"), [(3, 11, 5), (7, 11, 5), (1, 2, 1), (0, 7, 3), (7, 7, 3), (13, 10_007, 7), (9_973, 10_007, 2)]
)
def test_chance_of_any_exactly(hits: int, n: int, k: int) -> None:
    expected = float(1 - Fraction(comb(n - hits, k), comb(n, k)))
    assert chance_of_any(np.array([hits]), np.array([n]), np.array([k])) == pytest.approx([expected], abs=1e-14)


words = st.sampled_from(["a", "ab", "ba", "A", "b"])
rows = st.tuples(st.lists(words, min_size=3, max_size=5), st.sampled_from("rst"), st.sampled_from(["", "one", "two"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=5, max_size=7), st.data())
def test_equal_to_every_pair_and_every_draw(drawn: list[tuple[list[str], str, str]], data: st.DataObject) -> None:
    every = [
        Instance(f"i{n}", tuple(tokens), Span(0, 2), Span(2, 3), relation, document=document)
        for n, (tokens, relation, document) in enumerate(drawn)
    ]
    query, database = every[-1], every if data.draw(st.booleans()) else every[:-1]
    admitted = [i for i in database if not bars(query, i)]
    k = data.draw(st.integers(0, len(admitted)))
    found = data.draw(st.permutations(admitted))[:k]

    def alike(other: Instance) -> tuple[float, float]:
        entity = query.text(query.head) in other.text() or query.text(query.tail) in other.text()
        return float(entity), float(entity or query.relation == other.relation)

    def over(instances: Iterable[Instance]) -> np.ndarray:
        return np.array([alike(i) for i in instances] or [(0.0, 0.0)])

    measured = one(query, *(i.id for i in found), database=database)
    assert measured["each"] == near(*over(found).mean(0))
    assert measured["chance"] == near(*over(admitted).mean(0))
    assert measured["any"] == near(*over(found).max(0))
    assert measured["any_chance"] == near(*np.mean([over(some).max(0) for some in combinations(admitted, k)], axis=0))
