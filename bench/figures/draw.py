"""The cells of one dataset -> the numbers of its figure -> the figure."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.drawing.by_ratio import f1_by_ratio
from bench.drawing.heatmap import confusion_heatmap, names_of
from bench.drawing.lines import line_panels
from bench.figures.cells import Cell
from bench.figures.contract import Confusion, Contract, History, Lines, Sharing
from bench.figures.numbers import Number, summary, values_of
from bench.names import ratio_name
from bench.report.frames import cells_frame, summary_frame
from bench.scoring.neighbours import KINDS, RANKS


def draw(contract: Contract, cells: Sequence[Cell]) -> Figure | None:
    """The contract's figure of one dataset's cells, None where none of them has what it shows."""
    figure, done = contract.figure, [cell for cell in cells if cell.record is not None]
    if not done:
        return None
    title = f"{done[0].wanted.dataset}: {contract.title}"
    if isinstance(figure, Confusion):
        counts = confusion(done, figure)
        where = f"{done[0].wanted.dataset}, {figure.series}, {ratio_name(figure.ratio)}: retrieved relations"
        return confusion_heatmap(counts, where, "relation of the query", "relation of a neighbour") if counts else None
    if isinstance(figure, Lines):
        points, x_label, log_x = _lines(contract, figure, done), figure.x_label, figure.log_x
    elif isinstance(figure, Sharing):
        points, x_label, log_x = _sharing(figure, done), "nearest neighbours", False
        title = f"{title} ({ratio_name(figure.ratio)} of train; dotted: by chance)"
    elif isinstance(figure, History):
        points, x_label, log_x = _history(figure, done), "training step", False
    else:
        records = [cell.record.model_copy(update={"method": cell.wanted.series}) for cell in done if cell.record]
        return f1_by_ratio(summary_frame(cells_frame(records)))
    return None if points.empty else line_panels(points, title, x_label, log_x=log_x)


def confusion(cells: Sequence[Cell], figure: Confusion) -> dict[str, Counter[str]]:
    """Neighbours by relation of query and neighbour, summed over the runs of the series."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        if cell.neighbours and (cell.wanted.series, cell.wanted.ratio) == (figure.series, figure.ratio):
            for query, row in cell.neighbours.get("confusion", {}).items():
                counts[query].update(row)
    return dict(counts)


def axis_names(contract: Contract, cells: Sequence[Cell]) -> list[str]:
    """The relations along the axes of the contract's figure, in their order; none where it has no such axes."""
    figure = contract.figure
    return names_of(confusion(cells, figure)) if isinstance(figure, Confusion) else []


def _lines(contract: Contract, figure: Lines, cells: Sequence[Cell]) -> pd.DataFrame:
    """Against the varied option, a method without it is a level at every x."""
    varied = sorted({cell.wanted.varied[1] for cell in cells if cell.wanted.varied}) if figure.x == "vary" else []
    points = []
    for path in figure.panels:
        value = contract.value(path)
        groups = defaultdict[tuple[str, float], list[Cell]](list)
        for cell in cells:
            wish = cell.wanted
            if figure.x == "ratio":
                groups[wish.series, wish.ratio].append(cell)
            else:
                for x in [wish.varied[1]] if wish.varied else varied:
                    groups[wish.method, float(x)].append(cell)
        for (line, x), group in groups.items():
            points += _point(value.label, line, x, values_of(group, path), path, value.scale)
    return _frame(points)


def _sharing(figure: Sharing, cells: Sequence[Cell]) -> pd.DataFrame:
    points = []
    chosen = [cell for cell in cells if cell.wanted.ratio == figure.ratio and cell.neighbours]
    for series in dict.fromkeys(cell.wanted.series for cell in chosen):
        group = [cell for cell in chosen if cell.wanted.series == series]
        for kind, rank in itertools.product(KINDS, RANKS):
            path, chance = f"shared.{rank}.{kind}", f"chance.{kind}"
            found = _point(series, kind, rank, values_of(group, path), path, 100)
            points += found
            if found:
                points += _point(series, kind, rank, values_of(group, chance), chance, 100, reference=True)
    frame = _frame(points)
    frame.attrs["y_label"] = "share of neighbours (%)"
    return frame


def _history(figure: History, cells: Sequence[Cell]) -> pd.DataFrame:
    points = []
    chosen = [cell for cell in cells if cell.wanted.series == figure.series and cell.record is not None]
    for name, label in figure.panels.items():
        for ratio in sorted({cell.wanted.ratio for cell in chosen}):
            at = defaultdict[float, list[Number]](list)
            for cell in chosen:
                for row in cell.record.history if cell.record else ():
                    if cell.wanted.ratio == ratio and row.get(name) is not None:
                        at[float(row["step"] or 0)].append((cell.wanted.draw, float(row[name] or 0)))
            for step, found in at.items():
                points += _point(label, ratio_name(ratio), step, found, f"history.{name}")
    return _frame(points)


def _point(
    panel: str, line: str, x: float, values: Sequence[Number], path: str, scale: float = 1, *, reference: bool = False
) -> list[dict[str, Any]]:
    """A row of the frame that `line_panels` draws; none without values."""
    found = summary(values, path)
    if found is None:
        return []
    low, high = (math.nan if bound is None else scale * bound for bound in (found.low, found.high))
    ends = {"mean": scale * found.mean, "low": low, "high": high}
    return [{"panel": panel, "line": line, "x": float(x), **ends, "reference": reference}]


def _frame(points: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["panel", "line", "x", "mean", "low", "high", "reference"])
