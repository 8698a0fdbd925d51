"""Significance of a run -> the table of differences, and what the marks of the score table mean."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.names import MISSING, ratio_name
from bench.report.tabular import Table
from bench.statistics.comparison import RESAMPLES
from bench.statistics.significance import BEST, BETTER, LEVEL, WORSE, Significance

_HEADER = (
    "method", "ratio", "difference", "over draws", "errors saved", "P(better)", "p", "Holm p", "", "discordant",
    "detectable", "draws×seeds×instances",
)  # fmt: skip


def significance_table(found: Significance) -> Table | None:
    """Every method against the reference at every ratio, in points of the metric; None where nothing was compared."""
    if found.differences.empty:
        return None
    rows = tuple(_texts(row) for row in found.differences.to_dict("records"))
    notes = (
        f"Points of the metric above {found.reference}, on the runs that both have. Difference: 95% percentile "
        f"bootstrap over test instances; p: approximate randomisation, two-sided, {RESAMPLES:,} resamples, an instance "
        "swapped in all runs together. Both speak of the models that were trained, not of a method's next ones.",
        "Over draws: 95% Student-t interval of the difference over draws of the training subset, which speaks of "
        "models to be trained as well; it needs several draws.",
        f"Holm p: corrected over all comparisons of this table; {BETTER} better, {WORSE} worse at "
        f"{100 * LEVEL:.0f}%. Errors saved: difference / (100 − the reference's score). P(better): share of pairs of "
        "runs in which the method is better, a tie being half.",
        "Discordant: share of instances that exactly one of the two gets right; detectable: the smallest difference in "
        "accuracy that one pair of models shows with power 80% at that discordance (Connor 1987), a guide for F1.",
    )
    return Table(_HEADER, rows, notes)


def marks_note(found: Significance) -> str:
    """One sentence for the table of scores: what its marks mean, or why it has none."""
    if not found.marks:
        return found.note
    return (
        f"{BETTER}, {WORSE}: better or worse than {found.reference} at {100 * LEVEL:.0f}% (paired test on the same "
        f"test instances and runs, Holm-corrected), which speaks of the trained models; {BEST}: best of its column, or "
        "not distinguishable from it."
    )


def _texts(row: dict[str, Any]) -> tuple[str, ...]:
    runs = f"{row['n_draws']}×{row['n_seeds']}"
    if row["n_cells"] != row["n_draws"] * row["n_seeds"]:
        runs = f"{row['n_cells']} of {runs}"
    return (
        row["method"],
        ratio_name(row["ratio"]),
        f"{points(row['difference'])} {_bounds(row['low'], row['high'])}",
        _bounds(row["draws_low"], row["draws_high"]),
        MISSING if pd.isna(row["reduction"])
        else f"{points(row['reduction'], 0)}% {_bounds(row['reduction_low'], row['reduction_high'], 0)}",
        f"{row['better']:.2f}",
        p_text(row["p"]),
        p_text(row["p_holm"]),
        row["mark"],
        f"{100 * row['discordance']:.0f}%",
        MISSING if pd.isna(row["detectable"]) else f"{100 * row['detectable']:.1f}",
        f"{runs}×{row['n_instances']}",
    )  # fmt: skip


def points(fraction: float, digits: int = 1) -> str:
    """0.0123 -> '+1.2', with a true minus sign; no sign for what rounds to 0."""
    text = f"{100 * fraction:+.{digits}f}"
    return text[1:] if not float(text) else text.replace("-", "−")


def _bounds(low: float | None, high: float | None, digits: int = 1) -> str:
    if low is None or high is None or pd.isna(low):
        return MISSING
    return f"[{points(low, digits)}, {points(high, digits)}]"


def p_text(p: float) -> str:
    return f"{p:.4f}" if p < 0.01 else f"{p:.3f}"
