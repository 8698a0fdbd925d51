"""Scores of runs -> where their spread comes from, and how much data the reference would need instead."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from bench.names import MISSING, metric_name, ratio_name
from bench.report.frames import distinct_runs
from bench.report.tabular import Table
from bench.statistics.equivalence import data_equivalence
from bench.statistics.intervals import bootstrap_interval
from bench.statistics.variance import variance_components


def _grid(runs: pd.DataFrame) -> pd.DataFrame:
    """F1 of the finished runs, one row per set of training instances and one column per training seed."""
    return distinct_runs(runs).pivot_table(index="subset", columns="seed", values="f1", sort=False)


def variance_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per method and ratio of one dataset (bench.report.frames.cells_frame) with two finished runs or more.

    ``draw``, ``seed``, ``rest``: standard deviations as fractions, nan where the runs do not tell; ``cut``: those
    whose variance came out negative; ``low``, ``high``: hierarchical bootstrap interval of the mean.
    """
    rows = []
    for (method, ratio), runs in cells.groupby(["method", "ratio"], sort=False):
        grid = _grid(runs).to_numpy()
        if np.isfinite(grid).sum() < 2:
            continue
        found = variance_components(grid)
        parts = {name: getattr(found, name) for name in ("draw", "seed", "rest")}
        interval = bootstrap_interval([row[~np.isnan(row)] for row in grid])
        assert interval is not None  # two runs
        row: dict[str, Any] = {"method": method, "ratio": float(ratio)}
        row |= {name: math.nan if part is None else math.sqrt(part) for name, part in parts.items()}
        row |= {"cut": " ".join(found.cut), "low": interval[0], "high": interval[1]}
        rows.append(row | {"n_draws": grid.shape[0], "n_seeds": grid.shape[1], "n": found.n})
    return pd.DataFrame(rows)


def variance_table(frame: pd.DataFrame) -> Table | None:
    """``variance_frame`` in points; None for no rows."""
    if frame.empty:
        return None
    rows = []
    for row in frame.to_dict("records"):
        parts = [_deviation(row[name], name in row["cut"].split()) for name in ("draw", "seed", "rest")]
        interval = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        runs = f"{row['n']} of {row['n_draws']}×{row['n_seeds']}"
        rows.append((row["method"], ratio_name(row["ratio"]), *parts, interval, runs))
    notes = [
        "Standard deviations in points: of the draw, of the training seed, and of the rest, which is their "
        f"interaction and whatever the runs cannot tell from it ({MISSING}): ANOVA estimates of crossed random effects "
        "(Henderson's method III), rough for few draws and seeds.",
        "Bootstrap: 95% interval of the mean, draws resampled and seeds within; too narrow for few draws.",
    ]
    if frame["cut"].any():
        notes.append("0 (cut): the estimate of the variance was negative.")
    return Table(("method", "ratio", "draw", "seed", "rest", "bootstrap", "runs"), tuple(rows), tuple(notes))


def _deviation(value: float, cut: bool) -> str:
    if math.isnan(value):
        return MISSING
    return "0 (cut)" if cut else f"{100 * value:.1f}"


def equivalence_frame(cells: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Which share of the training data ``reference`` needs for what each other method reaches at a ratio.

    One row per method and ratio of one dataset; ``equivalent`` is 0 below the reference's smallest ratio and infinite
    above its largest (bench.statistics.equivalence). Empty where the reference has finished at fewer than two ratios.
    """
    means = distinct_runs(cells).groupby(["method", "ratio", "draw"], sort=False)["f1"].mean().unstack("draw")
    if reference not in means.index or len(means.loc[reference]) < 2:
        return pd.DataFrame()
    curve = means.loc[reference].sort_index()
    ratios = [float(ratio) for ratio in curve.index]
    rows = []
    for (method, ratio), scores in means.iterrows():
        if method != reference:
            found = data_equivalence(ratios, curve.to_numpy().T, scores.to_numpy())
            row = {"method": method, "ratio": float(ratio), "reference": reference, "equivalent": found.ratio}
            row |= {"low": found.low, "high": found.high, "monotone": found.monotone}
            rows.append(row | {"smallest": ratios[0], "largest": ratios[-1]})
    return pd.DataFrame(rows)


def equivalence_table(frame: pd.DataFrame, metric: str) -> Table | None:
    """``equivalence_frame``, method x ratio; None for no rows."""
    if frame.empty:
        return None
    ratios = sorted(frame["ratio"].unique())
    text = {(row["method"], row["ratio"]): _equivalent(row) for row in frame.to_dict("records")}
    rows = tuple((m, *(text.get((m, r), MISSING) for r in ratios)) for m in frame["method"].unique())
    reference, smallest, largest = (frame[name].iloc[0] for name in ("reference", "smallest", "largest"))
    ends = f"< {ratio_name(smallest)}: below its smallest ratio; > {ratio_name(largest)}: above its largest."
    notes = [
        f"Share of the training data at which {reference} reaches the {metric_name(metric)} that the method has at the "
        f"column's share: interpolated in log share, 95% bootstrap interval over draws (none for one). {ends}"
    ]
    if not frame["monotone"].all():
        notes.append(
            f"The curve of {reference} falls somewhere; it was made monotone by pooling (isotonic regression)."
        )
    return Table(("method", *(f"at {ratio_name(ratio)}" for ratio in ratios)), rows, tuple(notes))


def _equivalent(row: dict[str, Any]) -> str:
    def name(ratio: float) -> str:
        if not ratio:
            return f"< {ratio_name(row['smallest'])}"
        return f"> {ratio_name(row['largest'])}" if math.isinf(ratio) else f"{100 * ratio:.3g}%"

    text = name(row["equivalent"])
    if row["low"] is None or math.isnan(row["low"]):
        return text
    return f"{text} [{name(row['low'])}, {name(row['high'])}]"
