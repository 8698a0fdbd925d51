"""Tables and plots of a run, written from its records alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from bench import names
from bench.drawing.by_ratio import f1_by_ratio
from bench.drawing.pareto import quality_by_cost
from bench.drawing.spread import spread_by_run
from bench.drawing.style import figure_bytes
from bench.records.files import file_names, write_file
from bench.records.record import Record
from bench.report import tables, tabular
from bench.report.domain_table import domain_table, with_test_sets
from bench.report.probe_table import probe_table, quality_table
from bench.report.published import published_table
from bench.report.significance_table import marks_note, significance_table
from bench.report.spread_table import equivalence_frame, equivalence_table, variance_frame, variance_table
from bench.report.tables import cells_frame, summary_frame
from bench.statistics.significance import Load, Significance, default_reference, significance

__all__ = [
    "Section",
    "file_names",
    "render_console",
    "score_table",
    "sections_of",
    "significances",
    "write_file",
    "write_report",
]


class Section(NamedTuple):
    """A part of the report: its files are named after ``key``."""

    key: str
    title: str
    table: tabular.Table | None = None
    frame: pd.DataFrame | None = None  # what the table shows, unrounded
    figure: Figure | None = None
    caption: str = ""


def significances(records: Sequence[Record], load: Load, reference: str | None = None) -> dict[str, Significance]:
    """The tests of every dataset, by its name; ``load`` reads the predictions of a cell. A dataset without the method
    ``reference`` has that of `default_reference`."""
    return {
        dataset: significance(part, records, load, _reference(part, reference))
        for dataset, part, _ in _by_dataset(cells_frame(records))
    }


def _reference(cells: pd.DataFrame, wanted: str | None = None) -> str:
    methods = list(cells["method"].unique())
    return wanted if wanted is not None and wanted in methods else default_reference(methods)


def render_console(records: Sequence[Record], found: Mapping[str, Significance] | None = None) -> str:
    """The tables of every dataset as plain text: scores, then costs. An empty string for no records.

    ``records``: those of one plan; ``found`` (`significances`) adds the marks. Raises ValueError for two records of
    one cell.
    """
    parts = []
    for dataset, part, summary in _by_dataset(with_test_sets(cells_frame(records), records)):
        tests = (found or {}).get(dataset) or Significance(_reference(part))
        scores, costs = tables.split_costs(score_table(summary, tests))
        lines = [dataset, "", tabular.to_console(scores), tabular.to_console(costs)]
        elsewhere = domain_table(part, [r for r in records if r.dataset == dataset])
        lines += [tabular.to_console(elsewhere)] if elsewhere else []
        lines += [f"failed: {line}" for line in _failures(part)]
        parts.append("\n".join(lines).rstrip("\n") + "\n")
    return "\n".join(parts)


def write_report(
    out: Path,
    records: Sequence[Record],
    manifest: Mapping[str, Any],
    found: Mapping[str, Significance] | None = None,
) -> list[Path]:
    """Write OUT/tables and OUT/figures; returns the paths, per dataset: Markdown, CSVs, LaTeX, PNG, PDF, then the
    LaTeX, CSV and figure of every further section that has them.

    Every file is replaced as a whole. ``manifest["cells"]`` gives the order and the choice of the records; records of
    cells outside the last plan are left out. ``<dataset>.csv`` holds what the table and the plot show, unrounded and
    as fractions; ``<dataset>-cells.csv`` one row per run. ``found`` (`significances`) adds marks and the table of
    comparisons. Raises ValueError for two records of one cell.
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
        tests = (found or {}).get(dataset) or Significance(_reference(part))
        table = score_table(summary, tests)
        figure = f1_by_ratio(summary)
        sections = sections_of(dataset, part, summary, planned, tests)
        contents = {
            f"tables/{name}.md": _markdown(dataset, name, table, sections, part, command, warnings).encode(),
            f"tables/{name}.csv": _csv(summary),
            f"tables/{name}-cells.csv": _csv(part),
            f"tables/{name}.tex": tabular.to_latex(table).encode(),
            f"figures/{name}-f1-by-ratio.png": figure_bytes(figure, "png"),
            f"figures/{name}-f1-by-ratio.pdf": figure_bytes(figure, "pdf"),
        }
        for section in sections:
            contents |= _section_files(name, section)
        for relative, content in contents.items():
            write_file(out / relative, content)
            written.append(out / relative)
    return written


