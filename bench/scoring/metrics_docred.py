"""Document-level metric over sets of relations: the official evaluation of DocRED, without its evidence part.

Source: evaluation.py of Yao et al. 2019 (https://github.com/thunlp/DocRED, arXiv 1906.06127), which Re-DocRED (Tan et
al. 2022, arXiv 2205.12696) uses unchanged. An instance is one ordered pair of entities of one document, so a fact
(title, head, tail, relation) is a relation of an instance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bench.scoring.metrics import Metrics, score_counts
from methods.types import RelationSchema

Labels = Sequence[str]
MultiLabelMetric = Callable[
    [Sequence[Labels], Sequence[Labels], RelationSchema, Sequence[frozenset[str]], int],
    Metrics,
]


def docred_f1(
    gold: Sequence[Labels],
    predicted: Sequence[Labels],
    schema: RelationSchema,
    known: Sequence[frozenset[str]],
    unpaired: int = 0,
) -> Metrics:
    """F1 and Ign F1 over facts; one entry of ``gold``, ``predicted`` and ``known`` per instance.

    The negative class, wherever it stands, is no fact; a relation named twice counts once. ``known``: the relations
    that the training annotations hold between any name of the head and any name of the tail. As in the scorer,

        precision = correct / predicted                 ign_precision = (correct - k) / (predicted - k + 1e-5)

    with k the correct facts that are known, and one recall for both: correct / gold facts, among which the
    ``unpaired`` ones that no instance stands for. Ign F1 depends on the annotations that ``known`` was made from.
    ``accuracy``: share of instances whose set is exactly right; the negative class has its score too, over the
    instances without a fact. Raises ValueError for unequal lengths and for a label that the schema does not have.
    """
    wanted, found = _facts("gold", gold, schema), _facts("predicted", predicted, schema)
    if not len(wanted) == len(found) == len(known):
        raise ValueError(f"{len(wanted)} gold sets, {len(found)} predicted ones and {len(known)} known ones")
    right = [g & p for g, p in zip(wanted, found, strict=True)]
    support, guessed, hit = (Counter(name for names in sets for name in names) for sets in (wanted, found, right))
    score = score_counts(hit.total(), support.total() + unpaired, guessed.total())
    per_relation = {name: score_counts(hit[name], support[name], guessed[name]) for name in schema.names}
    if schema.negative is not None:
        pairs = list(zip(wanted, found, strict=True))
        none = sum(not (g or p) for g, p in pairs), sum(not g for g, _ in pairs), sum(not p for _, p in pairs)
        per_relation[schema.negative] = score_counts(*none)
    in_train = sum(len(names & seen) for names, seen in zip(right, known, strict=True))
    ign_precision = (hit.total() - in_train) / (guessed.total() - in_train + 1e-5)
    return {
        "primary": "micro_f1",
        "f1": score["f1"],
        "precision": score["precision"],
        "recall": score["recall"],
        "accuracy": sum(g == p for g, p in zip(wanted, found, strict=True)) / len(wanted) if wanted else 0.0,
        "per_relation": per_relation,
        "ign_precision": ign_precision,
        "ign_f1": _f1(ign_precision, score["recall"]),
    }


MULTI_LABEL_METRICS: dict[str, MultiLabelMetric] = {"docred_f1": docred_f1}


def _facts(what: str, labels: Sequence[Labels], schema: RelationSchema) -> list[set[str]]:
    sets = [set(names) for names in labels]
    unknown = sorted(set().union(*sets) - set(schema.names))
    if unknown:
        raise ValueError(f"unknown {what} label {unknown[0]!r}; the schema has {', '.join(schema.names)}")
    return [names - {schema.negative} for names in sets]


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
