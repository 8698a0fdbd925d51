"""Whether a record follows from what lies beside it: its id and names from its identity, its score from its
predictions."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
Line = Mapping[str, Any]


@dataclass
class Answers:
    """The labels of a prediction file, by column; ``probes``: those under each probe."""

    ids: list[str] = field(default_factory=list)
    gold: list[Any] = field(default_factory=list)
    predicted: list[Any] = field(default_factory=list)
    probes: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Raises KeyError for what is no line of a prediction file."""
        self.ids.append(line["id"])
        self.gold.append(line["gold"])
        self.predicted.append(line["predicted"])
        for name, label in (line.get("probes") or {}).items():
            self.probes.setdefault(name, []).append(label)


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
    if len(answers.ids) != record.n_test:
        return f"{len(answers.ids)} predictions for {record.n_test} test instances"
    if len(set(answers.ids)) != len(answers.ids):
        return "an instance is predicted twice"
    metric = METRICS.get(str(record.identity.get("metric")))
    names = tuple(record.metrics.get("per_relation", ()))
    if metric is None or not names:
        return "" if "schema_version" not in record.identity else "its metric or its relations are unknown"
    try:
        schema = RelationSchema(names, {name: name for name in names}, record.negative)
        found = metric.report(answers.gold, answers.predicted, schema, (), record.n_unpaired)
        probes = {
            name: metric.report(answers.gold, answers.probes.get(name, []), schema, (), record.n_unpaired)
            for name in record.probes or {}
        }
    except (ValueError, TypeError) as error:
        return str(error)
    if found["primary"] != record.metrics.get("primary"):
        return "its primary score is not that of its metric"
    under = (_apart(part, probes[name], f" under the probe {name}") for name, part in (record.probes or {}).items())
    return next(filter(None, (_apart(record.metrics, found, ""), *under)), "")


def unfounded_targets(record: Record, lines: Iterable[Line]) -> str:
    """Why what a record says of other test sets (`Record.test_sets`) does not follow from their predictions, ""
    where it does."""
    found: defaultdict[tuple[Any, Any], Answers] = defaultdict(Answers)
    for line in lines:
        found[line.get("test_set"), line.get("datastore")].add(line)
    metric, targets = METRICS.get(str(record.identity.get("metric"))), list((record.test_sets or {}).items())
    names = dict.fromkeys(record.metrics.get("per_relation", ()))
    if metric is None:
        return ""
    for key, part in targets[1:]:
        answers, relations = found[part.get("test_set"), part.get("datastore")], tuple(part.get("relations", ()))
        if len(answers.ids) != part.get("n"):
            return f"{len(answers.ids)} predictions for {part.get('n')} instances of {key}"
        negative = record.negative if record.negative in relations else None
        try:
            schema = RelationSchema(relations, {name: name for name in dict.fromkeys([*relations, *names])}, negative)
            scores = metric.report(answers.gold, answers.predicted, schema)
        except (ValueError, TypeError) as error:
            return f"{key}: {error}"
        if why := _apart(part["metrics"], scores, f" on {key}"):
            return why
    return _apart(record.metrics, targets[0][1]["metrics"], " on its own test set") if targets else ""


def _apart(recorded: Mapping[str, Any], found: Mapping[str, Any], where: str) -> str:
    """The first score that is another one than was recorded; none that was not recorded."""
    for name in _SCORES:
        said = recorded.get(name)
        again = found.get(name)
        if said is not None and (again is None or abs(said - again) > ROUNDING):
            computed = "unknown" if again is None else f"{again:.6g}"
            return f"its {name}{where} is {said:.6g}, that of its predictions {computed}"
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
