"""Plots of computed numbers. Functions take frames and return figures; nothing here touches a file or global state."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bench.data.quality import visible
from bench.tables import metric_name, ratio_name

# Okabe and Ito's palette without its yellow (too pale on white), the first four far apart in lightness;
# marker, fill and dashes carry the distinction where there is no colour.
_COLOURS = ("#0072B2", "#E69F00", "#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "pdf.fonttype": 42,  # TrueType: the text stays text, as publishers ask
    "svg.hashsalt": "bench",
}
_DODGE = 0.055  # decades between two methods at one ratio


@contextmanager
def _paper_style() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the user's own matplotlibrc says."""
    with style.context(["default", _STYLE]):  # type: ignore[list-item,unused-ignore]
        yield


def f1_by_ratio(summary: pd.DataFrame) -> Figure:
    """F1 (percent) against the share of training instances, one line per method, with 95% intervals.

    ``summary``: rows of ``bench.tables.summary_frame`` of one dataset. A method that has not finished at a ratio has
    no point there and its line breaks. Raises ValueError for rows of several datasets or none.
    """
    names = list(summary["dataset"].unique()) if len(summary) else []
    if len(names) != 1:
        raise ValueError(f"a figure shows one dataset, got {names}")
    ratios = sorted(float(ratio) for ratio in summary["ratio"].unique())
    methods = list(summary["method"].unique())
    with _paper_style():
        figure = Figure(figsize=(3.5, 2.9), layout="constrained")
        axes = figure.add_subplot()
        lines = [
            _draw_method(axes, summary[summary["method"] == method], ratios, place, len(methods))
            for place, method in enumerate(methods)
        ]
        _frame_axes(axes, ratios, summary)
        axes.set_title(f"{_plain(names[0])}: mean and 95% interval", loc="left")
        columns = 2 if len(methods) in (2, 4) else 3
        legend = {"loc": "outside upper center", "ncols": columns, "frameon": False, "handlelength": 3.2}
        figure.legend(lines, [_plain(method) for method in methods], **legend)
    return figure


def _draw_method(axes: Axes, rows: pd.DataFrame, ratios: list[float], place: int, count: int) -> Artist:
    by_ratio = rows.set_index("ratio").reindex(ratios)
    offset = (place - (count - 1) / 2) * _step(ratios, count)
    x = [ratio * 10**offset for ratio in ratios]
    mean, low, high = (100 * by_ratio[name].to_numpy(dtype=float) for name in ("f1_mean", "f1_low", "f1_high"))
    colour = _COLOURS[place % len(_COLOURS)]
    drawn = axes.errorbar(
        x,
        mean,
        yerr=[mean - low, high - mean],
        color=colour,
        ecolor=colour,
        elinewidth=0.8,
        capsize=2,
        linestyle=_DASHES[place % len(_DASHES)],
        marker=_MARKERS[place % len(_MARKERS)],
        # Every second marker is open: a third cue, which survives a bad photocopy.
        markerfacecolor=colour if place % 2 == 0 else "white",
        markeredgecolor=colour,
        zorder=3 + place,
    )
    return drawn[0]


def _plain(text: str) -> str:
    """A name as it stands: a dollar sign would start a formula."""
    return text.replace("$", r"\$")


def _step(ratios: list[float], count: int) -> float:
    """Decades between methods: all methods of one ratio take at most half of the gap to the next."""
    gaps = [math.log10(after / before) for before, after in itertools.pairwise(ratios)]
    return min([_DODGE, *(gap / (2 * count) for gap in gaps)])


def _frame_axes(axes: Axes, ratios: list[float], summary: pd.DataFrame) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ratios))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(ratios, [f"{ratio_name(r)}\n{_n_text(summary[summary['ratio'] == r])}" for r in ratios])
    axes.set_xlim(ratios[0] / 10**0.22, ratios[-1] * 10**0.22)
    axes.set_xlabel("training instances (below: n = draws×seeds)")
    axes.set_ylabel(f"{metric_name(summary['metric'].iloc[0])} (%)")
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -2.0), min(high, 102.0))