def score_table(summary: pd.DataFrame, tests: Significance) -> tabular.Table:
    """The table of scores with its marks and what they mean; the note on costs stays last."""
    table, note = tables.result_table(summary, tests.marks), marks_note(tests)
    return replace(table, notes=(*table.notes[:-1], note, table.notes[-1])) if note else table


def sections_of(
    dataset: str, cells: pd.DataFrame, summary: pd.DataFrame, records: Sequence[Record], tests: Significance
) -> list[Section]:
    """What follows the scores, without what would be empty."""
    variance, equivalence = variance_frame(cells), equivalence_frame(cells, tests.reference)
    own = [record for record in records if record.dataset == dataset]
    several = summary.loc[summary["n"] > 0, "method"].nunique() > 1
    sections = [
        Section("comparison", f"Against {tests.reference}", significance_table(tests), tests.differences),
        Section("data-equivalence", "Data equivalence",
                 equivalence_table(equivalence, str(summary["metric"].iloc[0])), equivalence),
        Section("spread", "Spread", variance_table(variance), variance,
                 spread_by_run(cells) if len(variance) else None, "Runs by draw and training seed"),
        Section("quality-by-cost", "Quality and cost", figure=quality_by_cost(summary) if several else None,
                 caption="F1 by seconds of training and prediction, with Pareto fronts"),
        Section("test-sets", "Test sets", domain_table(cells, own)),
        Section("probes", "Probes", probe_table(cells, own)),
        Section("neighbours", "Neighbours", quality_table(cells, own)),
        Section("published", "Published (not ours)", published_table(dataset)),
    ]  # fmt: skip
    return [section for section in sections if section.table or section.figure]


def _section_files(name: str, section: Section) -> dict[str, bytes]:
    files = {}
    if section.table:
        files[f"tables/{name}-{section.key}.tex"] = tabular.to_latex(section.table).encode()
    if section.frame is not None and len(section.frame):
        files[f"tables/{name}-{section.key}.csv"] = _csv(section.frame)
    if section.figure:
        files[f"figures/{name}-{section.key}.png"] = figure_bytes(section.figure, "png")
        files[f"figures/{name}-{section.key}.pdf"] = figure_bytes(section.figure, "pdf")
    return files


def _planned(records: Sequence[Record], manifest: Mapping[str, Any]) -> list[Record]:
    if "cells" not in manifest:
        return list(records)
    by_id = {record.cell_id: record for record in records}
    return [by_id[cell_id] for cell_id in manifest["cells"] if cell_id in by_id]


def _by_dataset(cells: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame, pd.DataFrame]]:
    for dataset in cells["dataset"].unique():
        part = cells[cells["dataset"] == dataset]
        yield str(dataset), part, summary_frame(part)


def _markdown(
    dataset: str,
    name: str,
    table: tabular.Table,
    parts: Sequence[Section],
    cells: pd.DataFrame,
    command: str,
    warnings: Sequence[str],
) -> str:
    sections = [f"# {tabular.escape_markdown(dataset)}\n"]
    if command:
        sections.append(_code_block(command))
    sections.append(tabular.to_markdown(table))
    sections.append(f"![F1 by share of the training instances](../figures/{name}-f1-by-ratio.png)\n")
    for part in parts:
        sections.append(f"## {tabular.escape_markdown(part.title)}\n")
        sections.append(tabular.to_markdown(part.table) if part.table else "")
        sections.append(f"![{part.caption}](../figures/{name}-{part.key}.png)\n" if part.figure else "")
    sections.append(_listed("Failed runs", _failures(cells)))
    diagnostics = tables.diagnostics_table(cells)
    if diagnostics is not None:
        sections += ["## Diagnostics\n", tabular.to_markdown(diagnostics)]
    sections.append(_listed("Warnings", warnings))
    return "\n".join(section for section in sections if section)


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {tabular.escape_markdown(line)}\n" for line in lines) if lines else ""


def _code_block(text: str) -> str:
    # A fence longer than any run of backticks inside.
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"


def _failures(cells: pd.DataFrame) -> list[str]:
    """One line per method, ratio and error; the tracebacks stay in the records."""
    groups = cells[cells["status"] != "ok"].groupby(["method", "ratio", "error"], sort=False)
    return [
        f"{method} at {names.ratio_name(ratio)}, "
        f"{len(part)} run{'s' * (len(part) > 1)}: {' '.join(error.split())[:300]}"
        for (method, ratio, error), part in groups
    ]


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()
