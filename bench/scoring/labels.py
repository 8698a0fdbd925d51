"""What a prediction comes to: labels, the corpus's metric, lines for the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.data.base import Dataset
from bench.errors import DataError
from bench.names import visible
from bench.scoring.metric import Labels
from bench.scoring.metrics import METRICS
from methods.types import Instance, Neighbours, Prediction, RelationSchema, bars

# Six digits behind the point: differences below that are noise of the arithmetic, and files halve.
DIGITS = 6
Lines = list[dict[str, Any]]


def check_corpus(dataset: Dataset) -> None:
    """Raises DataError where its metric is unknown, or does not fit its labels."""
    known = [name for name, metric in METRICS.items() if metric.multi_label == dataset.multi_label]
    kind = "multi-label" if dataset.multi_label else "single-label"
    if dataset.metric not in known:
        wants = f"dataset {dataset.name} ({kind}) wants metric {dataset.metric!r}"
        raise DataError(f"{wants}; known: {', '.join(known)}")
    if dataset.multi_label and dataset.schema.negative is None:
        raise DataError(
            f"dataset {dataset.name} is multi-label and needs a negative class, above which to predict "
            "(dataset.negative of jsonl and hub; or keep one relation each by dataset.several_relations=first)"
        )
    several = next((i for part in (dataset.train, dataset.dev, dataset.test) for i in part if i.more_relations), None)
    if several is not None and not dataset.multi_label:
        raise DataError(f"dataset {dataset.name}: instance {several.id} has several relations; set multi_label=True")


def score(
    prediction: Prediction,
    instances: Sequence[Instance],
    dataset: Dataset,
    database: Sequence[Instance],
    unpaired: int = 0,
) -> tuple[dict[str, Any], Labels]:
    """The dataset's metric on one prediction, and the labels that it was computed from. Raises as `choose`."""
    chosen = choose(prediction, instances, dataset, database)
    return report(chosen, instances, dataset, dataset.schema, unpaired), chosen


def report(
    predicted: Labels, instances: Sequence[Instance], dataset: Dataset, schema: RelationSchema, unpaired: int = 0
) -> dict[str, Any]:
    """The dataset's metric on labels, under its schema or one that is restricted to some of its relations."""
    gold = [i.relations for i in instances] if dataset.multi_label else [i.relation for i in instances]
    known = [dataset.known.get(i.id, frozenset()) for i in instances]
    return dict(METRICS[dataset.metric].report(gold, predicted, schema, known, unpaired))


def choose(
    prediction: Prediction, instances: Sequence[Instance], dataset: Dataset, database: Sequence[Instance]
) -> Labels:
    """The best relation of each instance (the first of equals), by name. In a multi-label corpus the relations that
    score above the negative class, which stands alone where none does (the threshold class of ATLOP, Zhou et al. 2021,
    arXiv 2010.11304). ``database``: the instances that may have been retrieved.

    Raises ValueError where the method breaks its contract: another shape, no floating-point numbers, a NaN, an admitted
    relation without a finite score, a score for one that the types exclude, neighbours that `check_neighbours` refuses.
    """
    schema = dataset.schema
    scores = _checked_scores(prediction, instances, schema)
    if prediction.neighbours is not None:
        check_neighbours(prediction.neighbours, instances, database)
    if not dataset.multi_label:
        return [schema.names[column] for column in scores.argmax(axis=1)] if len(instances) else []
    assert schema.negative is not None  # `check_corpus`
    above = scores > scores[:, schema.index[schema.negative]].reshape(-1, 1)
    return [tuple(schema.names[column] for column in np.flatnonzero(row)) or (schema.negative,) for row in above]


def _checked_scores(prediction: Prediction, instances: Sequence[Instance], schema: RelationSchema) -> np.ndarray:
    """The scores [instances, relations] of a prediction that keeps its contract. Raises ValueError (`choose`)."""
    if not isinstance(prediction, Prediction):
        raise ValueError(f"predict returned {type(prediction).__name__}, not a Prediction")
    scores, admitted = np.asarray(prediction.scores), schema.admitted(instances)
    if scores.dtype.kind != "f":
        raise ValueError(f"scores are of type {scores.dtype}, expected floating-point numbers")
    if scores.shape != admitted.shape:
        raise ValueError(f"scores have shape {scores.shape}, expected [instances, relations] = {admitted.shape}")
    wrong = np.isfinite(scores) != admitted
    wrong |= ~(scores < np.inf)  # NaN as well
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        expected = "a finite score" if admitted[row, column] else "-inf (its types do not admit the relation)"
        where = f"instance {instances[row].id}, relation {schema.names[column]}"
        raise ValueError(f"{where}: score {scores[row, column]}, expected {expected}")
    return scores


def check_neighbours(found: Sequence[Neighbours], instances: Sequence[Instance], database: Sequence[Instance]) -> None:
    """Raises ValueError for neighbours of other instances, from elsewhere, given twice, without a finite weight, and
    for one that is barred."""
    if len(found) != len(instances):
        raise ValueError(f"neighbours of {len(found)} instances, expected {len(instances)}")
    by_id = {i.id: i for i in database}
    for instance, near in zip(instances, found, strict=True):
        _check_weights(instance, near)
        for name in near.ids:
            if name == instance.id:
                raise ValueError(f"instance {name} is its own neighbour: its label leaks")
            if name not in by_id:
                raise ValueError(f"instance {instance.id}: neighbour {name} is not in the database")
            if bars(instance, by_id[name]):
                whose = "its own sentence" if instance.group else f"its own document {instance.document!r}"
                where = f"instance {instance.id}: neighbour {name} is of {whose}"
                raise ValueError(f"{where}: its label leaks")


def _check_weights(instance: Instance, near: Neighbours) -> None:
    if not isinstance(near, Neighbours):
        raise ValueError(f"instance {instance.id}: its neighbours are a {type(near).__name__}, not Neighbours")
    if len(set(near.ids)) != len(near.ids) or len(near.ids) != len(near.weights):
        raise ValueError(f"instance {instance.id}: {len(near.ids)} neighbours, {len(set(near.ids))} different ones, "
                         f"{len(near.weights)} weights")  # fmt: skip
    for name, weight in zip(near.ids, near.weights, strict=True):
        if isinstance(weight, str) or not math.isfinite(weight):
            raise ValueError(f"instance {instance.id}: neighbour {name} has the weight {visible(repr(weight), 40)}")


def prediction_lines(
    prediction: Prediction, instances: Sequence[Instance], predicted: Labels, schema: RelationSchema
) -> Lines:
    """One JSON-ready line per instance; relations that the types exclude have no score. `gold` and `predicted` are
    lists where ``predicted`` holds tuples (a multi-label corpus)."""
    lines: Lines = []
    for row, instance in enumerate(instances):
        scores = [round(float(score), DIGITS) for score in prediction.scores[row]]
        chosen, neighbours = predicted[row], None
        several = not isinstance(chosen, str)
        if prediction.neighbours is not None:
            found = prediction.neighbours[row]
            neighbours = [[i, round(float(w), DIGITS)] for i, w in zip(found.ids, found.weights, strict=True)]
        lines.append(
            {
                "id": instance.id,
                "gold": list(instance.relations) if several else instance.relation,
                "predicted": list(chosen) if several else chosen,
                "scores": {name: s for name, s in zip(schema.names, scores, strict=True) if math.isfinite(s)},
                "neighbours": neighbours,
            }
        )
    return lines
