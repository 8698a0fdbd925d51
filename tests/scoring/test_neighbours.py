"""What neighbours share with their queries, counted by hand and by brute force."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.neighbours import SHARED, retrieval_quality, shared
from methods.types import Instance, Neighbours, Span
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
    return dict(zip(SHARED, values, strict=True))


def near(part: dict[str, float]) -> object:
    return pytest.approx(part, abs=1e-6)


def test_shared_by_hand() -> None:
    assert shared(QUERIES[0], DATABASE[0]) == row(True, True, False, True, True)
    assert shared(QUERIES[0], DATABASE[1]) == row(True, False, True, True, True)  # lima; Ann is not BOB
    assert shared(QUERIES[0], DATABASE[4]) == row(False, False, False, False, False)  # ann stands in the other place
    assert shared(QUERIES[1], DATABASE[3]) == row(True, False, True, True, True)
    several = Instance("m", ("Al", "or", "BOB", "x"), Span(0, 1), Span(3, 4), "t", "", "", ("s", "r"), (Span(2, 3),))
    assert shared(several, DATABASE[1]) == row(True, True, False, True, True)  # another mention, another relation


def test_quality_by_hand() -> None:
    found = retrieval_quality(QUERIES, FOUND, DATABASE, "none", untrained=[FOUND[2]] * 3)
    assert found["k"] == 4
    assert list(found["all"]) == ["n", "at_1", "at_3", "at_4", "weighted", "chance"]
    one = found["per_relation"]["r"]
    assert one["n"] == 1
    assert one["at_1"] == row(1, 0, 1, 1, 1)
    assert one["at_3"] == near(row(2 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3))
    assert one["at_4"] == row(1 / 2, 1 / 4, 1 / 4, 1 / 2, 1 / 2)
    assert one["weighted"] == near(row(0.7, 0.3, 0.4, 0.7, 0.7))
    assert one["chance"] == row(2 / 5, 2 / 5, 2 / 5, 3 / 5, 3 / 5)
    # A negative weight counts as none; without any positive one all neighbours count the same.
    assert found["negative"]["weighted"] == row(3 / 4, 0, 3 / 4, 3 / 4, 3 / 4)
    assert found["per_relation"]["s"]["weighted"] == row(0, 0, 0, 0, 0)
    assert found["positive"]["n"] == 2
    assert found["positive"]["at_1"] == row(1 / 2, 0, 1 / 2, 1 / 2, 1 / 2)
    assert found["all"]["at_1"] == near(row(2 / 3, 0, 2 / 3, 2 / 3, 2 / 3))
    assert found["untrained"]["at_4"]["relation"] == near_value((2 / 4 + 2 / 4 + 0) / 3)
    assert found["all"]["chance"]["relation"] == near_value((2 / 5 + 2 / 5 + 1 / 5) / 3)
    assert found["confusion"] == {
        "none": {"none": 2, "r": 2}, "r": {"none": 2, "r": 2}, "s": {"none": 2, "r": 2}
    }  # fmt: skip


def near_value(value: float) -> object:
    return pytest.approx(value, abs=1e-6)


def test_several_relations_count_for_each() -> None:
    query = instance("q", "a", "b", "r", "s")
    found = retrieval_quality([query], [Neighbours(("d2", "d3"), (1, 1))], DATABASE, "none")
    assert found["per_relation"].keys() == {"r", "s"}
    assert found["all"]["at_2"]["relation"] == 1 / 2
    assert found["all"]["chance"]["relation"] == 3 / 5
    assert found["confusion"] == {"r": {"none": 1, "s": 1}, "s": {"none": 1, "s": 1}}


def test_neither_the_query_nor_its_document_is_drawn() -> None:
    database = [*DATABASE, instance("q", "ann", "b", "r", document="D"), instance("e", "ann", "b", "r", document="D")]
    inside = retrieval_quality([database[5]], [Neighbours(("d0",), (1,))], database, None)
    assert inside["all"]["chance"] == row(2 / 5, 2 / 5, 0, 2 / 5, 3 / 5)
    alone = retrieval_quality([database[5]], [Neighbours(("d0",), (1,))], database[:6], None)
    assert alone["all"]["chance"] == inside["all"]["chance"]
    assert "negative" not in inside


def test_nothing_to_measure() -> None:
    assert retrieval_quality([], [], DATABASE, None) == {"k": 0, "per_relation": {}, "confusion": {}}
    found = retrieval_quality(QUERIES[:1], [Neighbours((), ())], DATABASE, None)
    assert found["all"]["at_0"] == row(0, 0, 0, 0, 0)


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
    found = retrieval_quality([query] * len(every), every, database, "none")["all"]
    for name in ("at_1", "at_2", "weighted"):
        assert found[name] == near(found["chance"])
