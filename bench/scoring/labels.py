"""What a prediction comes to: labels, the corpus's metric, lines for the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.data.base import Dataset
from bench.scoring.metrics import METRICS
from bench.scoring.metrics_docred import MULTI_LABEL_METRICS
from methods.types import Instance, Prediction, RelationSchema

# Six digits behind the point: differences below that are noise of the arithmetic, and files halve.
DIGITS = 6
Lines = list[dict[str, Any]]
# One relation per instance, or, for a multi-label corpus, a tuple of them.
Labels = Sequence[str] | Sequence[tuple[str, ...]]


def score(
    prediction: Prediction, instances: Sequence[Instance], dataset: Dataset, unpaired: int = 0
) -> tuple[dict[str, Any], Labels]:
    """The dataset's metric on one prediction, and the labels that it was computed from. Raises as `choose`."""
    schema = dataset.schema
    if dataset.multi_label:
        sets = choose_sets(prediction, instances, schema)
        gold = [i.relations for i in instances]
        known = [dataset.known.get(i.id, frozenset()) for i in instances]
        return dict(MULTI_LABEL_METRICS[dataset.metric](gold, sets, schema, known, unpaired)), sets
    best = choose(prediction, instances, schema)
    return dict(METRICS[dataset.metric]([i.relation for i in instances], best, schema)), best


def choose(prediction: Prediction, instances: Sequence[Instance], schema: RelationSchema) -> list[str]:
    """The best relation of each instance (the first of equals), by name.

    Raises ValueError where the method breaks its contract: another shape, a NaN, an admitted relation without
    a finite score, a score for one that the types exclude, an instance as its own neighbour.
    """
    scores = checked_scores(prediction, instances, schema)
    return [schema.names[column] for column in scores.argmax(axis=1)] if len(instances) else []


def choose_sets(prediction: Prediction, instances: Sequence[Instance], schema: RelationSchema) -> list[tuple[str, ...]]:
    """The relations of each instance that score above the negative class, which stands alone where none does (the
    threshold class of ATLOP, Zhou et al. 2021, arXiv 2010.11304). Raises ValueError as `choose`."""
    assert schema.negative is not None  # kept by the plan
    scores = checked_scores(prediction, instances, schema)
    above = scores > scores[:, schema.index[schema.negative]].reshape(-1, 1)
    return [tuple(schema.names[column] for column in np.flatnonzero(row)) or (schema.negative,) for row in above]


def checked_scores(prediction: Prediction, instances: Sequence[Instance], schema: RelationSchema) -> np.ndarray:
    """The scores [instances, relations] of a prediction that keeps its contract. Raises ValueError (`choose`)."""
    scores, admitted = np.asarray(prediction.scores), schema.admitted(instances)
    if scores.shape != admitted.shape:
        raise ValueError(f"scores have shape {scores.shape}, expected [instances, relations] = {admitted.shape}")
    wrong = np.isfinite(scores) != admitted
    wrong |= ~(scores < np.inf)  # NaN as well
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        expected = "a finite score" if admitted[row, column] else "-inf (its types do not admit the relation)"
        where = f"instance {instances[row].id}, relation {schema.names[column]}"
        raise ValueError(f"{where}: score {scores[row, column]}, expected {expected}")
    if prediction.neighbours is not None:
        if len(prediction.neighbours) != len(instances):
            raise ValueError(f"neighbours of {len(prediction.neighbours)} instances, expected {len(instances)}")
        for instance, neighbours in zip(instances, prediction.neighbours, strict=True):
            if instance.id in neighbours.ids:
                raise ValueError(f"instance {instance.id} is its own neighbour: its label leaks")
    return scores


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