def _n_text(points: pd.DataFrame) -> str:
    """'2×1' (draws × seeds) at one ratio, or the range of runs where methods differ. Short, as ratios crowd."""
    done = points[points["n"] > 0]
    shapes = set(zip(done["n_draws"], done["n_seeds"], done["n"], strict=True))
    if not shapes:
        return "–"
    draws, seeds, runs = next(iter(shapes))
    if len(shapes) == 1 and draws * seeds == runs:
        return f"{draws}×{seeds}"
    least, most = done["n"].min(), done["n"].max()
    return f"{least}–{most}" if most > least else f"{most}"


def cost_by_database(costs: pd.DataFrame) -> Figure:
    """Milliseconds of a training step and of a predicted instance against the database's size, both logarithmic.

    ``costs``: rows with method, database, step_seconds and predict_seconds. Raises ValueError for none.
    """
    if costs.empty:
        raise ValueError("no costs to draw")
    panels = {"step_seconds": "training step (ms)", "predict_seconds": "predicted instance (ms)"}
    methods = list(costs["method"].unique())
    with _paper_style():
        figure = Figure(figsize=(6.5, 2.6), layout="constrained")
        for axes, (column, label) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            for place, method in enumerate(methods):
                rows = costs[costs["method"] == method].sort_values("database")
                colour = _COLOURS[place % len(_COLOURS)]
                axes.plot(
                    rows["database"], 1e3 * rows[column], color=colour, label=_plain(method),
                    linestyle=_DASHES[place % len(_DASHES)], marker=_MARKERS[place % len(_MARKERS)],
                    markerfacecolor=colour if place % 2 == 0 else "white",
                )  # fmt: skip
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("instances in the database")
            axes.set_ylabel(label)
            axes.grid(visible=True, axis="y")
        handles, names = axes.get_legend_handles_labels()
        legend = {"loc": "outside upper center", "ncols": len(names), "frameon": False, "handlelength": 3.2}
        figure.legend(handles, names, **legend)
    return figure


def relation_histogram(dataset: str, counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """Share of each relation in each split (percent, logarithmic), one row per relation, the first one on top.

    ``counts``: {split: {relation: instances}}, the same relations in every split. A relation that a split lacks has no
    point there. Raises ValueError for no relations.
    """
    relations = list(next(iter(counts.values()), {}))
    if not relations:
        raise ValueError("a histogram needs at least one relation")
    with _paper_style():
        figure = Figure(figsize=(5.0, 1.2 + 0.18 * len(relations)), layout="constrained")
        axes = figure.add_subplot()
        for place, (split, histogram) in enumerate(counts.items()):
            total = max(1, sum(histogram.values()))
            dodge = 0.22 * (place - (len(counts) - 1) / 2)  # equal shares stay apart
            points = [(100 * histogram[name] / total, row + dodge) for row, name in enumerate(relations)]
            points = [point for point in points if point[0]]
            colour = _COLOURS[place % len(_COLOURS)]
            face = colour if place % 2 == 0 else "white"
            axes.plot(
                [share for share, _ in points],
                [row for _, row in points],
                color=colour,
                marker=_MARKERS[place % len(_MARKERS)],
                markerfacecolor=face,
                linestyle="none",
                label=f"{_plain(split)} ({sum(histogram.values())})",
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_yticks(range(len(relations)), [_plain(visible(relation, 40)) for relation in relations])
        axes.set_ylim(len(relations) - 0.5, -0.5)
        axes.set_xlabel("share of the split (%)")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.set_title(f"{_plain(visible(dataset, 60))}: relations", loc="left")
        figure.legend(loc="outside upper left", ncols=len(counts), frameon=False)
    return figure


def figure_bytes(figure: Figure, form: Literal["png", "pdf", "svg"]) -> bytes:
    """The file of a figure, the same bytes for the same figure: no date, no version of the software in it."""
    unwanted = {"png": ["Software"], "pdf": ["CreationDate", "Creator", "Producer"], "svg": ["Date", "Creator"]}
    buffer = io.BytesIO()
    with _paper_style():
        figure.savefig(buffer, format=form, dpi=300, metadata=dict.fromkeys(unwanted[form]))
    return buffer.getvalue()
