"""How far runs lie apart, by draw and by training seed."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.drawing.style import COLOURS, MARKERS, paper_style, plain
from bench.names import metric_name, ratio_name

_WIDTH = 0.7  # of a method's place on the axis, shared by its draws


def spread_by_run(cells: pd.DataFrame) -> Figure:
    """F1 (percent) of every finished run, a panel per ratio: beside each other the draws of a method, above each other
    the seeds of a draw; a short line is the mean of a draw, the long one that of the method (draws weigh alike).

    ``cells``: rows of ``cells_frame`` of one dataset. Raises ValueError for rows of several datasets or
    none.
    """
    names = list(cells["dataset"].unique()) if len(cells) else []
    if len(names) != 1:
        raise ValueError(f"a figure shows one dataset, got {names}")
    done = cells[cells["status"] == "ok"].drop_duplicates(["method", "ratio", "order", "seed"])
    methods, ratios = list(cells["method"].unique()), sorted(cells["ratio"].unique())
    with paper_style():
        figure = Figure(figsize=(0.6 + max(1.9, 0.45 * len(methods)) * len(ratios), 2.9), layout="constrained")
        panels = figure.subplots(1, len(ratios), squeeze=False)[0]
        for axes, ratio in zip(panels, ratios, strict=True):
            for place, method in enumerate(methods):
                _draw_method(axes, done[(done["method"] == method) & (done["ratio"] == ratio)], place)
            axes.set_title(ratio_name(float(ratio)), loc="left")
            axes.set_xticks(range(len(methods)), [plain(m) for m in methods], rotation=30, ha="right")
            axes.set_xlim(-0.6, len(methods) - 0.4)
            axes.grid(visible=True, axis="y")
            axes.set_axisbelow(True)
        metric = next((value for value in cells["metric"] if value), "")
        panels[0].set_ylabel(f"{plain(metric_name(metric))} (%)")
        figure.suptitle(f"{plain(names[0])}: runs by draw (columns) and seed (points)", fontsize=8)
    return figure


def _draw_method(axes: Axes, runs: pd.DataFrame, place: int) -> None:
    if runs.empty:
        return
    colour, means = COLOURS[place % len(COLOURS)], []
    subsets = list(runs["subset"].unique())
    step = _WIDTH / len(subsets)
    for column, subset in enumerate(subsets):
        scores = 100 * runs.loc[runs["subset"] == subset, "f1"].to_numpy()
        x = place + (column - (len(subsets) - 1) / 2) * step
        means.append(scores.mean())
        look: dict[str, Any] = {"marker": MARKERS[place % len(MARKERS)], "markerfacecolor": "none", "linestyle": "none"}
        axes.plot([x] * len(scores), scores, color=colour, **look)
        axes.hlines(means[-1], x - 0.35 * step, x + 0.35 * step, color=colour, linewidth=0.8)
    mean = sum(means) / len(means)
    axes.hlines(mean, place - _WIDTH / 2, place + _WIDTH / 2, color=colour, linewidth=1.6, zorder=1, alpha=0.5)
