"""Quality against cost."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.drawing.style import dashes, look, paper_style, plain
from bench.names import metric_name, ratio_name

COSTS = {"train_seconds": "training (s)", "predict_seconds": "prediction of the test set (s)"}


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Places of the points that no other one beats: none is at most as dear and at least as good, and better in
    one of the two. Equal points do not beat each other: all of them are on the front, or none. Cheapest first."""
    front: list[int] = []
    for place in sorted(range(len(costs)), key=lambda i: (costs[i], -scores[i])):
        last = front[-1] if front else None
        if last is None or scores[place] > scores[last] or (costs[place], scores[place]) == (costs[last], scores[last]):
            front.append(place)
    return front


def quality_by_cost(summary: pd.DataFrame) -> Figure:
    """F1 (percent) against the seconds of training and of prediction, a point per method and ratio; a line joins the
    methods of one ratio that no other one beats in both.

    ``summary``: rows of ``summary_frame`` of one dataset. Unfinished points and unmeasured costs are left
    out. Raises ValueError for rows of several datasets or none.
    """
    names = list(summary["dataset"].unique()) if len(summary) else []
    if len(names) != 1:
        raise ValueError(f"a figure shows one dataset, got {names}")
    methods = list(summary["method"].unique())
    with paper_style():
        figure = Figure(figsize=(6.5, 2.9), layout="constrained")
        for axes, (column, label) in zip(figure.subplots(1, 2, sharey=True), COSTS.items(), strict=True):
            known = summary[(summary["n"] > 0) & (summary[column] > 0)]
            for step, ratio in enumerate(sorted(known["ratio"].unique())):
                _draw_ratio(axes, known[known["ratio"] == ratio], column, methods, step)
            if len(known):
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(label)
            axes.grid(visible=True)
            axes.set_axisbelow(True)
        figure.axes[0].set_ylabel(f"{plain(metric_name(summary['metric'].iloc[0]))} (%)")
        figure.axes[0].set_title(f"{plain(names[0])}: lines join the Pareto fronts", loc="left")
        handles = [Line2D([], [], linestyle="none", label=plain(m), **look(i)) for i, m in enumerate(methods)]
        figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(methods)), frameon=False)
    return figure


def _draw_ratio(axes: Axes, rows: pd.DataFrame, column: str, methods: list[str], step: int) -> None:
    costs, scores = list(rows[column]), [100 * score for score in rows["f1_mean"]]
    front = pareto_front(costs, scores)
    x, y = [costs[place] for place in front], [scores[place] for place in front]
    axes.plot(x, y, color="#888888", linewidth=0.8, linestyle=dashes(step), zorder=2)
    for method, cost, score in zip(rows["method"], costs, scores, strict=True):
        axes.plot([cost], [score], linestyle="none", zorder=3, **look(methods.index(method)))
    name = ratio_name(float(rows["ratio"].iloc[0]))
    axes.annotate(name, (x[-1], y[-1]), xytext=(4, 4), textcoords="offset points", fontsize=7, color="#555555")
