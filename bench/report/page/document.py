"""A report and the blocks of its predictions -> the HTML document.

The page asks the network for nothing: its policy (Content-Security-Policy, W3C) allows the one script and the one style
sheet whose hashes it names, and no inline style or handler. Corpora and names are untrusted: `html.escape` here,
`textContent` in the scripts, base64 for the data.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import pandas as pd

from bench.data.base import Dataset
from bench.records.files import write_file
from bench.records.record import Record
from bench.records.store import Store
from bench.report.page import plots
from bench.report.page.embed import Embedded, embed
from bench.report.report import Report
from bench.report.tabular import Table

NAME = "report.html"
_ASSETS = files("bench.report.page") / "assets"
# One module, put together in this order: each file uses only what stands in an earlier one.
_SCRIPTS = ("data.js", "tables.js", "confusion.js", "detail.js", "list.js", "inspector.js")
_UNITS = {"k": 1e3, "M": 1e6, "B": 1e9}
_NO_DATA = "<p>There is nothing to inspect: see the notes above.</p>"


def inspector(store: Store, records: Sequence[Record], dataset: Dataset | None, notes: Iterable[str]) -> Embedded:
    """The blocks of the records of one plan; what had to be left out is one sentence each, ``notes`` first.
    ``dataset``: the corpus of the records, for the texts; None shows ids."""
    said = list(notes)
    if dataset is not None and {record.identity.get("dataset_hash") for record in records} != {dataset.content_hash}:
        dataset = None
        said.append("The page shows ids instead of texts: the corpus at hand is not the one of these records.")
    found = embed(store, records, dataset)
    return Embedded(found.blocks, said + found.notes)


def write_page(out: Path, report: Report, embedded: Embedded) -> Path:
    """Write OUT/report.html, replaced as a whole; its path. Raises ValueError for a report of several corpora."""
    path = out / NAME
    write_file(path, render(report, embedded).encode("utf-8", "xmlcharrefreplace"))  # a lone surrogate has no UTF-8
    return path


def render(report: Report, embedded: Embedded) -> str:
    """The whole document."""
    (part,) = report.parts
    style, script = _asset("page.css"), "".join(map(_asset, _SCRIPTS))
    reasons = [f"failed: {line}" for line in part.failed] + [f"skipped: {line}" for line in part.skipped]
    return Template(_asset("page.html")).substitute(
        dataset=escape(part.dataset),
        command=escape(report.command),
        style=style,
        style_hash=_digest(style),
        script=script,
        script_hash=_digest(script),
        notes=_listed([*report.warnings, *reasons, *embedded.notes]),
        results=table_html(part.scores, "Results"),
        plots=_plots(part.summary),
        sections="".join(_section(section.title, section.table) for section in part.sections),
        diagnostics=_section("Diagnostics", part.diagnostics),
        inspector=_asset("inspector.html") if embedded.blocks else _NO_DATA,
        blocks="".join(_block(name, content) for name, content in embedded.blocks.items()),
    )


def table_html(table: Table, caption: str) -> str:
    """A table whose columns can be sorted; its notes follow."""
    head = "".join(f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in table.header)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(map(_data_cell, row[1:]))}</tr>' for row in table.rows
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    return (
        f'<div class="wide"><table class="sortable"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><div class="fine">{notes}</div>'
    )


def leading_number(text: str) -> float | None:
    """The number that a cell begins with: '71.3 [70.0, 72.6]' is 71.3 and '24.4M' 24,400,000; None without one."""
    found = re.match(r"([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)([kMB]?)(?![\w.])", text.replace("−", "-"))
    return None if found is None else float(found[1]) * _UNITS.get(found[2], 1)


def _data_cell(text: str) -> str:
    number = leading_number(text)
    return f"<td>{escape(text)}</td>" if number is None else f'<td data-value="{number!r}">{escape(text)}</td>'


def _plots(summary: pd.DataFrame) -> str:
    ratios = sorted(float(ratio) for ratio in summary["ratio"].unique())
    drawn = [plots.f1_by_ratio(summary), *(plots.f1_by_cost(summary, ratio) for ratio in ratios)]
    if not any(drawn):
        return ""
    legend = plots.legend(list(summary["method"].unique()))
    said = (
        "Point at a mark, or move to it with the Tab key, for its values. Against training time, the dashed line joins "
    )
    said += "the methods that no other one beats in both."
    return f'{legend}<div class="plots">{"".join(drawn)}</div><p class="fine">{said}</p>'


def _section(title: str, table: Table | None) -> str:
    return "" if table is None else f"<section><h2>{escape(title)}</h2>{table_html(table, title)}</section>"


def _listed(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section aria-label="Notes"><ul class="notes">{items}</ul></section>' if items else ""


def _block(name: str, content: str) -> str:
    return f'<script type="application/octet-stream;base64" id="{escape(name)}">{content}</script>\n'


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
