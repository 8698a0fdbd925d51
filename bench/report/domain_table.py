"""Records -> a table of test sets of other domains and of swapped datastores: one column each, the own one first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.names import MISSING, metric_name, ratio_name
from bench.records.record import Record
from bench.report.frames import TEST_SET, by_setting, distinct_runs
from bench.report.tabular import Table
from bench.statistics.intervals import mean_interval


def domain_table(cells: pd.DataFrame, records: Sequence[Record]) -> Table | None:
    """F1 (percent), method and ratio x test set, over the finished ``cells`` of one dataset (`cells_frame` of
    ``records``); None where no run had another test set. ``A@B`` is test set A with datastore B."""
    columns = [name for name in cells.columns if name.startswith(TEST_SET) and cells[name].notna().any()]
    if not columns:
        return None
    done = distinct_runs(cells)
    rows = [
        (method, ratio_name(ratio), *(mean_text(group, column) for column in columns))
        for method, ratio, group in by_setting(done)
    ]
    names = [name.removeprefix(TEST_SET) for name in columns]
    metric = metric_name(next((value for value in done["metric"] if value), ""))
    notes = [
        f"{metric} × 100: mean and 95% Student-t interval over draws of the training subset, seeds averaged first."
    ]
    said = {
        (part["note"], key): None
        for record in records
        for key, part in (record.test_sets or {}).items()
        if key in names and part["note"]
    }
    for note in dict.fromkeys(note for note, _ in said):
        notes.append(f"{', '.join(key for other, key in said if other == note)}: {note}")
    if swapped := [name for name in names if "@" in name]:
        notes.append(
            f"{', '.join(swapped)}: before @ the test set, behind it the datastore in place of the training subset, "
            f"without training again; {MISSING} for a method without a database."
        )
    return Table(("method", "ratio", *names), tuple(rows), tuple(notes))


def mean_text(group: pd.DataFrame, column: str) -> str:
    """Percent, mean [low, high] over the runs of one method and ratio that have the column (`mean_interval`)."""
    runs = group[group[column].notna()]
    if runs.empty:
        return MISSING
    found = mean_interval([list(part[column]) for _, part in runs.groupby("subset", sort=False)], bounds=(0.0, 1.0))
    text = f"{100 * found.mean:.1f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{100 * found.low:.1f}, {100 * found.high:.1f}]"
