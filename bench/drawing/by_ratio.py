"""Quality against the amount of training data."""

from __future__ import annotations

import itertools
import math

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from bench.drawing.style import dashes, look, paper_style, plain
from bench.names import metric_name, ratio_name

_DODGE = 0.055  # decades between two methods at one ratio


def f1_by_ratio(summary: pd.DataFrame) -> Figure:
    """F1 (percent) against the share of training instances, one line per method, with 95% intervals.

    ``summary``: rows of ``summary_frame`` of one dataset. A method that has not finished at a ratio has
    no point there and its line breaks. Raises ValueError for rows of several datasets or none.
    """
    names = list(summary["dataset"].unique()) if len(summary) else []
    if len(names) != 1:
        raise ValueError(f"a figure shows one dataset, got {names}")
    ratios = sorted(float(ratio) for ratio in summary["ratio"].unique())
    methods = list(summary["method"].unique())
    with paper_style():
        figure = Figure(figsize=(3.5, 2.9), layout="constrained")
        axes = figure.add_subplot()
        lines = [
            _draw_method(axes, summary[summary["method"] == method], ratios, place, len(methods))
            for place, method in enumerate(methods)
        ]
        _frame_axes(axes, ratios, summary)
        axes.set_title(f"{plain(names[0])}: mean and 95% interval", loc="left")
        columns = 2 if len(methods) in (2, 4) else 3
        legend = {"loc": "outside upper center", "ncols": columns, "frameon": False, "handlelength": 3.2}
        figure.legend(lines, [plain(method) for method in methods], **legend)
    return figure


def _draw_method(axes: Axes, rows: pd.DataFrame, ratios: list[float], place: int, count: int) -> Artist:
    by_ratio = rows.set_index("ratio").reindex(ratios)
    offset = (place - (count - 1) / 2) * _step(ratios, count)
    x = [ratio * 10**offset for ratio in ratios]
    mean, low, high = (100 * by_ratio[name].to_numpy(dtype=float) for name in ("f1_mean", "f1_low", "f1_high"))
    style = look(place)
    drawn = axes.errorbar(
        x,
        mean,
        yerr=[mean - low, high - mean],
        ecolor=style["color"],
        elinewidth=0.8,
        capsize=2,
        linestyle=dashes(place),
        markeredgecolor=style["color"],
        zorder=3 + place,
        **style,
    )
    return drawn[0]


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
    axes.set_ylabel(f"{plain(metric_name(summary['metric'].iloc[0]))} (%)")
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
