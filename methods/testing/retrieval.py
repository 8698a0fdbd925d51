"""The contract of a method, one property a clause: neighbours, other databases, neighbours that are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methods.base import MethodError, Task
from methods.testing import corpus
from methods.testing.findings import accepts, barred, changed, misplaced, misshapen, neighbour_ids, option_k, strange
from methods.testing.trial import Trial
from methods.types import Instance


def lists_neighbours_for_each_instance(trial: Trial) -> str:
    """`neighbours` is None or has one entry per instance, with as many weights as ids."""
    return misshapen(trial.first.prediction.neighbours, trial.first.test)


def retrieves_from_its_database(trial: Trial) -> str:
    """Neighbours are of the training subset, each once."""
    return strange(trial.first.prediction.neighbours, trial.first.train)


def ranks_neighbours_by_weight(trial: Trial) -> str:
    """Weights of neighbours are finite and fall."""
    for near in trial.first.prediction.neighbours or ():
        if not np.isfinite(near.weights).all() or list(near.weights) != sorted(near.weights, reverse=True):
            return f"weights {near.weights}"
    return ""


def retrieves_k_neighbours(trial: Trial) -> str:
    """Where the options have a `k`, an instance has so many neighbours."""
    k = option_k(trial)
    counts = {len(near.ids) for near in trial.first.prediction.neighbours or ()} - {k}
    return f"k = {k}, but an instance has {min(counts)} neighbours" if k and counts else ""


def is_never_its_own_neighbour(trial: Trial) -> str:
    """An instance of the database is not its own neighbour."""
    fitted = trial.first
    return barred(fitted.method.predict(fitted.train).neighbours, fitted.train, fitted.train)


def keeps_documents_apart(trial: Trial) -> str:
    """No neighbour is of the query's own document: its label would leak."""
    if trial.cls.unfit(Task(corpus.SCHEMA, documents=True), trial.options):
        return ""
    fitted, train = trial.documents, trial.documents.train
    own = fitted.method.predict(train).neighbours
    return barred(fitted.prediction.neighbours, fitted.test, train) or barred(own, train, train)


def forgets_being_asked_for_untrained_neighbours(trial: Trial) -> str:
    """Predictions stay the same after `untrained_neighbours`."""
    fitted, _, after = trial.untrained
    return changed(after, fitted.prediction)


def untrained_neighbours_are_neighbours(trial: Trial) -> str:
    """`untrained_neighbours` is None or lists neighbours as `predict` does."""
    fitted, found, _ = trial.untrained
    return misshapen(found, fitted.test) or strange(found, fitted.train)


def takes_another_database_or_leaves_it(trial: Trial) -> str:
    """`swap_datastore` is False and nothing changes, or neighbours come from the new database alone."""
    taken, before, between, _ = trial.swapped
    if not taken:
        return changed(between, before)
    return "no neighbours are listed" if between.neighbours is None else strange(between.neighbours, corpus.FOREIGN)


def returns_to_its_database(trial: Trial) -> str:
    """The old database gives the old predictions back."""
    _, before, _, after = trial.swapped
    if not np.allclose(before.scores, after.scores, atol=1e-6):
        return "other scores than before"
    return "" if neighbour_ids(before) == neighbour_ids(after) else "other neighbours than before"


def refuses_too_small_a_database(trial: Trial) -> str:
    """`swap_datastore` raises MethodError for fewer instances than `k`."""
    if not trial.swapped[0]:
        return ""
    method = trial.fit().method
    return accepts(lambda: method.swap_datastore(corpus.FOREIGN[: max(option_k(trial) - 1, 0)]), MethodError)


def predicts_from_what_it_is_shown(trial: Trial) -> str:
    """`predict_with` is None or scores like `predict`, lists no neighbours, and other neighbours give other scores."""
    fitted, _, found, _ = trial.shown
    known = {name: prediction for name, prediction in found.items() if prediction is not None}
    for name, prediction in known.items():
        problem = misplaced(prediction, fitted) or ("neighbours are listed" if prediction.neighbours else "")
        if problem:
            return f"{name}: {problem}"
    same = {"retrieved", "relabelled"} <= known.keys() and not changed(known["retrieved"], known["relabelled"])
    return "the same scores with other labels" if same else ""


def forgets_what_it_was_shown(trial: Trial) -> str:
    """Predictions stay the same after `predict_with`."""
    fitted, *_, after = trial.shown
    return changed(after, fitted.prediction)


def refuses_an_instance_shown_to_itself(trial: Trial) -> str:
    """`predict_with` raises ValueError where an instance is among what it is shown."""
    retrieved = trial.shown[1]
    return _accepts_shown(trial, corpus.TRAIN[:1], [list(corpus.TRAIN[: len(near)]) for near in retrieved[:1]])


def refuses_another_number_of_neighbours(trial: Trial) -> str:
    """`predict_with` raises ValueError for neighbours of too few instances, and for too many of one."""
    retrieved, more = trial.shown[1], list(corpus.FOREIGN[:1])
    few = _accepts_shown(trial, corpus.TEST, retrieved[:1])
    return few or _accepts_shown(trial, corpus.TEST, [near + more for near in retrieved])


def _accepts_shown(trial: Trial, instances: Sequence[Instance], shown: list[list[Instance]]) -> str:
    """Nothing where the method knows no neighbours to be shown."""
    fitted, _, found, _ = trial.shown
    if found.get("retrieved") is None:
        return ""
    return accepts(lambda: fitted.method.predict_with(instances, shown), ValueError)
