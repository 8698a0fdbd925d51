"""Cost against the size of the database."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from bench.drawing.style import dashes, look, paper_style, plain


def cost_by_database(costs: pd.DataFrame) -> Figure:
    """Milliseconds of a training step and of a predicted instance against the database's size, both logarithmic.

    ``costs``: rows with method, database, step_seconds and predict_seconds. Raises ValueError for none.
    """
    if costs.empty:
        raise ValueError("no costs to draw")
    panels = {"step_seconds": "training step (ms)", "predict_seconds": "predicted instance (ms)"}
    methods = list(costs["method"].unique())
    with paper_style():
        figure = Figure(figsize=(6.5, 2.6), layout="constrained")
        for axes, (column, label) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            for place, method in enumerate(methods):
                rows = costs[costs["method"] == method].sort_values("database")
                axes.plot(
                    rows["database"], 1e3 * rows[column], label=plain(method), linestyle=dashes(place), **look(place)
                )
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("instances in the database")
            axes.set_ylabel(label)
            axes.grid(visible=True, axis="y")
        handles, names = axes.get_legend_handles_labels()
        legend = {"loc": "outside upper center", "ncols": len(names), "frameon": False, "handlelength": 3.2}
        figure.legend(handles, names, **legend)
    return figure
