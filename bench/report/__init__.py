"""Tables and plots of a run, written from its records alone."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench import tables
from bench.domain_table import domain_table, with_test_sets
from bench.drawing.by_ratio import f1_by_ratio
from bench.drawing.style import figure_bytes
from bench.probe_table import probe_table, quality_table
from bench.tables import Record, cells_frame, summary_frame

__all__ = ["file_names", "render_console", "write_file", "write_report"]


def render_console(records: Sequence[Record]) -> str:
    """The tables of every dataset as plain text: scores, then costs. An empty string for no records.

    ``records``: those of one plan; raises ValueError for two records of one cell.
    """
    parts = []
    for dataset, part, summary in _by_dataset(with_test_sets(cells_frame(records), records)):
        scores, costs = tables.split_costs(tables.result_table(summary))
        lines = [dataset, "", tables.to_console(scores), tables.to_console(costs)]
        elsewhere = domain_table(part, [r for r in records if r["dataset"] == dataset])
        lines += [tables.to_console(elsewhere)] if elsewhere else []
        lines += [f"failed: {line}" for line in _failures(part)]
        parts.append("\n".join(lines).rstrip("\n") + "\n")
    return "\n".join(parts)


def write_report(out: Path, records: Sequence[Record], manifest: Mapping[str, Any]) -> list[Path]:
    """Write OUT/tables and OUT/figures; returns the paths, per dataset: Markdown, CSVs, LaTeX, PNG, PDF,
    and LaTeX of other test sets where there are any.

    Every file is replaced as a whole. ``manifest["cells"]`` gives the order and the choice of the records; records of
    cells outside the last plan are left out. ``<dataset>.csv`` holds what the table and the plot show, unrounded and
    as fractions; ``<dataset>-cells.csv`` one row per run. Raises ValueError for two records of one cell.
    """
    planned = _planned(records, manifest)
    command = str(manifest.get("command", ""))
    missing = len(manifest.get("cells", planned)) - len(planned)
    warnings = [str(line) for line in manifest.get("warnings", ())]
    if missing:
        warnings.append(f"{missing} of {len(manifest['cells'])} planned runs have no record yet.")
    cells = with_test_sets(cells_frame(planned), planned)
    names = file_names(cells["dataset"].unique())
    written: list[Path] = []
    for dataset, part, summary in _by_dataset(cells):
        name = names[dataset]
        table = tables.result_table(summary)
        own = [r for r in planned if r["dataset"] == dataset]
        elsewhere = domain_table(part, own)
        more = [("Test sets", elsewhere), ("Probes", probe_table(part, own)), ("Neighbours", quality_table(part, own))]
        figure = f1_by_ratio(summary)
        contents = {
            f"tables/{name}.md": _markdown(dataset, name, (table, more), part, command, warnings).encode(),
            f"tables/{name}.csv": _csv(summary),
            f"tables/{name}-cells.csv": _csv(part),
            f"tables/{name}.tex": tables.to_latex(table).encode(),
            f"figures/{name}-f1-by-ratio.png": figure_bytes(figure, "png"),
            f"figures/{name}-f1-by-ratio.pdf": figure_bytes(figure, "pdf"),
        }
        if elsewhere:
            contents[f"tables/{name}-test-sets.tex"] = tables.to_latex(elsewhere).encode()
        for relative, content in contents.items():
            write_file(out / relative, content)
            written.append(out / relative)
    return written


def _planned(records: Sequence[Record], manifest: Mapping[str, Any]) -> list[Record]:
    if "cells" not in manifest:
        return list(records)
    by_id = {record["cell_id"]: record for record in records}
    return [by_id[cell_id] for cell_id in manifest["cells"] if cell_id in by_id]


def _by_dataset(cells: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame, pd.DataFrame]]:
    for dataset in cells["dataset"].unique():
        part = cells[cells["dataset"] == dataset]
        yield str(dataset), part, summary_frame(part)


def _markdown(
    dataset: str,
    name: str,
    shown: tuple[tables.Table, Sequence[tuple[str, tables.Table | None]]],
    cells: pd.DataFrame,
    command: str,
    warnings: Sequence[str],
) -> str:
    table, more = shown
    sections = [f"# {tables.escape_markdown(dataset)}\n"]
    if command:
        sections.append(_code_block(command))
    sections.append(tables.to_markdown(table))
    sections.append(f"![F1 by share of the training instances](../figures/{name}-f1-by-ratio.png)\n")
    for title, found in more:
        sections += [f"## {title}\n", tables.to_markdown(found)] if found else []
    sections.append(_listed("Failed runs", _failures(cells)))
    diagnostics = tables.diagnostics_table(cells)
    if diagnostics is not None:
        sections += ["## Diagnostics\n", tables.to_markdown(diagnostics)]
    sections.append(_listed("Warnings", warnings))
    return "\n".join(section for section in sections if section)


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {tables.escape_markdown(line)}\n" for line in lines) if lines else ""


def _code_block(text: str) -> str:
    # A fence longer than any run of backticks inside.
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"


def _failures(cells: pd.DataFrame) -> list[str]:
    """One line per method, ratio and error; the tracebacks stay in the records."""
    groups = cells[cells["status"] != "ok"].groupby(["method", "ratio", "error"], sort=False)
    return [
        f"{method} at {tables.ratio_name(ratio)}, "
        f"{len(part)} run{'s' * (len(part) > 1)}: {' '.join(error.split())[:300]}"
        for (method, ratio, error), part in groups
    ]


def file_names(datasets: Iterable[str]) -> dict[str, str]:
    """A file name for every dataset: only [A-Za-z0-9._-], no leading dot or dash, and no two alike.

    A name that had to be changed carries a digest of the original, so that it never meets another dataset's.
    """
    names = {}
    for dataset in datasets:
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", dataset).strip(".-")[:80]
        digest = hashlib.sha256(dataset.encode()).hexdigest()[:8]
        names[dataset] = safe if safe and safe == dataset else f"{safe or 'dataset'}-{digest}"
    return names


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def write_file(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never a half; the process id keeps two reports apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
