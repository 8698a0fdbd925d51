"""Run one cell: a pure function of its spec and the dataset, to its record and its predictions."""

from __future__ import annotations

import dataclasses
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.data.base import Dataset
from bench.data.constraints import constrained
from bench.data.constraints import describe as describe_constraints
from bench.records.identity import NAMES
from bench.records.record import Failure, Record, Subsets
from bench.run import test_sets as domains
from bench.run.environment import describe
from bench.run.plan import CellSpec, subset_hash, subsets
from bench.run.probes import examine
from bench.run.profiling import PeakMemory, Timer
from bench.run.seeds import derive, seed_everything
from bench.scoring.labels import Lines, choose, prediction_lines, score
from bench.scoring.neighbours import retrieval_quality, same_relation
from methods.base import Context, FitReport, Method, MethodError, Progress
from methods.registry import METHODS
from methods.types import Instance, RelationSchema


def execute(
    spec: CellSpec, dataset: Dataset, progress: Callable[[Progress], None] = lambda _: None
) -> tuple[Record, Lines | None]:
    """The record of a cell and one line per test instance (None if the cell failed); a line of another test set or
    datastore than the corpus's own says so (bench.run.test_sets).

    Whatever goes wrong inside the method becomes a failed record; only an interruption passes through.
    """
    train, dev = subsets(dataset, spec.ratio, spec.draw)
    planned = Record(
        cell_id=spec.cell_id,
        identity=dict(spec.identity),
        **{name: getattr(spec, name) for name in NAMES},
        n_train=len(train),
        n_dev=len(dev),
        n_test=len(dataset.test),
        n_unpaired=dataset.unpaired,
        negative=dataset.schema.negative,
        subset_ids=Subsets(train=tuple(i.id for i in train), dev=tuple(i.id for i in dev)),
    )
    found: dict[str, Any] = {}
    lines: Lines | None = None
    try:
        if subset_hash(train, dev) != spec.identity["subset_hash"]:
            raise ValueError(f"dataset {dataset.name} is not the one that cell {spec.cell_id} was planned with")
        seed_everything(derive("training", spec.seed))
        found["environment"] = describe(spec.device)  # a failed cell has one too
        measured, lines = _measure(spec, dataset, train, dev, progress)
        found |= measured
    except Exception as error:  # a failed cell must not end the run of the others
        found |= {"status": "failed", "error": _error(error)}
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Record.model_validate({**dict(planned), **found, "created": created}), lines


def build_method(
    spec: CellSpec,
    schema: RelationSchema,
    progress: Callable[[Progress], None],
    evaluated: Callable[[int], None] = lambda _: None,
) -> Method:
    """The method of a cell, untrained. Raises RegistryError, MethodError."""
    context = Context(
        schema=schema,
        seed=spec.seed,
        device=spec.device,
        budget=spec.budget,
        optimisation=spec.optimisation,
        models=spec.models,
        scoring=spec.scoring,
        progress=progress,
        evaluated=evaluated,
    )
    return METHODS.load(spec.registered)(spec.options, context)


def _measure(
    spec: CellSpec,
    dataset: Dataset,
    train: Sequence[Instance],
    dev: Sequence[Instance],
    progress: Callable[[Progress], None],
) -> tuple[dict[str, Any], Lines]:
    """Fit and predict; the parts of the record that come from it."""
    timer = Timer()
    schema = constrained(dataset.schema, spec.type_constraints, train)
    dataset = dataclasses.replace(dataset, schema=schema)
    with timer.phase("total"), PeakMemory(spec.device) as memory:
        method = build_method(spec, schema, progress)
        with timer.phase("fit"):
            fit = method.fit(train, dev)
        with timer.phase("predict_dev"):
            on_dev = method.predict(dev) if dev else None
        with timer.phase("predict_test"):
            on_test = method.predict(dataset.test)
    untrained = method.untrained_neighbours(dataset.test)
    metrics, predicted = score(on_test, dataset.test, dataset, train, dataset.unpaired)
    if on_dev is not None:
        metrics["dev_f1"] = score(on_dev, dev, dataset, train)[0]["f1"]
    seconds = timer.seconds
    # Outside the timings: what a cell costs does not depend on what else was asked.
    quality = retrieval_quality(dataset.test, on_test.neighbours, train, schema.negative, untrained)
    result: dict[str, Any] = {
        "environment": describe(spec.device) | ({"memory_note": memory.note} if memory.note else {}),
        "metrics": metrics,
        "cost": _cost(fit, seconds, memory.bytes),
        "timings": _plain({**fit.timings, **{name: seconds[name] for name in ("fit", "predict_dev", "predict_test")}}),
        "diagnostics": _plain(
            {
                **fit.diagnostics,
                **on_test.diagnostics,
                **describe_constraints(schema, dataset.test),
                **same_relation(quality),
            }
        ),
        "neighbours": quality,
        "history": [_plain(row) for row in fit.history],
    }
    lines = prediction_lines(on_test, dataset.test, predicted, schema)
    if spec.probes and on_test.neighbours is not None:
        about, labels = examine(method, dataset, train, on_test.neighbours, predicted, spec.seed)
        result, lines = result | about, [line | more for line, more in zip(lines, labels, strict=True)]
    elsewhere, more = _elsewhere(method, spec, dataset, train, metrics)
    return result | ({"test_sets": elsewhere} if elsewhere else {}), lines + more


def _elsewhere(
    method: Method, spec: CellSpec, dataset: Dataset, train: Sequence[Instance], main: Mapping[str, Any]
) -> tuple[dict[str, Any], Lines]:
    """Results on the targets of bench.run.test_sets by their keys, and their predictions. ``main``: the metrics on the
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
        database, negative = target.database or train, dataset.schema.negative
        predicted = choose(prediction, target.instances, dataset, database)
        quality = retrieval_quality(target.instances, prediction.neighbours, database, negative)
        diagnostics = {**prediction.diagnostics, **same_relation(quality)}
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


def _error(error: Exception) -> Failure:
    """A MethodError speaks for itself; anything else is a bug, known by its traceback."""
    trace = "" if isinstance(error, MethodError) else "".join(traceback.format_exception(error))
    return Failure(type=type(error).__name__, message=str(error), traceback=trace)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of numpy or torch as Python's; NaN and infinity, which JSON lacks, as None."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        number = value if isinstance(value, str | int) else float(value)
        plain[name] = None if isinstance(number, float) and not math.isfinite(number) else number
    return plain
