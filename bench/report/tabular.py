"""A table of text cells, the names in it, and its renderings: Markdown, LaTeX and the terminal."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from rich.cells import cell_len

from bench.names import visible

_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "×": r"$\times$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "−": "$-$",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Text cells, unescaped; the first column is the method. ``notes`` belong under the table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def escape_markdown(text: str) -> str:
    """Text as it stands, in one table cell or line of GitHub's Markdown (an underscore inside a word is harmless)."""
    return re.sub(r"[\\`*|<>~]|\](?=[(\[:])|(?<!\w)_|_(?!\w)", r"\\\g<0>", " ".join(text.split()))


def escape_latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def to_markdown(table: Table) -> str:
    """A pipe table and its notes."""
    lines = [table.header, (":--",) + ("--:",) * (len(table.header) - 1)]
    lines[0] = tuple(map(escape_markdown, table.header))
    lines += [tuple(map(escape_markdown, row)) for row in table.rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
    return text + "".join(f"\n{escape_markdown(note)}\n" for note in table.notes)


def to_latex(table: Table) -> str:
    """A ``tabular`` for the package booktabs, to be put into a table environment; the notes are comments above it."""
    lines = [f"% {' '.join(note.split())}" for note in table.notes]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}", r"\toprule"]
    lines += [" & ".join(map(escape_latex, table.header)) + r" \\", r"\midrule"]
    for method, *values in table.rows:
        lines.append(" & ".join([rf"\texttt{{{escape_latex(method)}}}", *map(escape_latex, values)]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def to_console(table: Table) -> str:
    """Aligned columns, by width on the terminal; the notes follow."""
    lines = [tuple(map(visible, line)) for line in (table.header, *table.rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(table.header))]
    shown = []
    for line in lines:
        cells = [" " * (width - cell_len(text)) + text for text, width in zip(line, widths, strict=True)]
        cells[0] = line[0] + " " * (widths[0] - cell_len(line[0]))
        shown.append("  ".join(cells).rstrip())
    shown.insert(1, "  ".join("-" * width for width in widths))
    notes = [textwrap.fill(visible(note), max(80, len(shown[0]))) for note in table.notes]
    return "\n".join([*shown, *notes, ""])
