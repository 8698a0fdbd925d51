"""Plots of the page as inline SVG.

Written here rather than by matplotlib or a JavaScript library: every point can then be reached by mouse and keyboard
and says its values, colours follow the reader's light or dark theme, text stays text, and there is neither an inline
style, which the page's policy forbids, nor a script. Plots for print come from bench.drawing. The confusions, which
follow the reader's choice of run and method, are a table that the page's script fills.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

import pandas as pd

from bench.drawing.pareto import pareto_front
from bench.names import metric_name, ratio_name

Row = dict[str, float | str]
_WIDTH, _HEIGHT = 380, 270  # units of the viewBox; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 16, 30, 40
# One shape per method, drawn around the origin; the style sheet has as many colours and dashes.
SHAPES = (
    '<circle r="4"/>', '<rect x="-4" y="-4" width="8" height="8"/>', '<path d="M0-5 5 4H-5z"/>',
    '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z"/>', '<path d="M0 5 5-4H-5z"/>',
    '<path d="M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5z"/>', '<path d="M-4-4 4 4M4-4-4 4"/>',
)  # fmt: skip


def legend(methods: Sequence[str]) -> str:
    """Which colour and shape is whose, as a list."""
    items = (
        f'<li class="{_series(place)}"><svg class="mark" viewBox="-7 -7 14 14" aria-hidden="true">'
        f"{_shape(place)}</svg>{escape(method)}</li>"
        for place, method in enumerate(methods)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def f1_by_ratio(summary: pd.DataFrame) -> str:
    """F1 (percent) against the share of training instances (logarithmic), with 95% intervals; ``summary`` as of
    `bench.report.frames.summary_frame`, one dataset. An empty string where no run has finished."""
    done = _finished(summary)
    if not done:
        return ""
    ratios = sorted({_number(row, "ratio") for row in done})
    x = _scale(math.log10(ratios[0]) - 0.15, math.log10(ratios[-1]) + 0.15, _LEFT, _WIDTH - _RIGHT)
    y, grid = _f1_axis(done)
    drawn = [grid, *(_x_tick(x(math.log10(ratio)), ratio_name(ratio)) for ratio in ratios)]
    for place, method in enumerate(summary["method"].unique()):
        rows = [row for row in done if row["method"] == method]
        # Methods stand side by side, so that intervals at one ratio stay apart.
        dodge = 5 * (place - (summary["method"].nunique() - 1) / 2)
        at = [(x(math.log10(_number(row, "ratio"))) + dodge, y(100 * _number(row, "f1_mean"))) for row in rows]
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in at)
        drawn.append(f'<polyline class="line {_series(place)}" points="{line}"/>')
        for row, (across, down) in zip(rows, at, strict=True):
            said = f"{method} at {ratio_name(_number(row, 'ratio'))}: {_f1_text(row)}"
            drawn.append(_point(place, across, down, said, _whisker(row, across, y)))
    return _figure(drawn, f"{_metric(summary)} (%) by training instances", "share of the training instances")


def f1_by_cost(summary: pd.DataFrame, ratio: float) -> str:
    """F1 (percent) against seconds of training at one ratio; a line joins the methods that no other one beats in both
    (the Pareto front). An empty string where fewer than two methods have both numbers."""
    at_ratio = [row for row in _finished(summary) if row["ratio"] == ratio]
    rows = [row for row in at_ratio if math.isfinite(_number(row, "train_seconds"))]
    if len(rows) < 2:
        return ""
    costs = [_number(row, "train_seconds") for row in rows]
    x = _scale(0, max(costs) * 1.08 or 1, _LEFT, _WIDTH - _RIGHT)
    y, grid = _f1_axis(rows)
    scores = [_number(row, "f1_mean") for row in rows]
    best = pareto_front(costs, scores)
    line = " ".join(f"{x(costs[i]):.1f},{y(100 * scores[i]):.1f}" for i in best)
    drawn = [grid, *(_x_tick(x(tick), f"{tick:g}") for tick in ticks(0, max(costs) * 1.08))]
    drawn.append(f'<polyline class="front" points="{line}"/>')
    places = {method: place for place, method in enumerate(summary["method"].unique())}
    for i, (row, cost, f1) in enumerate(zip(rows, costs, scores, strict=True)):
        said = f"{row['method']}: {_f1_text(row)}, {cost:.4g} s" + (", on the front" if i in best else "")
        drawn.append(_point(places[row["method"]], x(cost), y(100 * f1), said))
    title = f"{_metric(summary)} (%) against training time at {ratio_name(ratio)}"
    return _figure(drawn, title, "seconds of training")


def ticks(low: float, high: float) -> list[float]:
    """Two to seven round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    if not high > low:
        return [low]
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def _finished(summary: pd.DataFrame) -> list[Row]:
    return [row for row in summary.to_dict("records") if row["n"]]


def _number(row: Row, name: str) -> float:
    return float(row[name])


def _metric(summary: pd.DataFrame) -> str:
    return metric_name(summary["metric"].iloc[0])


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _f1_axis(rows: Iterable[Row]) -> tuple[Callable[[float], float], str]:
    """Percent -> height, and the grid with its labels."""
    ends = [100 * _number(row, name) for row in rows for name in ("f1_mean", "f1_low", "f1_high")]
    known = [value for value in ends if math.isfinite(value)]
    pad = 0.08 * (max(known) - min(known)) or 1
    low, high = max(0.0, min(known) - pad), min(100.0, max(known) + pad)
    y = _scale(low, high, _HEIGHT - _BOTTOM, _TOP)
    lines = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in ticks(low, high)
    )
    return y, f'<g class="grid">{lines}</g>'


def _x_tick(at: float, text: str) -> str:
    return f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>'


def _f1_text(row: Row) -> str:
    text = f"{100 * _number(row, 'f1_mean'):.1f}"
    if math.isfinite(_number(row, "f1_low")):
        text += f" [{100 * _number(row, 'f1_low'):.1f}, {100 * _number(row, 'f1_high'):.1f}]"
    return f"{text}, n = {row['n']}"


def _whisker(row: Row, across: float, y: Callable[[float], float]) -> str:
    low, high = 100 * _number(row, "f1_low"), 100 * _number(row, "f1_high")
    return f'<path class="whisker" d="M{across:.1f} {y(low):.1f}V{y(high):.1f}"/>' if math.isfinite(low) else ""


def _point(place: int, across: float, down: float, said: str, behind: str = "") -> str:
    """A marker that can be focused, and its values, which the style sheet shows while it is focused or pointed at."""
    return (
        f'<g class="point {_series(place)}" tabindex="0" role="img" aria-label="{escape(said)}">{behind}'
        f'<g transform="translate({across:.1f} {down:.1f})"><circle class="reach" r="9"/>{_shape(place)}</g>'
        f'<text class="value" x="{_LEFT}" y="16">{escape(said)}</text></g>'
    )


def _series(place: int) -> str:
    return f"series-{place % len(SHAPES)}"


def _shape(place: int) -> str:
    return SHAPES[place % len(SHAPES)]


def _figure(drawn: Iterable[str], title: str, below: str) -> str:
    label = f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(below)}</text>'
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="group" aria-label="{escape(title)}">{"".join(drawn)}{label}</svg></figure>'
    )
