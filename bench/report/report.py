"""What there is to say about a run, computed once from its records. `render` and `page` only write it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.drawing.by_ratio import f1_by_ratio
from bench.drawing.pareto import quality_by_cost
from bench.drawing.spread import spread_by_run
from bench.names import ratio_name
from bench.records.files import file_names
from bench.records.record import Record
from bench.report.domain_table import domain_table
from bench.report.frames import cells_frame, summary_frame
from bench.report.probe_table import probe_table, quality_table
from bench.report.published import published_table
from bench.report.significance_table import marks_note, significance_table
from bench.report.spread_table import equivalence_frame, equivalence_table, variance_frame, variance_table
from bench.report.tables import diagnostics_table, result_table
from bench.report.tabular import Table
from bench.statistics.significance import Load, Significance, default_reference, significance

_CURVE = "F1 by share of the training instances"


@dataclass(frozen=True, eq=False)
class Section:
    """A table, a drawing or both; their files are named after ``key``. Only who calls ``draw`` makes the drawing."""

    key: str
    title: str
    table: Table | None = None
    frame: pd.DataFrame | None = None  # what the table shows, unrounded
    draw: Callable[[], Figure] | None = None
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Part:
    """One corpus: its frames, its tests, and what is shown. ``curve`` belongs to the table of ``scores`` (which has
    the costs too); ``sections`` follow. ``failed``, ``skipped``: one line per method, ratio and reason."""

    dataset: str
    name: str  # of its files
    cells: pd.DataFrame
    summary: pd.DataFrame
    tests: Significance
    scores: Table
    curve: Section
    sections: tuple[Section, ...]
    diagnostics: Table | None
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """The corpora of a run (one, as `bench run` makes them), and what belongs to all of it."""

    parts: tuple[Part, ...]
    command: str
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        manifest: Mapping[str, Any],
        load: Load | None = None,
        reference: str | None = None,
    ) -> Report:
        """``manifest["cells"]`` gives the order and the choice of the records: those outside the last plan are left
        out. ``load`` reads the predictions of a cell, for the paired tests against ``reference``; a corpus without
        that method has `default_reference`. Raises ValueError for two records of one cell."""
        by_id = {record.cell_id: record for record in records}
        wanted = manifest.get("cells", by_id)
        planned = [by_id[cell_id] for cell_id in wanted if cell_id in by_id]
        warnings = [str(line) for line in manifest.get("warnings", ())]
        if missing := len(wanted) - len(planned):
            warnings.append(f"{missing} of {len(wanted)} planned runs have no record yet.")
        cells = cells_frame(planned)
        parts = []
        for dataset, name in file_names(cells["dataset"].unique()).items():
            own = [record for record in planned if record.dataset == dataset]
            parts.append(_part(name, cells[cells["dataset"] == dataset], own, load, reference))
        return cls(tuple(parts), str(manifest.get("command", "")), tuple(warnings))


def _part(name: str, cells: pd.DataFrame, records: Sequence[Record], load: Load | None, wanted: str | None) -> Part:
    methods, summary = list(cells["method"].unique()), summary_frame(cells)
    reference = wanted if wanted is not None and wanted in methods else default_reference(methods)
    tests = significance(cells, records, load, reference) if load else Significance(reference)
    return Part(
        dataset=records[0].dataset,
        name=name,
        cells=cells,
        summary=summary,
        tests=tests,
        scores=_scores(summary, tests),
        curve=Section("f1-by-ratio", "", None, None, partial(f1_by_ratio, summary), _CURVE),
        sections=_sections(cells, summary, records, tests),
        diagnostics=diagnostics_table(cells),
        failed=_reasons(records, "failed"),
        skipped=_reasons(records, "skipped"),
    )


def _scores(summary: pd.DataFrame, tests: Significance) -> Table:
    """The table of scores with its marks and what they mean; the note on costs stays last."""
    table, note = result_table(summary, tests.marks), marks_note(tests)
    return replace(table, notes=(*table.notes[:-1], note, table.notes[-1])) if note else table


def _sections(
    cells: pd.DataFrame, summary: pd.DataFrame, records: Sequence[Record], tests: Significance
) -> tuple[Section, ...]:
    """What follows the scores, without what would be empty."""
    variance, equivalence = variance_frame(cells), equivalence_frame(cells, tests.reference)
    several = summary.loc[summary["n"] > 0, "method"].nunique() > 1
    sections = (
        Section("comparison", f"Against {tests.reference}", significance_table(tests), tests.differences),
        Section("data-equivalence", "Data equivalence",
                equivalence_table(equivalence, str(summary["metric"].iloc[0])), equivalence),
        Section("spread", "Spread", variance_table(variance), variance,
                partial(spread_by_run, cells) if len(variance) else None, "Runs by draw and training seed"),
        Section("quality-by-cost", "Quality and cost", draw=partial(quality_by_cost, summary) if several else None,
                caption="F1 by seconds of training and prediction, with Pareto fronts"),
        Section("test-sets", "Test sets", domain_table(cells, records)),
        Section("probes", "Probes", probe_table(cells, records)),
        Section("neighbours", "Neighbours", quality_table(cells, records)),
        Section("published", "Published (not ours)", published_table(records[0].dataset)),
    )  # fmt: skip
    return tuple(section for section in sections if section.table or section.draw)


def _reasons(records: Sequence[Record], status: str) -> tuple[str, ...]:
    """Why runs have this status, one line per method, ratio and reason; the tracebacks stay in the records."""
    runs: dict[tuple[str, float, str], int] = {}
    for record in records:
        if record.status == status:
            error = record.error
            kind = f"{error.type}: " if error and status == "failed" else ""
            key = record.method, record.ratio, kind + (error.message if error else "")
            runs[key] = runs.get(key, 0) + 1
    return tuple(
        f"{method} at {ratio_name(ratio)}, {count} run{'s' * (count > 1)}: {' '.join(reason.split())[:300]}"
        for (method, ratio, reason), count in runs.items()
    )
