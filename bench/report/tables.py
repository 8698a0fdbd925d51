"""Records -> tidy frames -> tables of method x ratio. Nothing here reads or writes files."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.names import MISSING, metric_name, ratio_name
from bench.records.identity import key_of
from bench.records.record import Record
from bench.report.tabular import Table
from bench.statistics.intervals import mean_interval

Row = Mapping[str, Any]

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
_DIAGNOSTIC = "diagnostics."
_COST_HEADER = ("train s", "predict s/1k", "peak MiB", "parameters", "trained")


# --- frames -----------------------------------------------------------------------------------------------------------


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
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys([*columns, *(name for row in rows for name in row)])))
    numbers = [*_SIZES, *_SCORES, *_COSTS, *(name for name in frame.columns if name.startswith(_DIAGNOSTIC))]
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
        **{_DIAGNOSTIC + name: value for name, value in record.diagnostics.items()},
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
        for method in part["method"].unique():
            for ratio in sorted(part["ratio"].unique()):
                group = part[(part["method"] == method) & (part["ratio"] == ratio)]
                if len(group):
                    head = {"dataset": dataset, "metric": "".join(metrics), "method": method, "ratio": float(ratio)}
                    rows.append(head | _summarise(group))
    return pd.DataFrame(rows)


def _summarise(group: pd.DataFrame) -> dict[str, Any]:
    done = group[group["status"] == "ok"]
    # The same instances in the same order under the same seed are the same run, whatever the draw is called.
    runs = done.drop_duplicates(["order", "seed"])
    nothing = {"n": 0, "n_draws": 0, "n_seeds": 0, "n_one_relation": 0, "unit": ""}
    row = nothing | {"n_failed": len(group) - len(done), "n_cells": len(group)}
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


# --- tables -----------------------------------------------------------------------------------------------------------


def result_table(summary: pd.DataFrame, marks: Mapping[tuple[str, float], str] | None = None) -> Table:
    """F1 (percent) with interval and n, method x ratio, and the cost at the largest ratio; one dataset's summary.

    ``marks`` by (method, ratio) follow the score (bench.statistics.significance, which says what they mean).
    """
    ratios = sorted(summary["ratio"].unique())
    by_cell = {(row["method"], row["ratio"]): row for row in summary.to_dict("records")}
    usual = {ratio: _usual_n(row for (_, r), row in by_cell.items() if r == ratio) for ratio in ratios}
    header = ["method", *(ratio_name(r) + (f" (n = {usual[r]})" if usual[r] else "") for r in ratios)]
    header += _COST_HEADER
    rows = []
    for method in summary["method"].unique():
        marked = [(marks or {}).get((method, ratio), "") for ratio in ratios]
        texts = [_score_text(by_cell.get((method, ratio)), usual[ratio]) for ratio in ratios]
        scores = [f"{text} {mark}".rstrip() for text, mark in zip(texts, marked, strict=True)]
        rows.append((method, *scores, *_cost_texts(by_cell.get((method, ratios[-1])))))
    return Table(tuple(header), tuple(rows), _notes(summary, ratios))


def _n_text(row: Row) -> str:
    full = row["n"] == row["n_draws"] * row["n_seeds"]
    return f"{row['n_draws']}×{row['n_seeds']}" if full else f"{row['n']} in {row['n_draws']} draws"


def _usual_n(rows: Iterable[Row]) -> str:
    counts = Counter(_n_text(row) for row in rows if row["n"])
    return counts.most_common(1)[0][0] if counts else ""


def _score_text(row: Row | None, usual: str) -> str:
    if row is None:
        return MISSING
    failed = f"failed ({row['n_failed']} of {row['n_cells']})" if row["n_failed"] else ""
    if not row["n"]:
        return failed
    text = f"{100 * row['f1_mean']:.1f}"
    if not math.isnan(row["f1_low"]):
        text += f" [{100 * row['f1_low']:.1f}, {100 * row['f1_high']:.1f}]"
    if _n_text(row) != usual:
        text += f" (n = {_n_text(row)})"
    return f"{text}, {failed}" if failed else text


def _cost_texts(row: Row | None) -> tuple[str, ...]:
    if row is None or not row["n"]:
        return (MISSING,) * len(_COST_HEADER)
    tested, memory = row["n_test"] or math.nan, row["peak_memory_bytes"] / 2**20
    times = (row["train_seconds"], 1000 * row["predict_seconds"] / tested)
    shown = (_or_missing(seconds, ".1f" if seconds < 100 else ".0f") for seconds in times)
    return (*shown, _or_missing(memory, ".0f"), _count_text(row["parameters"]), _count_text(row["trained_parameters"]))


def _or_missing(value: float, form: str) -> str:
    return MISSING if math.isnan(value) else format(value, form)


def _count_text(count: float) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return _or_missing(count, ".0f")


def _notes(summary: pd.DataFrame, ratios: Sequence[float]) -> tuple[str, ...]:
    sizes = summary.groupby("ratio")["n_train"].max()
    sized = ", ".join(f"{ratio_name(ratio)}: {_or_missing(sizes[ratio], '.0f')}" for ratio in ratios)
    notes = [
        f"{metric_name(summary['metric'].iloc[0])} × 100 on the test set: mean and 95% Student-t interval over draws "
        "of the training subset, seeds averaged first; n = draws×seeds; one run has no interval.",
        f"Training instances: {sized}.",
        f"Cost at {ratio_name(ratios[-1])}: seconds of training, of prediction per 1,000 instances and parameters are "
        f"means, memory is the peak over runs.{_machines(summary[summary['ratio'] == ratios[-1]])}",
    ]
    if "seeds" in set(summary["unit"]):
        only = "Where n has one draw (as at 100%, where all draws are equal), the interval is over seeds only."
        notes.insert(1, only)
    constant = [
        f"{row['method']} at {ratio_name(row['ratio'])} {row['n_one_relation']} of {row['n']}"
        for row in summary[summary["n_one_relation"] > 0].to_dict("records")
    ]
    if constant:
        notes.insert(
            1, f"Runs that gave every test instance the same relation, in the means too: {', '.join(constant)}."
        )
    return tuple(notes)


def _machines(summary: pd.DataFrame) -> str:
    """The methods by what ran them, where that differs, between methods or within one: seconds then do not compare."""
    methods: dict[str, list[str]] = {}
    for row in summary[summary["n"] > 0].to_dict("records"):
        methods.setdefault(row["machines"], []).append(row["method"])
    if len({machine for on in methods for machine in on.split(" and ")}) < 2:
        return ""
    groups = (f"{', '.join(names)} on {on or 'a machine unknown'}" for on, names in methods.items())
    return f" Seconds do not compare between machines: {'; '.join(groups)}."


def split_costs(table: Table) -> tuple[Table, Table]:
    """``result_table`` as two narrower ones, scores and costs; each keeps the method and its own notes."""
    at = len(table.header) - len(_COST_HEADER)
    costs = tuple((row[0], *row[at:]) for row in table.rows)
    scores = Table(table.header[:at], tuple(row[:at] for row in table.rows), table.notes[:-1])
    return scores, Table((table.header[0], *table.header[at:]), costs, table.notes[-1:])


def diagnostics_table(cells: pd.DataFrame) -> Table | None:
    """Mean of every recorded diagnostic over the finished runs, method and ratio x name; None if there is none."""
    names = [name for name in cells.columns if name.startswith(_DIAGNOSTIC)]
    done = cells[cells["status"] == "ok"]
    rows = []
    for method in done["method"].unique():
        for ratio in sorted(done["ratio"].unique()):
            means = done.loc[(done["method"] == method) & (done["ratio"] == ratio), names].mean()
            if means.notna().any():
                rows.append((method, ratio_name(ratio), *(_or_missing(value, ".4g") for value in means)))
    header = ("method", "ratio", *(name.removeprefix(_DIAGNOSTIC) for name in names))
    return Table(header, tuple(rows), ("Means over the finished runs.",)) if rows else None
