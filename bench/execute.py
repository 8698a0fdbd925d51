"""Run one cell: a pure function of its spec and the dataset, to its record and its predictions."""

from __future__ import annotations

import math
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench import domains
from bench.data.base import Dataset
from bench.environment import describe
from bench.metrics import METRICS
from bench.plan import CellSpec, subset_hash, subsets
from bench.profiling import PeakMemory, Timer
from bench.seeds import derive, seed_everything
from bench.store import SCHEMA_VERSION, Record
from methods.base import Context, FitReport, Method, MethodError, Progress
from methods.registry import METHODS
from methods.types import Instance, Neighbours, Prediction, RelationSchema

# Six digits behind the point: differences below that are noise of the arithmetic, and files halve.
DIGITS = 6
Lines = list[dict[str, Any]]


def execute(
    spec: CellSpec, dataset: Dataset, progress: Callable[[Progress], None] = lambda _: None
) -> tuple[Record, Lines | None]:
    """The record of a cell and one line per test instance (None if the cell failed); a line of another test set or
    datastore than the corpus's own says so (bench.domains).

    Whatever goes wrong inside the method becomes a failed record; only an interruption passes through.
    """
    train, dev = subsets(dataset, spec.ratio, spec.draw)
    record: Record = {
        "schema_version": SCHEMA_VERSION,
        "cell_id": spec.cell_id,
        "status": "ok",
        "identity": dict(spec.identity),
        "dataset": spec.dataset,
        "method": spec.method,
        "ratio": spec.ratio,
        "draw": spec.draw,
        "seed": spec.seed,
        "n_train": len(train),
        "n_dev": len(dev),
        "n_test": len(dataset.test),
        "subset_ids": {"train": [i.id for i in train], "dev": [i.id for i in dev]},
        "metrics": {},
        "cost": {},
        "timings": {},
        "diagnostics": {},
        "history": [],
        "environment": {},
        "created": "",
        "error": None,
    }
    lines: Lines | None = None
    try:
        if subset_hash(train, dev) != spec.identity["subset_hash"]:
            raise ValueError(f"dataset {dataset.name} is not the one that cell {spec.cell_id} was planned with")
        seed_everything(derive("training", spec.seed))
        record["environment"] = describe(spec.device)  # a failed cell has one too
        result, lines = _measure(spec, dataset, train, dev, progress)
        record |= result
    except Exception as error:  # a failed cell must not end the run of the others
        record |= {"status": "failed", "error": _error(error)}
    record["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    return record, lines


def _measure(
    spec: CellSpec,
    dataset: Dataset,
    train: Sequence[Instance],
    dev: Sequence[Instance],
    progress: Callable[[Progress], None],
) -> tuple[Record, Lines]:
    """Fit and predict; the parts of the record that come from it."""
    timer = Timer()
    with timer.phase("total"), PeakMemory(spec.device) as memory:
        context = Context(
            schema=dataset.schema,
            seed=spec.seed,
            device=spec.device,
            budget=spec.budget,
            optimisation=spec.optimisation,
            models=spec.models,
            scoring=spec.scoring,
            progress=progress,
        )
        method: Method = METHODS.load(spec.method)(spec.options, context)
        with timer.phase("fit"):
            fit = method.fit(train, dev)
        with timer.phase("predict_dev"):
            on_dev = method.predict(dev) if dev else None
        with timer.phase("predict_test"):
            on_test = method.predict(dataset.test)
    untrained = method.untrained_neighbours(dataset.test)
    predicted = choose(on_test, dataset.test, dataset.schema)
    metric = METRICS[dataset.metric]
    metrics = dict(metric([i.relation for i in dataset.test], predicted, dataset.schema))
    if on_dev is not None:
        dev_metrics = metric([i.relation for i in dev], choose(on_dev, dev, dataset.schema), dataset.schema)
        metrics["dev_f1"] = dev_metrics["f1"]
    seconds = timer.seconds
    result: Record = {
        "environment": describe(spec.device) | ({"memory_note": memory.note} if memory.note else {}),
        "metrics": metrics,
        "cost": _cost(fit, seconds, memory.bytes),
        "timings": _plain({**fit.timings, **{name: seconds[name] for name in ("fit", "predict_dev", "predict_test")}}),
        "diagnostics": _plain(
            {
                **fit.diagnostics,
                **on_test.diagnostics,
                **shared_relation(on_test.neighbours, untrained, dataset.test, train),
            }
        ),
        "history": [_plain(row) for row in fit.history],
    }
    lines = prediction_lines(on_test, dataset.test, predicted, dataset.schema)
    # Outside the timings: what a cell costs does not depend on what else was asked.
    elsewhere, more = _elsewhere(method, spec, dataset, train, metrics)
    return result | ({"test_sets": elsewhere} if elsewhere else {}), lines + more


def _elsewhere(
    method: Method, spec: CellSpec, dataset: Dataset, train: Sequence[Instance], main: Mapping[str, Any]
) -> tuple[dict[str, Any], Lines]:
    """Results on the targets of bench.domains by their keys, and their predictions. ``main``: the metrics on the
    corpus's own test set. A method without a database has no result with a datastore."""
    results: dict[str, Any] = {}
    lines: Lines = []
    current: str | None = None
    for target in domains.targets(dataset, spec.test_sets):
        if target.key == dataset.test_name:
            results[target.key] = domains.summary(target, main, {})
            continue
        if target.datastore != current:
            current = target.datastore
            if not method.swap_datastore(target.database):
                break  # targets with a datastore come last
        prediction = method.predict(target.instances)
        predicted = choose(prediction, target.instances, dataset.schema)
        diagnostics = {
            **prediction.diagnostics,
            **shared_relation(prediction.neighbours, None, target.instances, target.database or train),
        }
        results[target.key] = domains.summary(target, domains.score(target, predicted, dataset), _plain(diagnostics))
        where = {"test_set": target.test_set, "datastore": target.datastore}
        found = prediction_lines(prediction, target.instances, predicted, dataset.schema)
        lines += [where | line for line in found]
    return results, lines


def _cost(fit: FitReport, seconds: Mapping[str, float], peak: int) -> dict[str, Any]:
    return {
        "train_seconds": seconds["fit"],
        "predict_seconds": seconds["predict_test"],
        "total_seconds": seconds["total"],
        "peak_memory_bytes": peak,
        "parameters": int(fit.parameters.get("total", 0)),
        "trained_parameters": int(fit.parameters.get("trained", 0)),
        "steps": int(fit.steps),
        "instances_seen": int(fit.instances_seen),
    }


def shared_relation(
    found: Sequence[Neighbours] | None,
    untrained: Sequence[Neighbours] | None,
    queries: Sequence[Instance],
    database: Sequence[Instance],
) -> dict[str, float]:
    """Mean share of a query's neighbours that have its relation: as retrieved, before the retriever was trained
    (where it is trained), and by chance (neighbours drawn at random). Empty for a method without neighbours."""
    if found is None or not queries:
        return {}
    relation = {i.id: i.relation for i in database}
    frequency = Counter(relation.values())

    def share(neighbours: Sequence[Neighbours]) -> float:
        pairs = zip(queries, neighbours, strict=True)
        return float(np.mean([np.mean([relation[i] == query.relation for i in near.ids]) for query, near in pairs]))

    result = {"same_relation": share(found)}
    if untrained is not None:
        result["same_relation_untrained"] = share(untrained)
    result["same_relation_chance"] = float(np.mean([frequency[q.relation] / len(database) for q in queries]))
    return result


def choose(prediction: Prediction, instances: Sequence[Instance], schema: RelationSchema) -> list[str]:
    """The best relation of each instance (the first of equals), by name.

    Raises ValueError where the method breaks its contract: another shape, a NaN, an admitted relation without
    a finite score, a score for one that the types exclude, an instance as its own neighbour.
    """
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
    return [schema.names[column] for column in scores.argmax(axis=1)] if len(instances) else []


def prediction_lines(
    prediction: Prediction, instances: Sequence[Instance], predicted: Sequence[str], schema: RelationSchema
) -> Lines:
    """One JSON-ready line per instance; relations that the types exclude have no score."""
    lines: Lines = []
    for row, instance in enumerate(instances):
        scores = [round(float(score), DIGITS) for score in prediction.scores[row]]
        neighbours = None
        if prediction.neighbours is not None:
            found = prediction.neighbours[row]
            neighbours = [[i, round(float(w), DIGITS)] for i, w in zip(found.ids, found.weights, strict=True)]
        lines.append(
            {
                "id": instance.id,
                "gold": instance.relation,
                "predicted": predicted[row],
                "scores": {name: s for name, s in zip(schema.names, scores, strict=True) if math.isfinite(s)},
                "neighbours": neighbours,
            }
        )
    return lines


def _error(error: Exception) -> dict[str, str]:
    """A MethodError speaks for itself; anything else is a bug, known by its traceback."""
    trace = "" if isinstance(error, MethodError) else "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": str(error), "traceback": trace}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of numpy or torch as Python's; NaN and infinity, which JSON lacks, as None."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        number = value if isinstance(value, str | int) else float(value)
        plain[name] = None if isinstance(number, float) and not math.isfinite(number) else number
    return plain
