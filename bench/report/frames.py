"""Records -> tidy frames: a row per run, a row per method and ratio. Fractions, seconds, bytes, as recorded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from bench.records.identity import key_of
from bench.records.record import Record
from bench.statistics.intervals import mean_interval

DIAGNOSTIC, TEST_SET = "diagnostics.", "test_sets."  # prefixes of columns
_IDENTITY = ("cell_id", "dataset", "method", "ratio", "draw", "seed", "status")
_SIZES = ("n_train", "n_dev", "n_test")
_SCORES = ("f1", "precision", "recall", "accuracy", "dev_f1")
_COSTS = (
    "train_seconds",
    "predict_seconds",
    "total_seconds",
    "peak_memory_bytes",
    "parameters",
    "trained_parameters",
    "steps",
    "instances_seen",
)


def cells_frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row per record, in their order, every number as recorded; absent numbers are NaN.

    ``subset`` tells apart the sets of training instances, ``order`` their sequences: at ratio 1 every draw holds the
    same set, so that draws there are no independent evidence. Raises ValueError for two records of one cell.
    """
    rows, seen = [], dict[tuple[Any, ...], str]()
    for record in records:
        key = key_of(record)
        if key in seen:
            cell = "{}, {}, ratio {}, draw {}, seed {}".format(*key)
            raise ValueError(f"records {seen[key]} and {record.cell_id} are both {cell}: report one run")
        seen[key] = record.cell_id
        rows.append(_cell_row(record))
    columns = [*_IDENTITY, "metric", *_SIZES, *_SCORES, *_COSTS, "subset", "order", "one_relation", "machine", "error"]
    found = sorted((name for row in rows for name in row), key=lambda name: name.startswith(TEST_SET))
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys([*columns, *found])))
    numbers = [*_SIZES, *_SCORES, *_COSTS, *(name for name in frame if name.startswith((DIAGNOSTIC, TEST_SET)))]
    return frame.astype(dict.fromkeys(numbers, float))


def _cell_row(record: Record) -> dict[str, Any]:
    metrics, error = record.metrics, record.error
    train, dev = record.subset_ids.train, record.subset_ids.dev
    if train:
        subset, order = _digest([*sorted(train), "|", *sorted(dev)]), _digest([*train, "|", *dev])
    else:
        subset = order = str(record.identity.get("subset_hash") or f"draw {record.draw}")
    return {
        **{name: getattr(record, name) for name in (*_IDENTITY, *_SIZES)},
        "metric": metrics.get("primary", ""),
        **{name: metrics.get(name) for name in _SCORES},
        **{name: record.cost.get(name) for name in _COSTS},
        "subset": subset,
        "order": order,
        "one_relation": _one_relation(metrics, record.n_test),
        "machine": _machine(record.environment),
        "error": "" if error is None else f"{error.type}: {error.message}",
        **{DIAGNOSTIC + name: value for name, value in record.diagnostics.items()},
        **{TEST_SET + key: part["metrics"]["f1"] for key, part in (record.test_sets or {}).items()},
    }


def _one_relation(metrics: Mapping[str, Any], n_test: int | None) -> str:
    """The relation that each of the test instances was given, where they have several; else nothing."""
    scores = metrics.get("per_relation") or {}
    several = sum(score["support"] > 0 for score in scores.values()) > 1
    return next((name for name, score in scores.items() if several and score["predicted"] == n_test), "")


def _machine(environment: Mapping[str, Any]) -> str:
    """What a run's seconds depend on beside its work: the device or, on a CPU, its model and the number of threads."""
    if environment.get("device", "cpu") != "cpu":
        return str(environment["device"])
    threads = environment.get("threads")
    return f"{environment.get('cpu')} ({threads} thread{'' if threads == 1 else 's'})" if threads else ""


def _digest(ids: list[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]


def summary_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, method and ratio of ``cells_frame``; methods keep their order, ratios ascend.

    ``f1_low`` and ``f1_high`` bound the 95% interval of `mean_interval`, as fractions; costs are
    means over the finished runs, peak memory is their maximum. Raises ValueError where a dataset mixes metrics.
    """
    rows = []
    for dataset in cells["dataset"].unique():
        part = cells[cells["dataset"] == dataset]
        metrics = sorted(set(part["metric"]) - {""})
        if len(metrics) > 1:
            raise ValueError(f"records of {dataset} were scored with {' and '.join(metrics)}: report them apart")
        for method, ratio, group in by_setting(part):
            head = {"dataset": dataset, "metric": "".join(metrics), "method": method, "ratio": ratio}
            rows.append(head | _summarise(group))
    return pd.DataFrame(rows)


def distinct_runs(cells: pd.DataFrame) -> pd.DataFrame:
    """The finished ones of one dataset, each once: the same instances in the same order under the same seed are the
    same run, whatever the draw is called."""
    return cells[cells["status"] == "ok"].drop_duplicates(["method", "ratio", "order", "seed"])


def by_setting(cells: pd.DataFrame) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """Method, ratio and their rows; methods in their order, ratios ascend."""
    for method in cells["method"].unique():
        own = cells[cells["method"] == method]
        for ratio in sorted(own["ratio"].unique()):
            yield str(method), float(ratio), own[own["ratio"] == ratio]


def _summarise(group: pd.DataFrame) -> dict[str, Any]:
    runs = distinct_runs(group)
    nothing = {"n": 0, "n_draws": 0, "n_seeds": 0, "n_one_relation": 0, "unit": ""}
    row = nothing | {"n_failed": int((group["status"] == "failed").sum()), "n_cells": len(group)}
    row |= dict.fromkeys(("f1_mean", "f1_low", "f1_high"), math.nan)
    if len(runs):
        scores = [list(part["f1"]) for _, part in runs.groupby("subset", sort=False)]
        found = mean_interval(scores, bounds=(0.0, 1.0))
        row |= {"n": found.n, "n_draws": found.n_draws, "n_seeds": found.n_seeds, "unit": found.unit}
        row |= {"n_one_relation": int((runs["one_relation"] != "").sum())}
        row |= {"f1_mean": found.mean, "f1_low": _or_nan(found.low), "f1_high": _or_nan(found.high)}
    row |= {f"{name}_mean": runs[name].mean() for name in _SCORES if name != "f1"}
    row |= {name: group[name].max() for name in _SIZES}
    row["machines"] = " and ".join(sorted(set(runs["machine"]) - {""}))
    row |= {name: runs[name].max() if name == "peak_memory_bytes" else runs[name].mean() for name in _COSTS}
    return row


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
