"""What retrieved neighbours share with their query: by rank, by weight, by relation; against chance and the untrained
retriever.

Kinds, each with one definition: `relation`: one in common. `head`: a mention of the head is one of the neighbour's
head, the same text up to case. `tail`: likewise. `entity`: a mention of either entity is one of either entity of the
neighbour, whichever is head and tail. `either`: relation or entity. Beside them stands `in_text`, the authors' way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.scoring.in_text import in_text
from methods.types import Instance, Neighbours, Span

KINDS = ("relation", "head", "tail", "entity", "either")
RANKS = (1, 3, 5, 10)
Shares = tuple[bool, bool, bool, bool, bool]  # of KINDS, one by one
NOTHING: Shares = (False, False, False, False, False)


class Traits(NamedTuple):
    """An instance's relations and the case-folded texts of every mention of its entities."""

    relations: frozenset[str]
    heads: frozenset[str]
    tails: frozenset[str]


def traits(instance: Instance) -> Traits:
    def texts(spans: Iterable[Span]) -> frozenset[str]:
        return frozenset(instance.text(span).casefold() for span in spans)

    return Traits(frozenset(instance.relations), texts(instance.heads), texts(instance.tails))


def shared(one: Traits, other: Traits) -> Shares:
    """Which of `KINDS` two instances have in common."""
    relation = not one.relations.isdisjoint(other.relations)
    head, tail = not one.heads.isdisjoint(other.heads), not one.tails.isdisjoint(other.tails)
    entity = head or tail or not one.heads.isdisjoint(other.tails) or not one.tails.isdisjoint(other.heads)
    return relation, head, tail, entity, relation or entity


def named(shares: Shares) -> tuple[str, ...]:
    """The same for a reader: an entity only where it is neither the head nor the tail of both."""
    relation, head, tail, entity, _ = shares
    told = {"relation": relation, "head": head, "tail": tail, "entity": entity and not (head or tail)}
    return tuple(name for name, holds in told.items() if holds)


