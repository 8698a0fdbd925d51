"""Rows and costs -> text, table, plot, record."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from bench.drawing.cost import cost_by_database
from bench.drawing.style import figure_bytes
from bench.overhead.measure import Row
from bench.overhead.steps import Cost
from bench.records.files import write_file


def line(row: Row) -> str:
    """One row as a line of the console."""
    floor = "no floor" if row.floor is None else f"floor {'' if row.higher_is_better else '≤ '}{row.floor:g}x"
    verdict = "FAILS: " + "; ".join(row.problems) if row.problems else "ok"
    numbers = f"{_seconds(row.baseline_seconds)} -> {_seconds(row.our_seconds)}, {row.ratio:.1f}x ({floor})"
    memory = "" if row.memory_ratio is None else f", memory 1/{row.memory_ratio:.0f} (floor 1/{row.memory_floor:g})"
    return f"{row.path} | {row.against} | {numbers}{memory} | {verdict}" + (f" | {row.note}" if row.note else "")


def cost_line(cost: Cost) -> str:
    """One method at one size as a line of the console."""
    parts = [
        f"{cost.method} with {cost.database:,} instances: {_seconds(cost.step_seconds)} per step",
        f"{_seconds(cost.predict_seconds)} per prediction",
        f"{cost.peak_bytes / 2**20:,.0f} MiB",
        f"prepared in {_seconds(cost.prepare_seconds)}",
    ]
    if cost.refresh_seconds is not None:
        parts.append(f"refresh {_seconds(cost.refresh_seconds)}")
    return ", ".join(parts)


def write(out: Path, rows: Sequence[Row], costs: Sequence[Cost], about: Mapping[str, Any]) -> list[Path]:
    """profile.json, profile.md and, where methods were measured, overhead.csv, .png and .pdf. Raises OSError."""
    record = {**about, "rows": [row.plain() for row in rows], "costs": [asdict(cost) for cost in costs]}
    contents = {
        "profile.json": json.dumps(record, indent=1).encode() + b"\n",
        "profile.md": _markdown(rows, costs, about).encode(),
    }
    if costs:
        frame = pd.DataFrame([asdict(cost) for cost in costs])
        text = io.StringIO()
        frame.to_csv(text, index=False)
        figure = cost_by_database(frame)
        contents["overhead.csv"] = text.getvalue().encode()
        contents |= {f"overhead.{kind}": figure_bytes(figure, kind) for kind in ("png", "pdf")}  # type: ignore[arg-type,unused-ignore]
    written = []
    for name, content in contents.items():
        write_file(out / name, content)
        written.append(out / name)
    return written


def _markdown(rows: Sequence[Row], costs: Sequence[Cost], about: Mapping[str, Any]) -> str:
    lines = [
        "# What retrieval costs", "",
        f"`{about['command']}`, {about['created']}, {about['machine']}.", "",
        "Medians in one run; a machine that others use is noisy, ratios less so.", "",
        "| path | against | baseline | ours | ratio | floor | memory | |", "|---|---|--:|--:|--:|--:|--:|---|",
    ]  # fmt: skip
    for row in rows:
        floor = "" if row.floor is None else f"{'≥' if row.higher_is_better else '≤'} {row.floor:g}"
        memory = "" if row.memory_ratio is None else f"1/{row.memory_ratio:.0f} (≤ 1/{row.memory_floor:g})"
        verdict = "; ".join([*(f"**{problem}**" for problem in row.problems), *([row.note] if row.note else [])])
        cells = [row.path, row.against, _seconds(row.baseline_seconds), _seconds(row.our_seconds)]
        lines.append("| " + " | ".join([*cells, f"{row.ratio:.1f}", floor, memory, verdict]) + " |")
    if costs:
        lines += ["", "## The methods by size of the database", ""]
        lines += ["| method | instances | step | prediction | peak memory | prepared | refresh |"]
        lines += ["|---|--:|--:|--:|--:|--:|--:|"]
        for c in costs:
            refresh = "" if c.refresh_seconds is None else _seconds(c.refresh_seconds)
            numbers = [_seconds(c.step_seconds), _seconds(c.predict_seconds), f"{c.peak_bytes / 2**20:,.0f} MiB"]
            numbers += [_seconds(c.prepare_seconds), refresh]
            lines.append("| " + " | ".join([c.method, f"{c.database:,}", *numbers]) + " |")
    return "\n".join(lines) + "\n"


def _seconds(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f} s"
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"
