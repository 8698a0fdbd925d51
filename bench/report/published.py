"""Scores of the literature (configs/published.yaml) as a table of their own."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from bench.names import MISSING, metric_name, ratio_name
from bench.paths import CONFIGS
from bench.report.tabular import Table

PATH = CONFIGS / "published.yaml"


@dataclass(frozen=True)
class Published:
    """One published score, in percent, at a share of the training data; ``source`` is an arXiv id."""

    dataset: str
    metric: str
    method: str
    ratio: float
    score: float
    source: str


def published() -> list[Published]:
    """Every entry, in the order of the file."""
    return [Published(**entry) for entry in yaml.safe_load(PATH.read_text(encoding="utf-8"))]


def published_table(dataset: str) -> Table | None:
    """Published scores on one of our datasets, method x ratio; None where there are none."""
    entries = [entry for entry in published() if entry.dataset == dataset]
    if not entries:
        return None
    ratios = sorted({entry.ratio for entry in entries})
    score = {(entry.method, entry.ratio): f"{entry.score:.1f}" for entry in entries}
    rows = []
    for method in dict.fromkeys(entry.method for entry in entries):
        sources = dict.fromkeys(f"arXiv {entry.source}" for entry in entries if entry.method == method)
        rows.append((method, *(score.get((method, ratio), MISSING) for ratio in ratios), ", ".join(sources)))
    metrics = ", ".join(dict.fromkeys(metric_name(entry.metric) for entry in entries))
    note = (
        f"Published (not ours): {metrics} as the sources report it, with other generators, subsets and budgets; one "
        "number per setting, without an interval. No test compares it with ours."
    )
    return Table(("method", *map(ratio_name, ratios), "source"), tuple(rows), (note,))
