"""Whether a neighbour's text holds an entity of its query: how the paper's authors count a shared entity.

`entity`: the text of a mention of the query's head or tail is a substring of the neighbour's text, case as it stands
('cat' is in 'category'); tokens are joined by blanks. `either`: that, or a relation in common. Read from the authors'
analysis (github tti-coin/etrag, commit 4127670), which counts both each retrieved instance and any of the k;
`bench.scoring.neighbours` has our stricter kinds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.scoring.substrings import Texts
from methods.types import Barred, Instance, Neighbours

KINDS = ("entity", "either")


def in_text(queries: Sequence[Instance], found: Sequence[Neighbours], database: Sequence[Instance]) -> dict[str, Any]:
    """JSON-ready: {"n", "each", "chance", "any", "any_chance"}, means over n queries of each of `KINDS`; {} for none.

    ``each``: share of a query's neighbours; ``chance``: of random instances, in expectation. ``any``: whether one of a
    query's neighbours does; ``any_chance``: the probability that one of as many random instances does, drawn without
    replacement. Chance is exact and never draws one that the query `bars`.
    """
    if not queries:
        return {}
    rows, texts = {i.id: row for row, i in enumerate(database)}, Texts(i.text() for i in database)
    k = np.array([len(near.ids) for near in found])[:, None]
    hits = _hits(queries, found, database, rows, texts)
    alike, admitted = _admitted(queries, database, rows, texts)
    parts = {
        "each": hits / np.maximum(k, 1),
        "chance": alike / np.maximum(admitted, 1),
        "any": hits > 0,
        "any_chance": chance_of_any(alike, admitted, k),
    }
    means = {name: dict(zip(KINDS, values.mean(0).tolist(), strict=True)) for name, values in parts.items()}
    return {"n": len(queries), **means}


def chance_of_any(hits: np.ndarray, n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Probability that k of n, drawn without replacement, have one of the hits: 1 - C(n - hits, k) / C(n, k), the
    hypergeometric law; arrays that broadcast. The ratio is the product over j < k of (n - hits - j) / (n - j)."""
    hits, n, k = (np.asarray(values)[..., None] for values in (hits, n, k))
    j = np.arange(k.max(initial=0))
    misses = np.maximum(n - hits - j, 0) / np.maximum(n - j, 1)
    return 1.0 - np.where(j < np.minimum(k, n), misses, 1.0).prod(-1)


def _entities(query: Instance) -> set[str]:
    return {query.text(span) for span in (*query.heads, *query.tails)}


def _hits(
    queries: Sequence[Instance],
    found: Sequence[Neighbours],
    database: Sequence[Instance],
    rows: Mapping[str, int],
    texts: Texts,
) -> np.ndarray:
    """Neighbours of each query that have each kind in common, int [queries, kinds]."""
    counts = np.zeros((len(queries), len(KINDS)), dtype=int)
    for row, (query, near) in enumerate(zip(queries, found, strict=True)):
        entities, relations = _entities(query), set(query.relations)
        for other in (rows[name] for name in near.ids):
            entity = any(text in texts[other] for text in entities)
            counts[row] += entity, entity or not relations.isdisjoint(database[other].relations)
    return counts


def _admitted(
    queries: Sequence[Instance], database: Sequence[Instance], rows: Mapping[str, int], texts: Texts
) -> tuple[np.ndarray, np.ndarray]:
    """How many instances each query may retrieve: those that have each kind in common, int [queries, kinds], and all,
    int [queries, 1]."""
    having = defaultdict[str, np.ndarray](lambda: np.zeros(len(database), dtype=bool))
    for row, instance in enumerate(database):
        for relation in instance.relations:
            having[relation][row] = True
    barred = Barred(database)
    alike = np.zeros((len(queries), len(KINDS)), dtype=int)
    admitted = np.full((len(queries), 1), len(database))
    for row, query in enumerate(queries):
        own = [rows[name] for name in barred(query) if name in rows]
        entity = texts.containing(_entities(query))
        either = np.logical_or.reduce([entity, *(having[relation] for relation in query.relations)])
        entity[own] = either[own] = False
        alike[row] = np.count_nonzero(entity), np.count_nonzero(either)
        admitted[row] -= len(own)
    return alike, admitted
