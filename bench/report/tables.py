"""Frames -> the table of scores and costs, and that of diagnostics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.names import MISSING, metric_name, ratio_name
from bench.report.frames import DIAGNOSTIC, by_setting
from bench.report.tabular import Table

Row = Mapping[str, Any]
_COST_HEADER = ("train s", "predict s/1k", "peak MiB", "parameters", "trained")


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
        return failed or "skipped"
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
    names = [name for name in cells.columns if name.startswith(DIAGNOSTIC)]
    rows = []
    for method, ratio, group in by_setting(cells[cells["status"] == "ok"]):
        means = group[names].mean()
        if means.notna().any():
            rows.append((method, ratio_name(ratio), *(_or_missing(value, ".4g") for value in means)))
    header = ("method", "ratio", *(name.removeprefix(DIAGNOSTIC) for name in names))
    return Table(header, tuple(rows), ("Means over the finished runs.",)) if rows else None
