"""What retrieved neighbours share with their query: by rank, by weight, by relation; against chance and the untrained
retriever."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.scoring.labels import DIGITS
from methods.types import Instance, Neighbours

RANKS = (1, 3, 5, 10)
# What two instances may share: a relation, the head, the tail, either of the two, or any of these.
SHARED = ("relation", "head", "tail", "entity", "any")
_Index = defaultdict[str, set[int]]  # a name -> rows of the database


@dataclass(frozen=True)
class _Traits:
    """An instance's relations and the case-folded surface texts of every mention of its entities."""

    relations: frozenset[str]
    heads: frozenset[str]
    tails: frozenset[str]


def shared(query: Instance, other: Instance) -> dict[str, bool]:
    """Which of `SHARED` two instances have in common. Entities are the same where a mention is, up to case, and only
    in the same place: head with head, tail with tail."""
    return dict(zip(SHARED, _shared(_traits(query), _traits(other)), strict=True))


def retrieval_quality(
    queries: Sequence[Instance],
    found: Sequence[Neighbours],
    database: Sequence[Instance],
    negative: str | None,
    untrained: Sequence[Neighbours] | None = None,
) -> dict[str, Any]:
    """JSON-ready: {"k", "all", "positive", "negative", "per_relation": {name: part}, "untrained" (where given),
    "confusion": {query's relation: {neighbours' relation: count}}}.

    A part is {"n", "at_1", ..., "at_<k>", "weighted", "chance"}, mean shares over n queries of each kind of `SHARED`:
    of the first neighbours, of all by their positive weight (of a soft selection: of the k that it weighs most), and
    what neighbours drawn at random from ``database`` share in expectation (exactly; never the query itself nor its
    document). With several relations one in common is enough, and a query counts for each of its own. A group without
    queries is left out.
    """
    k = max((len(near.ids) for near in found), default=0)
    rows = {i.id: _traits(i) for i in database}
    shares = _shares(queries, found, rows, k)
    chance = _chance(queries, database)
    groups: dict[str, list[int]] = {"all": list(range(len(queries))), "positive": [], "negative": []}
    by_relation: dict[str, list[int]] = defaultdict(list)
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for row, (query, near) in enumerate(zip(queries, found, strict=True)):
        groups["negative" if query.relations == (negative,) else "positive"].append(row)
        for relation in query.relations:
            by_relation[relation].append(row)
            for name in near.ids:
                confusion[relation].update(rows[name].relations)

    def part(chosen: Sequence[int], shares: Mapping[str, np.ndarray] = shares) -> dict[str, Any]:
        columns = {**shares, "chance": chance}
        return {"n": len(chosen), **{name: _means(column[chosen]) for name, column in columns.items()}}

    quality: dict[str, Any] = {"k": k, **{name: part(chosen) for name, chosen in groups.items() if chosen}}
    quality["per_relation"] = {name: part(chosen) for name, chosen in sorted(by_relation.items())}
    if untrained is not None and queries:
        quality["untrained"] = part(groups["all"], _shares(queries, untrained, rows, k))
    quality["confusion"] = {name: dict(sorted(confusion[name].items())) for name in sorted(confusion)}
    return quality


def _shares(
    queries: Sequence[Instance], found: Sequence[Neighbours], rows: Mapping[str, _Traits], k: int
) -> dict[str, np.ndarray]:
    """Name of an aggregate -> [queries, kinds]; zero for a query without neighbours."""
    ranks = sorted({rank for rank in RANKS if rank < k} | {k})
    shares = {name: np.zeros((len(queries), len(SHARED))) for name in (*(f"at_{r}" for r in ranks), "weighted")}
    for row, (query, near) in enumerate(zip(queries, found, strict=True)):
        if not near.ids:
            continue
        asked = _traits(query)
        hits = np.array([_shared(asked, rows[name]) for name in near.ids], dtype=float)
        for rank in ranks:
            shares[f"at_{rank}"][row] = hits[:rank].mean(0)
        weights = np.maximum(near.weights, 0.0)
        shares["weighted"][row] = np.average(hits, axis=0, weights=weights if weights.any() else None)
    return shares


def _chance(queries: Sequence[Instance], database: Sequence[Instance]) -> np.ndarray:
    """Share [queries, kinds] of the admissible database that has each kind in common: the expectation at every rank of
    a draw without replacement, hence of every average of ranks."""
    relations, heads, tails, owners = (_Index(set) for _ in range(4))
    for row, instance in enumerate(database):
        traits = _traits(instance)
        for index, names in ((relations, traits.relations), (heads, traits.heads), (tails, traits.tails)):
            for name in names:
                index[name].add(row)
        for owner in _owners(instance):
            owners[owner].add(row)
    shares = np.zeros((len(queries), len(SHARED)))
    for row, query in enumerate(queries):
        asked = _traits(query)
        own = _union(owners, _owners(query))
        same = _union(relations, asked.relations) - own
        head, tail = _union(heads, asked.heads) - own, _union(tails, asked.tails) - own
        entity = head | tail
        counts = (len(same), len(head), len(tail), len(entity), len(same) + len(entity - same))
        shares[row] = np.array(counts) / max(1, len(database) - len(own))
    return shares


def _owners(instance: Instance) -> tuple[str, ...]:
    """What two instances have in common that may never be neighbours: the id, the document."""
    document = (f"document {instance.document}",) if instance.document else ()
    return (f"instance {instance.id}", *document)


def _union(index: Mapping[str, set[int]], names: Iterable[str]) -> set[int]:
    return set().union(*(index.get(name, set()) for name in names))


def _traits(instance: Instance) -> _Traits:
    def names(spans: Iterable[Any]) -> frozenset[str]:
        return frozenset(instance.text(span).casefold() for span in spans)

    return _Traits(frozenset(instance.relations), names(instance.heads), names(instance.tails))


def _shared(one: _Traits, other: _Traits) -> tuple[bool, ...]:
    relation, head, tail = (
        not one.relations.isdisjoint(other.relations),
        not one.heads.isdisjoint(other.heads),
        not one.tails.isdisjoint(other.tails),
    )
    return relation, head, tail, head or tail, relation or head or tail


def _means(shares: np.ndarray) -> dict[str, float]:
    return {name: round(float(mean), DIGITS) for name, mean in zip(SHARED, shares.mean(0), strict=True)}
