"""Lines with intervals, in a row of panels."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from bench.drawing.style import dashes, look, paper_style, plain

MOST_TICKS = 6  # more values of x than these are no labels any more


def line_panels(points: pd.DataFrame, title: str, x_label: str, *, log_x: bool = False) -> Figure:
    """One panel per ``panel`` (its y label, or its title with ``points.attrs["y_label"]``), one line per ``line``.

    ``points``: rows of panel, line, x, mean, low, high and reference. A row without interval has NaN; ``reference``
    rows are drawn dotted, without marker and legend, in the colour of their line. Raises ValueError for no rows.
    """
    if points.empty:
        raise ValueError("no points to draw")
    panels, lines = list(points["panel"].unique()), list(points["line"].unique())
    with paper_style():
        figure = Figure(figsize=(0.8 + 2.7 * len(panels), 2.9), layout="constrained")
        shared = "y_label" in points.attrs
        legend: dict[str, Artist] = {}
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False, sharey=shared)[0], panels, strict=True):
            of_panel = points[points["panel"] == panel]
            for line, artist in _draw_lines(axes, of_panel, lines):
                legend.setdefault(line, artist)
            _frame(axes, sorted(of_panel["x"].unique()), log_x)
            axes.set_xlabel(plain(x_label))
            if shared:
                axes.set_title(plain(panel), loc="left")
            else:
                axes.set_ylabel(plain(panel))
        if shared:
            figure.axes[0].set_ylabel(plain(points.attrs["y_label"]))
        figure.suptitle(plain(title), fontsize=8)
        names = [plain(line) for line in legend]
        figure.legend(
            legend.values(),
            names,
            loc="outside lower center",
            ncols=min(len(names), 5),
            frameon=False,
            handlelength=3.2,
        )
    return figure


def _draw_lines(axes: Axes, rows: pd.DataFrame, lines: list[str]) -> Iterator[tuple[str, Artist]]:
    """Each line with its reference; those with an artist for the legend."""
    for place, line in enumerate(lines):
        own = rows[rows["line"] == line].sort_values("x")
        artist = _draw(axes, own[~own["reference"]], place)
        expected = own[own["reference"]]
        axes.plot(expected["x"], expected["mean"], ":", color=look(place)["color"], linewidth=0.9)
        if artist is not None:
            yield line, artist


def _draw(axes: Axes, rows: pd.DataFrame, place: int) -> Artist | None:
    if rows.empty:
        return None
    drawn = axes.errorbar(
        rows["x"],
        rows["mean"],
        yerr=[rows["mean"] - rows["low"], rows["high"] - rows["mean"]],
        elinewidth=0.8,
        capsize=2,
        linestyle=dashes(place),
        zorder=3 + place,
        **look(place),
    )
    return drawn[0]


def _frame(axes: Axes, values: list[float], log_x: bool) -> None:
    if log_x:
        axes.set_xscale("log")
    if len(values) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
