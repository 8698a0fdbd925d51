"""Whether a record follows from what lies beside it: its id and names from its identity, its score from its
predictions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from bench.records.identity import NAMES, cell_id
from bench.records.record import Record
from bench.scoring.metrics import METRICS
from methods.registry import METHODS, RegistryError
from methods.settings import Settings
from methods.types import RelationSchema

ROUNDING = 1e-9  # of a score that is computed again
_SCORES = ("f1", "precision", "recall", "accuracy")
Answers = tuple[Sequence[str], Sequence[Any], Sequence[Any]]  # ids, gold and predicted labels


def misnamed(record: Record) -> str:
    """Why its names or its id are not those of its identity, "" where they are, or where the code that gave the id is
    not at hand: another version, a plugin that is not installed, schema 1."""
    identity = record.identity
    for name in NAMES:
        if name in identity and identity[name] != getattr(record, name):
            return f"{name} is not that of its identity"
    if identity.get("schema_version") != 2:
        return ""
    registered = str(identity.get("registered", record.method))
    options = _options(registered, str(identity.get("method_version")))
    if options is None:
        return ""
    try:
        found = cell_id(identity, options)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return "its identity is not that of a cell"
    return "" if found == record.cell_id else "its id does not follow from its identity"


def unfounded(record: Record, answers: Answers) -> str:
    """Why a finished record does not follow from its predictions, "" where it does. Their number is compared, each id
    stands once, and the scores are computed again where the labels suffice: with a metric that is known."""
    ids, gold, predicted = answers
    if len(ids) != record.n_test:
        return f"{len(ids)} predictions for {record.n_test} test instances"
    if len(set(ids)) != len(ids):
        return "an instance is predicted twice"
    metric = METRICS.get(str(record.identity.get("metric")))
    names = tuple(record.metrics.get("per_relation", ()))
    if metric is None or not names:
        return "" if "schema_version" not in record.identity else "its metric or its relations are unknown"
    try:
        schema = RelationSchema(names, {name: name for name in names}, record.negative)
        found = metric.report(gold, predicted, schema, (), record.n_unpaired)
    except (ValueError, TypeError) as error:
        return str(error)
    if found["primary"] != record.metrics.get("primary"):
        return "its primary score is not that of its metric"
    for name in _SCORES:
        recorded = record.metrics.get(name)
        if recorded is not None and abs(recorded - found[name]) > ROUNDING:  # type: ignore[literal-required]
            return f"its {name} is {recorded:.6g}, that of its predictions {found[name]:.6g}"  # type: ignore[literal-required]
    return ""


@cache
def _options(registered: str, version: str) -> type[Settings] | None:
    """The options class of a method if its code is of that version and at hand: nothing is imported for it."""
    try:
        target = METHODS.targets().get(registered)
        loaded = target is not None and target.partition(":")[0] in sys.modules
        if not (loaded or METHODS.is_builtin(registered)) or METHODS.version(registered) != version:
            return None
        return METHODS.options(registered)
    except RegistryError:
        return None
