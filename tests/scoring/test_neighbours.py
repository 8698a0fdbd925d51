"""What neighbours share with their queries, counted by hand and by brute force."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.neighbours import KINDS, NOTHING, named, retrieval_quality, same_relation, shared, traits
from methods.types import Instance, Neighbours, Span, bars
from tests.scoring.instances import instance

DATABASE = [
    instance("d0", "ann", "oslo", "r"),
    instance("d1", "BOB", "lima", "r"),
    instance("d2", "ann", "lima", "s"),
    instance("d3", "cleo", "quito", "none"),
    instance("d4", "oslo", "ann", "none"),
]
QUERIES = [instance("q0", "Ann", "lima", "r"), instance("q1", "eve", "Quito", "none"), instance("q2", "x", "y", "s")]
FOUND = [
    Neighbours(("d1", "d0", "d3", "d4"), (0.4, 0.3, 0.2, 0.1)),
    Neighbours(("d3", "d0", "d4", "d1"), (3.0, 1.0, 0.0, -2.0)),
    Neighbours(("d0", "d1", "d3", "d4"), (0.0, 0.0, 0.0, -1.0)),
]


def row(*values: float) -> dict[str, float]:
    return dict(zip(KINDS, values, strict=True))


def pair(query: Instance, other: Instance) -> dict[str, float]:
    return row(*shared(traits(query), traits(other)))


def quality(*arguments: Any, **more: Any) -> dict[str, Any]:
    found = retrieval_quality(*arguments, **more)
    assert found is not None
    return found


def near(expected: object) -> object:
    return pytest.approx(expected, abs=1e-12)


def test_an_entity_is_shared_in_whatever_role() -> None:
    query, other = instance("q", "Rome", "italy", "in"), instance("d", "ann", "ROME", "born")
    assert pair(query, other) == row(False, False, False, True, True)
    found = quality([query], [Neighbours(("d",), (1,))], [other], None)
    assert found["all"]["at_1"] == found["all"]["chance"] == row(0, 0, 0, 1, 1)


def test_shared_by_hand() -> None:
    assert pair(QUERIES[0], DATABASE[0]) == row(True, True, False, True, True)
    assert pair(QUERIES[0], DATABASE[1]) == row(True, False, True, True, True)  # lima; Ann is not BOB
    assert pair(QUERIES[0], DATABASE[3]) == row(False, False, False, False, False)
    assert pair(QUERIES[1], DATABASE[3]) == row(True, False, True, True, True)
    several = Instance("m", ("Al", "or", "BOB", "x"), Span(0, 1), Span(3, 4), "t", "", "", ("s", "r"), (Span(2, 3),))
    assert pair(several, DATABASE[1]) == row(True, True, False, True, True)  # another mention, another relation


def test_an_entity_is_named_where_it_is_neither_head_nor_tail_of_both() -> None:
    assert named((True, True, False, True, True)) == ("relation", "head")
    assert named((False, True, True, True, True)) == ("head", "tail")
    assert named((False, False, False, True, True)) == ("entity",)
    assert named(NOTHING) == ()


def test_quality_by_hand() -> None:
    found = quality(QUERIES, FOUND, DATABASE, "none", untrained=[FOUND[2]] * 3)
    assert found["k"] == 4
    assert list(found["all"]) == ["n", "at_1", "at_3", "at_4", "weighted", "chance"]
    one = quality(QUERIES[:1], FOUND[:1], DATABASE, "none")["all"]
    assert found["per_relation"]["r"] == {name: one[name] for name in ("n", "at_4", "chance")}
    assert one["n"] == 1
    assert one["at_1"] == row(1, 0, 1, 1, 1)
    assert one["at_3"] == near(row(2 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3))
    assert one["at_4"] == row(1 / 2, 1 / 4, 1 / 4, 3 / 4, 3 / 4)  # d4 has ann in the other place
    assert one["weighted"] == near(row(0.7, 0.3, 0.4, 0.8, 0.8))
    assert one["chance"] == row(2 / 5, 2 / 5, 2 / 5, 4 / 5, 4 / 5)
    # A negative weight counts as none; without any positive one all neighbours count the same.
    assert found["negative"]["weighted"] == row(3 / 4, 0, 3 / 4, 3 / 4, 3 / 4)
    assert found["per_relation"]["s"]["at_4"] == row(0, 0, 0, 0, 0)
    assert found["positive"]["n"] == 2
    assert found["positive"]["at_1"] == row(1 / 2, 0, 1 / 2, 1 / 2, 1 / 2)
    assert found["all"]["at_1"] == near(row(2 / 3, 0, 2 / 3, 2 / 3, 2 / 3))
    assert found["untrained"]["at_4"]["relation"] == near((2 / 4 + 2 / 4 + 0) / 3)
    assert found["all"]["chance"]["relation"] == near((2 / 5 + 2 / 5 + 1 / 5) / 3)
    assert found["confusion"] == {
        "none": {"none": 2, "r": 2}, "r": {"none": 2, "r": 2}, "s": {"none": 2, "r": 2}
    }  # fmt: skip


def test_several_relations_count_for_each() -> None:
    query = instance("q", "a", "b", "r", "s")
    found = quality([query], [Neighbours(("d2", "d3"), (1, 1))], DATABASE, "none")
    assert found["per_relation"].keys() == {"r", "s"}
    assert found["all"]["at_2"]["relation"] == 1 / 2
    assert found["all"]["chance"]["relation"] == 3 / 5
    assert found["confusion"] == {"r": {"none": 1, "s": 1}, "s": {"none": 1, "s": 1}}


def test_neither_the_query_nor_its_document_is_drawn() -> None:
    database = [*DATABASE, instance("q", "ann", "b", "r", document="D"), instance("e", "ann", "b", "r", document="D")]
    inside = quality([database[5]], [Neighbours(("d0",), (1,))], database, None)
    assert inside["all"]["chance"] == row(2 / 5, 2 / 5, 0, 3 / 5, 4 / 5)
    alone = quality([database[5]], [Neighbours(("d0",), (1,))], database[:6], None)
    assert alone["all"]["chance"] == inside["all"]["chance"]
    assert "negative" not in inside


def test_nothing_to_measure() -> None:
    assert retrieval_quality(QUERIES, None, DATABASE, None) is None
    assert same_relation(None) == {}
    nothing = quality([], [], DATABASE, None)
    assert nothing == {"k": 0, "per_relation": {}, "confusion": {}, "in_text": {}}
    assert same_relation(nothing) == {}
    found = quality(QUERIES[:1], [Neighbours((), ())], DATABASE, None)
    assert found["all"]["at_0"] == row(0, 0, 0, 0, 0)


def test_the_same_relation_by_hand() -> None:
    found = [Neighbours(("d0", "d2"), (1, 1)), Neighbours(("d2", "d3"), (1, 1)), Neighbours(("d3",), (1,))]
    queries = [instance("q0", "x", "y", "r"), instance("q1", "x", "y", "s", "r"), instance("q2", "x", "y", "u")]
    before = [Neighbours(("d3", "d4"), (1, 1))] * 3
    with_before = same_relation(quality(queries, found, DATABASE, None, before))
    assert with_before == near({
        "same_relation": (1 / 2 + 1 / 2 + 0) / 3,
        "same_relation_untrained": 0.0,
        "same_relation_chance": (2 / 5 + 3 / 5 + 0) / 3,
    })  # fmt: skip
    del with_before["same_relation_untrained"]
    assert same_relation(quality(queries, found, DATABASE, None)) == with_before


people = st.sampled_from(("ann", "bob"))
places = st.sampled_from(("oslo", "lima", "ann"))
labels = st.sampled_from(("r", "s", "none"))


@given(rows=st.lists(st.tuples(people, places, labels), min_size=3, max_size=5), asked=st.integers(0, 2))
@settings(deadline=None, max_examples=30)
def test_chance_is_the_mean_over_every_possible_retrieval(rows: list[tuple[str, str, str]], asked: int) -> None:
    database = [instance(f"d{n}", *row) for n, row in enumerate(rows)]
    query = database[asked]
    others = [i.id for i in database if i.id != query.id]
    every = [Neighbours(order, (2.0, 1.0)) for order in permutations(others, 2)]
    found = quality([query] * len(every), every, database, "none")["all"]
    for name in ("at_1", "at_2", "weighted"):
        assert found[name] == near(found["chance"])


def by_definition(query: Instance, other: Instance) -> list[bool]:
    """The kinds once more, word for word."""
    heads = [{i.text(span).casefold() for span in i.heads} for i in (query, other)]
    tails = [{i.text(span).casefold() for span in i.tails} for i in (query, other)]
    relation = bool(set(query.relations) & set(other.relations))
    entity = bool((heads[0] | tails[0]) & (heads[1] | tails[1]))
    return [relation, bool(heads[0] & heads[1]), bool(tails[0] & tails[1]), entity, relation or entity]


words = st.sampled_from(["Ann", "ann", "Bob", "Rome", "Oslo"])
tuples = st.tuples(words, words, st.sampled_from("rst"), st.sampled_from(["", "one", "two"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(tuples, min_size=7, max_size=19), st.data())
def test_equal_to_going_through_every_pair(rows: list[tuple[str, str, str, str]], data: st.DataObject) -> None:
    every = [instance(f"i{n}", h, t, r, document=d) for n, (h, t, r, d) in enumerate(rows)]
    database, by_id = every[:-2], {i.id: i for i in every}
    queries = [query for query in every[-3:] if not all(bars(query, i) for i in database)]  # one is in the database
    if not queries:
        return
    admitted = [[i for i in database if not bars(query, i)] for query in queries]
    found = [tuple(i.id for i in data.draw(st.permutations(some))[:5]) for some in admitted]
    measured = quality(queries, [Neighbours(ids, (1.0,) * len(ids)) for ids in found], database, None)["all"]

    def mean(chosen: list[list[Instance]]) -> dict[str, float]:
        shares = [
            np.mean([by_definition(query, i) for i in some], axis=0)
            for query, some in zip(queries, chosen, strict=True)
        ]
        return row(*np.mean(shares, axis=0))

    assert measured.pop("chance") == near(mean(admitted))
    assert measured.pop("n") == len(queries)
    for name, shares in measured.items():
        rank = None if name == "weighted" else int(name.removeprefix("at_"))
        assert shares == near(mean([[by_id[i] for i in ids[:rank]] for ids in found]))
