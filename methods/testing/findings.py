"""What can be wrong with a prediction or with neighbours: "" or one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from methods.testing.trial import Fitted, Trial
from methods.types import Instance, Neighbours, Prediction, bars

Clause = Callable[[Trial], str]


def option_k(trial: Trial) -> int:
    """The option `k`; 0 where there is none."""
    k = getattr(trial.options, "k", 0)
    return k if isinstance(k, int) else 0


def neighbour_ids(prediction: Prediction) -> list[tuple[str, ...]]:
    """Of every instance; none where nothing is retrieved."""
    return [near.ids for near in prediction.neighbours or ()]


def changed(one: Prediction, other: Prediction) -> str:
    """What differs between two predictions, to the last bit."""
    if not np.array_equal(one.scores, other.scores):
        return "the scores change"
    return "" if neighbour_ids(one) == neighbour_ids(other) else "the neighbours change"


def misplaced(prediction: Prediction, fitted: Fitted) -> str:
    """The first score that is not finite where admitted, -inf where not."""
    scores, admitted = prediction.scores, fitted.context.schema.admitted(fitted.test)
    if scores.shape != admitted.shape:
        return f"scores of shape {list(scores.shape)}, expected {list(admitted.shape)}"
    for row, column in np.argwhere((np.isfinite(scores) != admitted) | np.isnan(scores) | (scores == np.inf)):
        instance, relation = fitted.test[row], fitted.context.schema.names[column]
        is_admitted = "admitted" if admitted[row, column] else "not admitted"
        return f"instance {instance.id}: {relation} is {is_admitted} and scores {scores[row, column]}"
    return ""


def misshapen(found: Sequence[Neighbours] | None, queries: Sequence[Instance]) -> str:
    """Not one entry per query, or not one weight per id."""
    if found is not None and len(found) != len(queries):
        return f"neighbours of {len(found)} instances, expected {len(queries)}"
    wrong = [near for near in found or () if len(near.ids) != len(near.weights)]
    return f"{len(wrong[0].ids)} ids with {len(wrong[0].weights)} weights" if wrong else ""


def strange(found: Sequence[Neighbours] | None, database: Sequence[Instance]) -> str:
    """A neighbour from elsewhere, or one that is listed twice."""
    known = {i.id for i in database}
    for near in found or ():
        if strange := set(near.ids) - known:
            return f"{min(strange)} is not in the database"
        if len(set(near.ids)) < len(near.ids):
            return f"an instance stands twice among {', '.join(near.ids)}"
    return ""


def barred(found: Sequence[Neighbours] | None, queries: Sequence[Instance], database: Sequence[Instance]) -> str:
    """A neighbour that is the query itself or of its document."""
    by_id = {i.id: i for i in database}
    for query, near in zip(queries, found or (), strict=found is not None):
        for one in near.ids:
            if one in by_id and bars(query, by_id[one]):
                return f"{one} is a neighbour of {query.id} ({query.owner})"
    return ""


def accepts(call: Callable[[], object], refusal: type[Exception]) -> str:
    """Whether what should be refused with this error is not."""
    try:
        call()
    except refusal:
        return ""
    return f"raises no {refusal.__name__}"
