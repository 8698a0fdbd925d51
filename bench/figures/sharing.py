"""What retrieved instances share with their query, against what random ones would."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from methods.types import Instance

RANKS = (1, 3, 5, 10)
KINDS = ("relation", "head", "tail", "entity", "either")
Index = Mapping[str, set[int]]


class Database:
    """Rows of the instances by relation and by surface of their entities (upper and lower case alike)."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self.instances = instances
        self.row = {instance.id: row for row, instance in enumerate(instances)}
        self._relations = _index(i.relations for i in instances)
        self._heads = _index(map(_heads, instances))
        self._tails = _index(map(_tails, instances))
        self._documents = _index({i.document} - {""} for i in instances)

    def barred(self, query: Instance) -> set[int]:
        """Rows that are never neighbours of the query: itself, and those of its document."""
        own = {self.row[query.id]} if query.id in self.row else set()
        return own | self._documents.get(query.document, set())

    def sharing(self, query: Instance) -> dict[str, set[int]]:
        """Rows that share something with the query; `entity`: any entity, in whatever role. Without `either`, which
        is the union of relation and entity."""
        entities = _heads(query) | _tails(query)
        return {
            "relation": _union(self._relations, query.relations),
            "head": _union(self._heads, _heads(query)),
            "tail": _union(self._tails, _tails(query)),
            "entity": _union(self._heads, entities) | _union(self._tails, entities),
        }


def sharing(
    queries: Sequence[Instance], database: Sequence[Instance], neighbours: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """``neighbours``: ids per query, nearest first.

    {"queries", "depth": the least number of neighbours,
     "shared": {rank, or "all": {kind: mean share of a query's nearest `rank` neighbours}},
     "chance": {kind: expected share of instances drawn uniformly from those that the query may retrieve (exact)},
     "confusion": {relation of the query: {relation of a neighbour: how many}}, by first relations}

    Raises ValueError for no queries, a query without neighbours, and KeyError for a neighbour outside the database.
    """
    if not queries or not all(neighbours):
        raise ValueError("expected queries with at least one neighbour each")
    rows = Database(database)
    depth = min(map(len, neighbours))
    ranks = [rank for rank in RANKS if rank <= depth]
    shared: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    chance: defaultdict[str, float] = defaultdict(float)
    confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for query, ids in zip(queries, neighbours, strict=True):
        sets, barred = rows.sharing(query), rows.barred(query)
        for kind, count in _counts(sets, barred).items():
            chance[kind] += count / (len(database) - len(barred))
        found = [rows.row[name] for name in ids]
        confusion[query.relation].update(database[row].relation for row in found)
        for name, cut in [*((str(rank), rank) for rank in ranks), ("all", len(found))]:
            for kind in KINDS:
                hits = sum(_shares(row, kind, sets) for row in found[:cut])
                shared[name][kind] += hits / cut
    n = len(queries)
    return {
        "queries": n,
        "depth": depth,
        "shared": {name: {kind: total[kind] / n for kind in KINDS} for name, total in shared.items()},
        "chance": {kind: chance[kind] / n for kind in KINDS},
        "confusion": {name: dict(sorted(row.items())) for name, row in sorted(confusion.items())},
    }


def _shares(row: int, kind: str, sets: Mapping[str, set[int]]) -> bool:
    return row in sets["relation"] or row in sets["entity"] if kind == "either" else row in sets[kind]


def _counts(sets: Mapping[str, set[int]], barred: set[int]) -> dict[str, int]:
    """Rows per kind that the query may retrieve. The few rows of entities are gone through, never the many of a
    relation: a corpus as large as TACRED then takes seconds."""
    counts = {kind: len(rows) - len(rows & barred) for kind, rows in sets.items()}
    return counts | {"either": counts["relation"] + len(sets["entity"] - sets["relation"] - barred)}


def _heads(instance: Instance) -> set[str]:
    return {instance.text(span).casefold() for span in instance.heads}


def _tails(instance: Instance) -> set[str]:
    return {instance.text(span).casefold() for span in instance.tails}


def _index(keys: Iterable[Iterable[str]]) -> Index:
    index: defaultdict[str, set[int]] = defaultdict(set)
    for row, names in enumerate(keys):
        for name in names:
            index[name].add(row)
    return dict(index)


def _union(index: Index, names: Iterable[str]) -> set[int]:
    found = [index[name] for name in names if name in index]
    return found[0] if len(found) == 1 else set().union(*found)
