"""Shares of neighbours: worked out by hand, and pair by pair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.figures.sharing import KINDS, sharing
from bench.scoring.labels import shared_relation
from methods.types import Instance, Neighbours, Span


def instance(name, head, tail, relation, **more):
    return Instance(name, (head, "x", tail), Span(0, 1), Span(2, 3), relation, **more)


DATABASE = (
    instance("a", "Ann", "Rome", "born"),
    instance("b", "Rome", "Italy", "in"),
    instance("c", "Bob", "rome", "works"),
    instance("d", "Eve", "Oslo", "born"),
    instance("e", "Eve", "Bonn", "in"),
)


def test_a_worked_example():
    # q1 (ann, rome, born): a shares all; b only the entity Rome, in another role; c the tail in another case; d the
    # relation; e nothing. q2 (eve, bonn, works) against e, d: head and tail, then head alone.
    queries = (instance("q1", "ann", "ROME", "born"), instance("q2", "EVE", "bonn", "works"))
    found = sharing(queries, DATABASE, [["b", "a", "e"], ["e", "d", "a"]])
    assert found["depth"] == 3
    assert list(found["shared"]) == ["1", "3", "all"]
    assert found["shared"]["1"] == pytest.approx({"relation": 0, "head": 0.5, "tail": 0.5, "entity": 1, "either": 1})
    third = 1 / 3
    expected = {"relation": third / 2, "head": third / 2 + third, "tail": third / 2 + third / 2}
    expected |= {"entity": 2 * third, "either": 2 * third}
    assert found["shared"]["3"] == pytest.approx(expected)
    assert found["shared"]["all"] == found["shared"]["3"]
    # By chance, of five rows: q1: relation a d, head a, tail a c, entity a b c, either a b c d;
    # q2: relation c, head d e, tail e, entity d e, either c d e.
    assert found["chance"] == pytest.approx({"relation": 0.3, "head": 0.3, "tail": 0.3, "entity": 0.5, "either": 0.7})
    assert found["confusion"] == {"born": {"born": 1, "in": 2}, "works": {"born": 2, "in": 1}}


def test_every_mention_and_relation_counts_and_a_document_is_no_neighbour_of_itself():
    query = Instance(
        "q", ("A", "B", "C"), Span(0, 1), Span(1, 2), "r", more_relations=("in",), head_mentions=(Span(2, 3),),
        document="one",
    )  # fmt: skip
    database = (
        instance("own", "C", "B", "in", document="one"),
        instance("near", "c", "Z", "in", document="two"),
        instance("far", "Y", "Z", "q", document="two"),
    )
    found = sharing([query], database, [["near"]])
    assert found["shared"]["all"] == {"relation": 1, "head": 1, "tail": 0, "entity": 1, "either": 1}
    assert found["chance"] == {"relation": 0.5, "head": 0.5, "tail": 0, "entity": 0.5, "either": 0.5}


def shares(query, other, kind):
    """The definitions once more, for one pair."""
    heads = [{i.text(span).casefold() for span in i.heads} for i in (query, other)]
    tails = [{i.text(span).casefold() for span in i.tails} for i in (query, other)]
    same = {
        "relation": bool(set(query.relations) & set(other.relations)),
        "head": bool(heads[0] & heads[1]),
        "tail": bool(tails[0] & tails[1]),
        "entity": bool((heads[0] | tails[0]) & (heads[1] | tails[1])),
    }
    return same["relation"] or same["entity"] if kind == "either" else same[kind]


words = st.sampled_from(["Ann", "ann", "Bob", "Rome", "Oslo"])
instances = st.lists(st.tuples(words, words, st.sampled_from("rst"), st.sampled_from(["", "one", "two"])), min_size=7)


@settings(max_examples=60, deadline=None)
@given(instances.filter(lambda rows: len(rows) < 20), st.data())
def test_equal_to_going_through_every_pair(rows, data):
    every = [instance(f"i{n}", h, t, r, document=d) for n, (h, t, r, d) in enumerate(rows)]
    database, queries = every[:-2], every[-3:]  # one query is in the database itself

    def admitted(query):
        return [i for i in database if i.id != query.id and not (i.document and i.document == query.document)]

    queries = [query for query in queries if admitted(query)]
    if not queries:
        return
    found = [data.draw(st.permutations([i.id for i in admitted(query)]))[:5] for query in queries]
    result, by_id = sharing(queries, database, found), {i.id: i for i in database}
    for kind in KINDS:
        by_chance = [sum(shares(q, i, kind) for i in admitted(q)) / len(admitted(q)) for q in queries]
        assert result["chance"][kind] == pytest.approx(sum(by_chance) / len(queries))
        for name, row in result["shared"].items():
            cuts = [ids if name == "all" else ids[: int(name)] for ids in found]
            per_query = [
                sum(shares(q, by_id[i], kind) for i in ids) / len(ids) for q, ids in zip(queries, cuts, strict=True)
            ]
            assert row[kind] == pytest.approx(sum(per_query) / len(queries))
    neighbours = [Neighbours(tuple(ids), (1.0,) * len(ids)) for ids in found]
    recorded = shared_relation(neighbours, None, queries, database)
    assert result["shared"]["all"]["relation"] == pytest.approx(recorded["same_relation"])


def test_what_cannot_be_shared():
    with pytest.raises(ValueError, match="at least one neighbour"):
        sharing([DATABASE[0]], DATABASE, [[]])
    with pytest.raises(KeyError):
        sharing([DATABASE[0]], DATABASE, [["nobody"]])
