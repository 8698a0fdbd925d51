"""Records -> tables of what neighbours do to the score (`--probes`) and of what they share with their query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Any

import pandas as pd

from bench.names import MISSING, metric_name, ratio_name
from bench.records.record import Record
from bench.report.domain_table import mean_text
from bench.report.frames import by_setting, distinct_runs
from bench.report.tabular import Table
from bench.run.probes import LOOKS_AT_GOLD, PROBES
from bench.scoring.neighbours import KINDS

_PREFIX = "probes."


def probe_table(cells: pd.DataFrame, records: Sequence[Record]) -> Table | None:
    """F1 (percent) under every probe, method and ratio, over the finished ``cells`` of one dataset
    (bench.report.frames.cells_frame of ``records``); None where no run was probed."""
    probed = {record.cell_id: record.probes for record in records if record.probes}
    names = [name for name in PROBES if any(name in probes for probes in probed.values())]
    if not names:
        return None
    done = cells[cells["cell_id"].isin(list(probed))]
    done = done.assign(
        **{_PREFIX + name: [probed[c].get(name, {}).get("f1", nan) for c in done["cell_id"]] for name in names}
    )
    rows, odd = [], []
    for method, ratio, group in _groups(done):
        scores = [mean_text(group, _PREFIX + name) for name in names]
        without = [probed[cell]["none"] for cell in group["cell_id"] if "none" in probed[cell]]
        turned = [
            str(sum(counts.get(key, 0) for counts in without)) if without else MISSING for key in ("fixed", "broke")
        ]
        rows.append((method, ratio, mean_text(group, "f1"), *scores, *turned))
        if {"gold", "shuffled"} <= set(names) and (group[_PREFIX + "gold"] < group[_PREFIX + "shuffled"]).any():
            odd.append(f"{method} at {ratio}")
    metric = metric_name(next((value for value in done["metric"] if value), ""))
    notes = [
        f"{metric} × 100 of the trained method with other neighbours in place of what it retrieved: the same ones (in "
        "a soft prompt each alone, without weights: read the others against it); random ones; the same with their "
        "labels shuffled; ones of the gold relation; of other relations; none; the mean of the database. Mean and 95% "
        "Student-t interval over draws of the training subset, seeds averaged first.",
        "fixed: answers, over all runs, that are wrong without neighbours and right with the retrieved ones; broke: "
        "the reverse.",
    ]
    if looking := [name for name in names if name in LOOKS_AT_GOLD]:
        notes.append(f"{', '.join(looking)}: chosen by looking at the answer; a bound, not a result.")
    if odd:
        notes.append(f"Neighbours of the gold relation score below shuffled ones in a run of {', '.join(odd)}.")
    header = ("method", "ratio", "retrieved", *names, "fixed", "broke")
    return Table(header, tuple(rows), tuple(notes))


def quality_table(cells: pd.DataFrame, records: Sequence[Record]) -> Table | None:
    """Shares (percent, means over runs) of neighbours that have something in common with their query, method and ratio
    x which neighbours; None where no run has any."""
    measured = {record.cell_id: record.neighbours for record in records if record.neighbours}
    rows = []
    for method, ratio, group in _groups(cells[cells["cell_id"].isin(list(measured))]):
        for which, parts in _parts([measured[cell] for cell in group["cell_id"]]).items():
            rows.append((method, ratio, which, *(_mean_share(parts, kind) for kind in KINDS)))
    if not rows:
        return None
    notes = (
        "% of the neighbours that share with the query a relation, the head, the tail, an entity whichever is head and "
        "tail (surface text, case ignored), or either a relation or an entity; mean over test instances and runs. by "
        "weight: of a soft selection, the k instances that it weighs most. chance: neighbours drawn from the database "
        "at random, in expectation.",
    )
    return Table(("method", "ratio", "neighbours", *KINDS), tuple(rows), notes)


def _mean_share(parts: Sequence[Mapping[str, float]], kind: str) -> str:
    """Percent, over the runs that say it."""
    shares = [part[kind] for part in parts if kind in part]
    return f"{100 * sum(shares) / len(shares):.1f}" if shares else MISSING


def _groups(cells: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Method, ratio as text, and their different runs."""
    for method, ratio, runs in by_setting(distinct_runs(cells)):
        yield method, ratio_name(ratio), runs


def _parts(measured: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, float]]]:
    """Which neighbours -> their shares in every run that has them."""
    parts: dict[str, list[Mapping[str, float]]] = {}
    for quality in measured:
        last = f"at_{quality['k']}"
        shown = [
            ("the first", quality["all"].get("at_1") if quality["k"] > 1 else None),
            (f"all {quality['k']}", quality["all"][last]),
            ("by weight", quality["all"].get("weighted")),
            (f"untrained, all {quality['k']}", quality.get("untrained", {}).get(last)),
            ("chance", quality["all"]["chance"]),
        ]
        for name, part in shown:
            if part is not None:
                parts.setdefault(name, []).append(part)
    return parts
