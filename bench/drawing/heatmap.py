"""Counts of pairs of names, as shares of each row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from bench.drawing.style import numbered, paper_style, plain


def names_of(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The names of the axes, in their order."""
    return sorted({*counts, *(name for row in counts.values() for name in row)})


def confusion_heatmap(counts: Mapping[str, Mapping[str, int]], title: str, rows: str, columns: str) -> Figure:
    """Share (percent) of each column name within each row; shares from 1% on are written into their field.

    ``counts``: {row name: {column name: how many}}; names are sorted, and columns are those of rows and fields alike.
    Raises ValueError for no counts.
    """
    names = names_of(counts)
    table = np.array([[row.get(name, 0) for name in names] for _, row in sorted(counts.items())], dtype=float)
    if not table.size or not table.sum():
        raise ValueError("no counts to draw")
    shares = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    labels = numbered(names, 30)
    with paper_style():
        figure = Figure(figsize=(2.2 + 0.24 * len(names), 1.6 + 0.22 * len(counts)), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Greys", vmin=0, vmax=100, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            if share >= 1:
                colour = "white" if share > 55 else "black"
                axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=5, color=colour)
        axes.set_xticks(range(len(names)), labels, rotation=90, fontsize=6)
        axes.set_yticks(range(len(counts)), [labels[names.index(name)] for name in sorted(counts)], fontsize=6)
        axes.set_xlabel(plain(columns))
        axes.set_ylabel(plain(rows))
        axes.set_title(f"{plain(title)} (% of row)", loc="left")
    return figure
