"""A report on the terminal, and as files: Markdown, CSV, LaTeX, PNG and PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.drawing.style import figure_bytes
from bench.records.files import write_file
from bench.report.report import Part, Report, Section
from bench.report.tables import split_costs
from bench.report.tabular import escape_markdown, to_console, to_latex, to_markdown


def console(report: Report) -> str:
    """The tables of every corpus as plain text: scores, costs, other test sets. An empty string for no records."""
    parts = []
    for part in report.parts:
        tables = [*split_costs(part.scores), *(s.table for s in part.sections if s.key == "test-sets" and s.table)]
        lines = [part.dataset, "", *map(to_console, tables)]
        lines += [f"failed: {line}" for line in part.failed] + [f"skipped: {line}" for line in part.skipped]
        parts.append("\n".join(lines).rstrip("\n") + "\n")
    return "\n".join(parts)


def write_report(out: Path, report: Report) -> list[Path]:
    """Write OUT/tables and OUT/figures, every file replaced as a whole; the paths, per corpus: Markdown, CSVs, LaTeX,
    PNG, PDF, then the LaTeX, CSV and figure of every further section that has them.

    ``<corpus>.csv`` holds what the table and the plot show, unrounded and as fractions; ``<corpus>-cells.csv`` one row
    per run.
    """
    written = []
    for part in report.parts:
        for relative, content in _files(part, report):
            write_file(out / relative, content)
            written.append(out / relative)
    return written


def markdown(part: Part, report: Report) -> str:
    """One corpus as a page of GitHub's Markdown, beside the folder of its figures."""
    blocks = [f"# {escape_markdown(part.dataset)}\n", _code_block(report.command) if report.command else ""]
    blocks += [to_markdown(part.scores), _image(part, part.curve)]
    for section in part.sections:
        blocks += [f"## {escape_markdown(section.title)}\n", to_markdown(section.table) if section.table else ""]
        blocks += [_image(part, section)]
    blocks += [_listed("Failed runs", part.failed), _listed("Skipped runs", part.skipped)]
    if part.diagnostics:
        blocks += ["## Diagnostics\n", to_markdown(part.diagnostics)]
    blocks.append(_listed("Warnings", report.warnings))
    return "\n".join(block for block in blocks if block)


def _files(part: Part, report: Report) -> Iterator[tuple[str, bytes]]:
    yield f"tables/{part.name}.md", markdown(part, report).encode()
    yield f"tables/{part.name}.csv", _csv(part.summary)
    yield f"tables/{part.name}-cells.csv", _csv(part.cells)
    yield f"tables/{part.name}.tex", to_latex(part.scores).encode()
    for section in (part.curve, *part.sections):
        if section.table:
            yield f"tables/{part.name}-{section.key}.tex", to_latex(section.table).encode()
        if section.frame is not None and len(section.frame):
            yield f"tables/{part.name}-{section.key}.csv", _csv(section.frame)
        if section.draw:
            figure = section.draw()
            yield f"figures/{part.name}-{section.key}.png", figure_bytes(figure, "png")
            yield f"figures/{part.name}-{section.key}.pdf", figure_bytes(figure, "pdf")


def _image(part: Part, section: Section) -> str:
    return f"![{section.caption}](../figures/{part.name}-{section.key}.png)\n" if section.draw else ""


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {escape_markdown(line)}\n" for line in lines) if lines else ""


def _code_block(text: str) -> str:
    # A fence longer than any run of backticks inside.
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()