def retrieval_quality(
    queries: Sequence[Instance],
    found: Sequence[Neighbours] | None,
    database: Sequence[Instance],
    negative: str | None,
    untrained: Sequence[Neighbours] | None = None,
) -> dict[str, Any] | None:
    """JSON-ready: {"k", "all", "positive", "negative", "per_relation": {name: part}, "untrained" (where given),
    "confusion": {query's relation: {neighbours' relation: count}}, "in_text": bench.scoring.in_text}; None for a
    method that retrieves nothing.

    A part is {"n", "at_1", ..., "at_<k>", "weighted", "chance"}, mean shares over n queries of each of `KINDS`: of the
    first neighbours, of all by their positive weight (of a soft selection: of the k that it weighs most), and what
    neighbours drawn at random from ``database`` share in expectation (exactly; never one that the query `bars`). With
    several relations a query counts for each of its own. A group without queries is left out; ``per_relation`` has
    "n", "at_<k>" and "chance" alone.
    """
    if found is None:
        return None
    k = max((len(near.ids) for near in found), default=0)
    rows, asked = {i.id: traits(i) for i in database}, [traits(query) for query in queries]
    chance = _chance(queries, asked, database, rows)
    groups: dict[str, list[int]] = {"all": list(range(len(queries))), "positive": [], "negative": []}
    by_relation: dict[str, list[int]] = defaultdict(list)
    for row, query in enumerate(queries):
        groups["negative" if query.relations == (negative,) else "positive"].append(row)
        for relation in query.relations:
            by_relation[relation].append(row)

    def part(chosen: Sequence[int], shares: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return {"n": len(chosen), **{name: _means(values[chosen]) for name, values in shares.items()}}

    shares = {**_shares(asked, found, rows, k), "chance": chance}
    quality: dict[str, Any] = {"k": k, **{name: part(chosen, shares) for name, chosen in groups.items() if chosen}}
    last = {name: shares[name] for name in (f"at_{k}", "chance")}
    quality["per_relation"] = {name: part(chosen, last) for name, chosen in sorted(by_relation.items())}
    if untrained is not None and queries:
        before = {**_shares(asked, untrained, rows, k), "chance": chance}
        quality["untrained"] = part(groups["all"], before)
    return quality | {"confusion": _confusion(queries, found, rows), "in_text": in_text(queries, found, database)}


def same_relation(quality: Mapping[str, Any] | None) -> dict[str, float]:
    """The diagnostics that a record takes from its `retrieval_quality`: shares of the query's relation among all
    neighbours, those of the untrained retriever, random instances."""
    if quality is None:
        return {}
    last = f"at_{quality['k']}"
    places = {"": ("all", last), "_untrained": ("untrained", last), "_chance": ("all", "chance")}
    return {
        f"same_relation{name}": quality[group][which]["relation"]
        for name, (group, which) in places.items()
        if group in quality
    }


def _shares(
    asked: Sequence[Traits], found: Sequence[Neighbours], rows: Mapping[str, Traits], k: int
) -> dict[str, np.ndarray]:
    """Name of an aggregate -> [queries, kinds]; zero for a query without neighbours."""
    hits, weights = np.zeros((len(asked), k, len(KINDS))), np.zeros((len(asked), k))
    n = np.array([len(near.ids) for near in found], dtype=int)
    for row, (query, near) in enumerate(zip(asked, found, strict=True)):
        if near.ids:
            hits[row, : n[row]] = [shared(query, rows[name]) for name in near.ids]
            positive = np.maximum(near.weights, 0.0)
            weights[row, : n[row]] = positive if positive.any() else 1.0
    ranks = sorted({rank for rank in RANKS if rank < k} | {k})
    shares = {f"at_{rank}": hits[:, :rank].sum(1) / np.clip(n, 1, max(1, rank))[:, None] for rank in ranks}
    total = weights.sum(1, keepdims=True)
    shares["weighted"] = np.einsum("qn,qnk->qk", weights, hits) / np.where(total, total, 1.0)
    return shares


def _confusion(
    queries: Sequence[Instance], found: Sequence[Neighbours], rows: Mapping[str, Traits]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for query, near in zip(queries, found, strict=True):
        for relation in query.relations:
            for name in near.ids:
                counts[relation].update(rows[name].relations)
    return {name: dict(sorted(row.items())) for name, row in sorted(counts.items())}


def _chance(
    queries: Sequence[Instance], asked: Sequence[Traits], database: Sequence[Instance], rows: Mapping[str, Traits]
) -> np.ndarray:
    """Share [queries, kinds] of the admissible database that has each kind in common: the expectation at every rank of
    a draw without replacement, hence of every average of ranks."""
    indices = [defaultdict[str, set[int]](set) for _ in range(6)]
    for row, i in enumerate(database):
        for index, names in zip(indices, (*_names(rows[i.id]), (i.owner,), (i.id,)), strict=True):
            for name in names:
                index[name].add(row)
    *kinds, owners, ids = indices
    shares = np.zeros((len(queries), len(KINDS)))
    for row, (query, wanted) in enumerate(zip(queries, asked, strict=True)):
        own = owners.get(query.owner, set()) | ids.get(query.id, set())
        alike = [_union(index, names) for index, names in zip(kinds, _names(wanted), strict=True)]
        if own:
            alike = [some - own for some in alike]
        same, *_, entity = alike
        # An intersection goes through its smaller side, never through the many instances of a relation.
        either = len(same) + len(entity) - len(same & entity)
        shares[row] = np.array([*map(len, alike), either]) / max(1, len(database) - len(own))
    return shares


def _names(traits: Traits) -> tuple[frozenset[str], ...]:
    """What two instances of each kind of `KINDS` but the last have one of in common."""
    return *traits, traits.heads | traits.tails


def _union(index: Mapping[str, set[int]], names: Iterable[str]) -> set[int]:
    found = [index[name] for name in names if name in index]
    return found[0] if len(found) == 1 else set().union(*found)


def _means(shares: np.ndarray) -> dict[str, float]:
    return dict(zip(KINDS, map(float, shares.mean(0)), strict=True))
