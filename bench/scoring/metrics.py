"""Official metrics, computed from relation names: the negative class is found by name, never by index.

Every metric maps (gold, predicted, schema) to `Metrics`: fractions, not percent. A quotient without a denominator
is 0 and raises no warning. Only the relations in ``schema.names`` count: under a schema that was restricted to some of
them (bench.run.test_sets) a prediction of another one that has a verbalisation is wrong, and counts for no relation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NotRequired, TypedDict

from methods.types import RelationSchema


class RelationScore(TypedDict):
    """One relation's scores with its number of gold (``support``) and of predicted instances."""

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


class Metrics(TypedDict):
    """``primary`` says what ``f1``, ``precision`` and ``recall`` are; ``per_relation`` has every relation of the
    schema, the negative one too; ``per_group``, for directed relations, the undirected ones of the official score;
    ``ign_precision`` and ``ign_f1``, for documents, the score without facts of the training annotations."""

    primary: Literal["micro_f1", "macro_f1"]
    f1: float
    precision: float
    recall: float
    accuracy: float
    per_relation: dict[str, RelationScore]
    per_group: NotRequired[dict[str, RelationScore]]
    ign_precision: NotRequired[float]
    ign_f1: NotRequired[float]


Metric = Callable[[Sequence[str], Sequence[str], RelationSchema], Metrics]


def tacred_micro_f1(gold: Sequence[str], predicted: Sequence[str], schema: RelationSchema) -> Metrics:
    """Micro-averaged F1 over all relations but the negative one, as TACRED's scorer.py (Zhang et al. 2017).

    Without any positive prediction precision is 0 (the scorer prints 1); F1 is 0 either way. Raises ValueError
    for unequal lengths and for a label that the schema does not have.
    """
    _check(gold, predicted, schema)
    correct = sum(g == p != schema.negative for g, p in zip(gold, predicted, strict=True))
    guessed = sum(p != schema.negative and p in schema.index for p in predicted)
    score = score_counts(correct, sum(g != schema.negative for g in gold), guessed)
    return {
        "primary": "micro_f1",
        "f1": score["f1"],
        "precision": score["precision"],
        "recall": score["recall"],
        "accuracy": _accuracy(gold, predicted),
        "per_relation": _by_label(gold, predicted, schema.names),
    }


def semeval_macro_f1(gold: Sequence[str], predicted: Sequence[str], schema: RelationSchema) -> Metrics:
    """Macro-F1 over undirected relations, direction counted, negative left out: SemEval-2010 Task 8's scorer v1.2.

    For X in `X(e1,e2)` and `X(e2,e1)`: precision = instances with the right directed label / predictions of X in
    either direction; recall has the gold instances of X in either direction below. As in the scorer, the mean is
    over the relations that occur in ``gold`` (all nine in the official test set). Raises ValueError as above.
    """
    _check(gold, predicted, schema)
    groups = list(dict.fromkeys(undirected(name) for name in schema.names if name != schema.negative))
    correct = Counter(undirected(g) for g, p in zip(gold, predicted, strict=True) if g == p)
    support, guessed = Counter(map(undirected, gold)), Counter(map(undirected, predicted))
    per_group = {name: score_counts(correct[name], support[name], guessed[name]) for name in groups}
    return {
        **_macro([score for score in per_group.values() if score["support"]], _accuracy(gold, predicted)),
        "per_relation": _by_label(gold, predicted, schema.names),
        "per_group": per_group,
    }


def macro_f1_accuracy(gold: Sequence[str], predicted: Sequence[str], schema: RelationSchema) -> Metrics:
    """Plain macro-F1 over every relation that occurs in ``gold`` or ``predicted``, the negative one included
    (scikit-learn's default), beside the accuracy. Raises ValueError as above."""
    _check(gold, predicted, schema)
    per_relation = _by_label(gold, predicted, schema.names)
    occurring = [score for score in per_relation.values() if score["support"] or score["predicted"]]
    return {**_macro(occurring, _accuracy(gold, predicted)), "per_relation": per_relation}


METRICS: dict[str, Metric] = {
    "tacred_micro_f1": tacred_micro_f1,
    "semeval_macro_f1": semeval_macro_f1,
    "macro_f1_accuracy": macro_f1_accuracy,
}


def _check(gold: Sequence[str], predicted: Sequence[str], schema: RelationSchema) -> None:
    if len(gold) != len(predicted):
        raise ValueError(f"{len(gold)} gold labels but {len(predicted)} predictions")
    for what, labels, known in (("gold", gold, schema.index), ("predicted", predicted, schema.verbalisations)):
        unknown = sorted(set(labels) - known.keys())
        if unknown:
            raise ValueError(f"unknown {what} label {unknown[0]!r}; the schema has {', '.join(schema.names)}")


def score_counts(correct: int, support: int, predicted: int) -> RelationScore:
    precision = correct / predicted if predicted else 0.0
    recall = correct / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": support, "predicted": predicted}


def _by_label(gold: Sequence[str], predicted: Sequence[str], names: Iterable[str]) -> dict[str, RelationScore]:
    correct = Counter(g for g, p in zip(gold, predicted, strict=True) if g == p)
    support, guessed = Counter(gold), Counter(predicted)
    return {name: score_counts(correct[name], support[name], guessed[name]) for name in names}


def _macro(scores: Sequence[RelationScore], accuracy: float) -> Metrics:
    count = len(scores) or 1
    return {
        "primary": "macro_f1",
        "f1": sum(score["f1"] for score in scores) / count,
        "precision": sum(score["precision"] for score in scores) / count,
        "recall": sum(score["recall"] for score in scores) / count,
        "accuracy": accuracy,
        "per_relation": {},
    }


def _accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold) if gold else 0.0


def undirected(name: str) -> str:
    """`Cause-Effect(e2,e1)` -> `Cause-Effect`; a name without a direction is its own group."""
    for direction in ("(e1,e2)", "(e2,e1)"):
        if name.endswith(direction):
            return name.removesuffix(direction)
    return name
