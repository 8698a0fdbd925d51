"""What neighbours do to an answer: a trained method predicts the test set again with other neighbours in place of the
retrieved ones.

`same`: the retrieved ones again. It changes nothing in a text prompt; a soft prompt gets each of them whole, as under
every other probe, which are to be read against this one. `random`: drawn from the database. `shuffled`: the retrieved
ones, their labels permuted over the whole test set, so that each label is shown as often as before (Min et al. 2022,
arXiv 2202.12837, draw labels at random). `gold` and `wrong`: drawn from those that have the query's relation, or have
not; they look at the answer, `gold` is an upper bound and no method. `none`: no neighbour in a text prompt, zeros in a
soft one. `mean`: the mean of the whole database (soft prompts only).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.data.base import Dataset
from bench.run.seeds import derive
from bench.scoring.answers import flips
from bench.scoring.labels import score
from bench.scoring.metric import Labels
from methods.base import Method, Shown
from methods.types import Instance, Neighbours, bars

PROBES = ("same", "random", "shuffled", "gold", "wrong", "none", "mean")
LOOKS_AT_GOLD = frozenset({"gold", "wrong"})
_SCORES = ("f1", "precision", "recall", "accuracy")

# Whether an instance with these relations may be shown to a query with those.
_Admits = Callable[[frozenset[str], frozenset[str]], bool]
_DRAWN: Mapping[str, _Admits] = {
    "random": lambda relations, wanted: True,
    "gold": lambda relations, wanted: not relations.isdisjoint(wanted),
    "wrong": lambda relations, wanted: relations.isdisjoint(wanted),
}


def examine(
    method: Method,
    dataset: Dataset,
    database: Sequence[Instance],
    found: Sequence[Neighbours],
    predicted: Labels,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a record says of the probes (`probe`), and for the line of each instance its labels under them."""
    results, answers = probe(method, dataset, database, found, predicted, seed)
    more: list[dict[str, Any]] = [{} for _ in dataset.test]
    for name, labels in answers.items():
        for line, label in zip(more, labels, strict=True):
            line.setdefault("probes", {})[name] = label if isinstance(label, str) else list(label)
    return {"probes": results}, more


def probe(
    method: Method,
    dataset: Dataset,
    database: Sequence[Instance],
    found: Sequence[Neighbours],
    predicted: Labels,
    seed: int,
) -> tuple[dict[str, dict[str, Any]], dict[str, Labels]]:
    """For every probe that the trained ``method`` knows: what its record says, and the labels predicted under it.

    ``predicted``: the labels with the retrieved neighbours ``found``. A record holds the scores under the probe,
    `flips` from it to the retrieved neighbours (`fixed`: wrong under the probe, right with them), whether it looks at
    the answer, and how many queries were `unavailable` (no such instance in the database: they keep the retrieved).
    """
    queries, gold = dataset.test, [i.relations for i in dataset.test]
    results: dict[str, dict[str, Any]] = {}
    answers: dict[str, Labels] = {}
    for name in PROBES:
        shown, unavailable = replaced(name, queries, found, database, seed)
        prediction = method.predict_with(queries, shown)
        if prediction is None:
            continue
        metrics, answers[name] = score(prediction, queries, dataset, database, dataset.unpaired)
        results[name] = {
            **{key: metrics[key] for key in _SCORES},
            **flips(gold, answers[name], predicted),
            "unavailable": unavailable,
            "looks_at_gold": name in LOOKS_AT_GOLD,
        }
    return results, answers


def replaced(
    name: str, queries: Sequence[Instance], found: Sequence[Neighbours], database: Sequence[Instance], seed: int
) -> tuple[Shown, int]:
    """What the probe ``name`` shows to each query, as many as were ``found``, and for how many queries the database has
    nothing of the kind. Where it has fewer than needed they repeat. Never one that the query `bars`."""
    if name == "none":
        return "none", 0
    if name == "mean":
        return "mean", 0
    by_id = {i.id: i for i in database}
    retrieved = [[by_id[one] for one in near.ids] for near in found]
    if name == "same":
        return retrieved, 0
    if name == "shuffled":
        return _shuffled(retrieved, seed), 0
    owners = {i.owner for i in database}
    pools: dict[frozenset[str], list[Instance]] = {}
    shown: list[list[Instance]] = []
    unavailable = 0
    for query, near in zip(queries, retrieved, strict=True):
        wanted = frozenset(query.relations)
        if wanted not in pools:
            pools[wanted] = [i for i in database if _DRAWN[name](frozenset(i.relations), wanted)]
        pool = pools[wanted]
        if query.id in by_id or query.owner in owners:
            pool = [i for i in pool if not bars(query, i)]
        drawn = random.Random(derive("probe", name, seed, query.id)).sample(pool, min(len(near), len(pool)))
        unavailable += not pool
        shown.append([drawn[rank % len(drawn)] for rank in range(len(near))] if drawn else near)
    return shown, unavailable


def _shuffled(retrieved: Sequence[Sequence[Instance]], seed: int) -> list[list[Instance]]:
    labels = [i.relations for near in retrieved for i in near]
    random.Random(derive("probe", "shuffled", seed)).shuffle(labels)
    rest = iter(labels)
    return [[_labelled(i, next(rest)) for i in near] for near in retrieved]


def _labelled(instance: Instance, relations: tuple[str, ...]) -> Instance:
    return replace(instance, relation=relations[0], more_relations=relations[1:])
