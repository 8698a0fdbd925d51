"""How often each relation occurs."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.drawing.style import look, numbered, paper_style, plain
from bench.names import visible

MOST_RELATIONS = 300  # more rows are no drawing any more


def drawn(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The relations that are drawn, in their order: all, or the most frequent ones where they are too many."""
    relations = list(next(iter(counts.values()), {}))
    if len(relations) <= MOST_RELATIONS:
        return relations
    total = {name: sum(histogram[name] for histogram in counts.values()) for name in relations}
    kept = set(sorted(relations, key=lambda name: -total[name])[:MOST_RELATIONS])
    return [name for name in relations if name in kept]


def relation_histogram(dataset: str, counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """Share of each relation in each split (percent, logarithmic), one row per relation, the first one on top.

    ``counts``: {split: {relation: instances}}, the same relations in every split. A relation that a split lacks has no
    point there. Names that no font has are numbered; of very many, the most frequent are drawn (`drawn`).
    Raises ValueError for no relations.
    """
    relations = drawn(counts)
    if not relations:
        raise ValueError("a histogram needs at least one relation")
    with paper_style():
        figure = Figure(figsize=(5.0, 1.2 + 0.18 * len(relations)), layout="constrained")
        axes = figure.add_subplot()
        for place, (split, histogram) in enumerate(counts.items()):
            total = max(1, sum(histogram.values()))
            dodge = 0.22 * (place - (len(counts) - 1) / 2)  # equal shares stay apart
            points = [(100 * histogram[name] / total, row + dodge) for row, name in enumerate(relations)]
            points = [point for point in points if point[0]]
            axes.plot(
                [share for share, _ in points],
                [row for _, row in points],
                linestyle="none",
                label=f"{plain(split)} ({sum(histogram.values())})",
                **look(place),
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_yticks(range(len(relations)), numbered(relations, 40))
        axes.set_ylim(len(relations) - 0.5, -0.5)
        axes.set_xlabel("share of the split (%)")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.set_title(f"{plain(visible(dataset, 60))}: relations", loc="left")
        figure.legend(loc="outside upper left", ncols=len(counts), frameon=False)
    return figure
