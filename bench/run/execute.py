"""Run one cell: a pure function of its spec and the dataset, to its record and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bench.data.base import Dataset
from bench.data.constraints import constrained
from bench.data.constraints import describe as describe_constraints
from bench.records.identity import NAMES
from bench.records.record import Failure, Record, Subsets, complaint, plain_numbers
from bench.run.environment import describe
from bench.run.examinations import EXAMINATIONS, Trained
from bench.run.plan import CellSpec, subset_hash, subsets
from bench.run.profiling import PeakMemory, Timer
from bench.run.returned import checked_fit, failure, heard
from bench.run.seeds import derive, seed_everything
from bench.scoring.labels import Lines, prediction_lines, score
from bench.scoring.neighbours import retrieval_quality, same_relation
from methods.base import Context, FitReport, Method, MethodError, Progress, Task
from methods.registry import METHODS
from methods.types import Instance, RelationSchema

MoreLines = dict[str, Lines]
# What a record has before anything is run.
_PLANNED = (*NAMES, "cell_id", "identity", "n_train", "n_dev", "n_test", "n_unpaired", "negative", "subset_ids")


def execute(
    spec: CellSpec, dataset: Dataset, progress: Callable[[Progress], None] = lambda _: None
) -> tuple[Record, Lines | None, MoreLines]:
    """The record of a cell, one line per test instance (None for a cell without a result), and the lines of
    examinations that make predictions of their own, by name.

    Whatever a method does or returns becomes a record that any table reads, a failed one where it has to be; only an
    interruption passes through.
    """
    train, dev = subsets(dataset, spec.ratio, spec.draw)
    planned = Record(
        cell_id=spec.cell_id,
        status="failed",  # until there is a result
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
    more: MoreLines = {}
    try:
        if subset_hash(train, dev) != spec.identity["subset_hash"]:
            raise ValueError(f"dataset {dataset.name} is not the one that cell {spec.cell_id} was planned with")
        seed_everything(derive("training", spec.seed))
        found["environment"] = describe(spec.device)  # a cell without a result has one too
        if reason := unfit(spec, dataset):
            found |= {"status": "skipped", "error": Failure(type="Unfit", message=reason)}
        else:
            measured, lines, more = _result(spec, dataset, train, dev, progress)
            found |= {"status": "ok", **measured}
        return _made(planned, found), lines, more
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a failed cell must not end the run of the others, whatever was raised
        return failed(planned, error, found.get("environment")), None, {}


def failed(cell: Record, error: BaseException, environment: Mapping[str, Any] | None = None) -> Record:
    """The record of a cell that came to nothing, of its names and sizes alone; in ``environment``, if it got so far."""
    plan = {name: getattr(cell, name) for name in _PLANNED}
    found = {"status": "failed", "error": failure(error), "environment": environment or cell.environment}
    return _made(Record.model_validate({**plan, "status": "failed"}), found)


def _made(planned: Record, found: Mapping[str, Any]) -> Record:
    """Raises ValueError where what was ``found`` is no record."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return Record.model_validate({**dict(planned), **found, "created": created})
    except ValidationError as error:
        raise ValueError(complaint(error)) from None


def unfit(spec: CellSpec, dataset: Dataset) -> str:
    """Why the method of a cell cannot be used on the corpus, "" where it can. Raises RegistryError."""
    documents = any(i.document for part in (dataset.train, dataset.test) for i in part)
    reason = METHODS.load(spec.registered).unfit(Task(dataset.schema, dataset.multi_label, documents), spec.options)
    if not isinstance(reason, str):
        raise MethodError(f"unfit returns {reason!r}, not a reason")
    return reason


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
        progress=lambda message: progress(heard(message)),
        evaluated=evaluated,
    )
    return METHODS.load(spec.registered)(spec.options, context)


def _result(
    spec: CellSpec,
    dataset: Dataset,
    train: Sequence[Instance],
    dev: Sequence[Instance],
    progress: Callable[[Progress], None],
) -> tuple[dict[str, Any], Lines, MoreLines]:
    """Fit, predict and examine: the parts of the record that come from it, and the lines of `execute`."""
    dataset = replace(dataset, schema=constrained(dataset.schema, spec.type_constraints, train))
    cell, result = _measure(spec, dataset, train, dev, progress)
    lines = prediction_lines(cell.prediction, dataset.test, cell.predicted, dataset.schema)
    more: MoreLines = {}
    for examination in EXAMINATIONS:
        if asked := spec.asked.get(examination.name):
            found = examination.run(cell, asked)
            result |= found.record
            lines = [{**line, **label} for line, label in zip(lines, found.labels or [{}] * len(lines), strict=True)]
            more |= {examination.name: found.lines} if found.lines else {}
    return result | {"prediction_files": tuple(more)}, lines, more


def _measure(
    spec: CellSpec,
    dataset: Dataset,
    train: Sequence[Instance],
    dev: Sequence[Instance],
    progress: Callable[[Progress], None],
) -> tuple[Trained, dict[str, Any]]:
    """Fit and predict; the parts of the record that come from it."""
    timer = Timer()
    with timer.phase("total"), PeakMemory(spec.device) as memory:
        method = build_method(spec, dataset.schema, progress)
        with timer.phase("fit"):
            fit = checked_fit(method.fit(train, dev))
        with timer.phase("predict_dev"):
            on_dev = method.predict(dev) if dev else None
        with timer.phase("predict_test"):
            on_test = method.predict(dataset.test)
    untrained = method.untrained_neighbours(dataset.test)
    metrics, predicted = score(on_test, dataset.test, dataset, train, dataset.unpaired)
    if on_dev is not None:
        metrics["dev_f1"] = score(on_dev, dev, dataset, train)[0]["f1"]
    seconds = timer.seconds  # the rest is outside: what a cell costs does not depend on what else was asked
    near, negative = on_test.neighbours, dataset.schema.negative
    quality = retrieval_quality(dataset.test, near, method.searched(train), negative, untrained)
    diagnostics = {
        **fit.diagnostics,
        **on_test.diagnostics,
        **describe_constraints(dataset.schema, dataset.test),
        **same_relation(quality),
    }
    timings = {**fit.timings, **{name: seconds[name] for name in ("fit", "predict_dev", "predict_test")}}
    return Trained(method, dataset, train, spec.seed, on_test, predicted, metrics), {
        "environment": describe(spec.device) | ({"memory_note": memory.note} if memory.note else {}),
        "metrics": metrics,
        "cost": _cost(fit, seconds, memory.bytes),
        "timings": plain_numbers(timings, "timing"),
        "diagnostics": plain_numbers(diagnostics, "diagnostic"),
        "neighbours": quality,
        "history": [plain_numbers(row, "history") for row in fit.history],
    }


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
