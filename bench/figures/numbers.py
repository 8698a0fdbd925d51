"""The numbers of cells by their paths, and their intervals over draws."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bench.errors import StoreError
from bench.figures.cells import Cell
from bench.figures.contract import Value
from bench.names import MISSING
from bench.scoring.neighbours import RANKS
from bench.statistics.intervals import MeanInterval, mean_interval

Number = tuple[int, float]  # the draw of a run, and a number of it
_SHARES = ("metrics.f1", "shared.", "chance.", "in_text.", "diagnostics.same_relation", "diagnostics.soft_hard")
_NEVER_NEGATIVE = (
    "cost.",
    "selected_share",
    "diagnostics.effective",
    "history.retriever_gradient",
    "history.key_drift",
)


def numbers(cell: Cell) -> dict[str, float]:
    """Every number of a cell by its path: `metrics.f1`, `cost.train_seconds`, `diagnostics.score_spread`, and

    `selected_share`: effective instances per step as a share of the database;
    `shared.R.KIND`, `chance.KIND`: bench.scoring.neighbours, for R of 1, 3, 5, 10 and all;
    `in_text.PART.KIND`: bench.scoring.in_text, for PART of each, chance, any and any_chance.

    Raises StoreError for one that cannot be.
    """
    if cell.record is None or cell.store is None:
        return {}
    record = cell.record
    found = {
        f"{part}.{name}": float(value)
        for part in ("metrics", "cost", "diagnostics")
        for name, value in getattr(record, part).items()
        if isinstance(value, int | float)
    }
    if "diagnostics.effective_instances" in found and record.n_train:
        searched = found.get("diagnostics.searched_instances", record.n_train)  # fewer where the database is limited
        found["selected_share"] = found["diagnostics.effective_instances"] / searched
    if record.neighbours is not None:
        found |= _shared(record.neighbours)
    for path, value in found.items():
        low, high = bounds(path)
        if not (math.isfinite(value) and low <= value <= high):
            place = cell.store.record_path(record.cell_id)
            raise StoreError(f"{place}: {path} cannot be {value}; delete it and run again")
    return found


def _shared(neighbours: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `Record.neighbours`."""
    places = {f"shared.{rank}": f"at_{rank}" for rank in RANKS}
    places |= {"shared.all": f"at_{neighbours['k']}", "chance": "chance"}
    parts = {path: neighbours["all"].get(part, {}) for path, part in places.items()}
    parts |= {f"in_text.{name}": part for name, part in neighbours.get("in_text", {}).items() if name != "n"}
    return {f"{path}.{kind}": float(share) for path, part in parts.items() for kind, share in part.items()}


def values_of(cells: Iterable[Cell], path: str) -> list[Number]:
    """The numbers of the runs that have one there."""
    found = ((cell.wanted.draw, numbers(cell).get(path)) for cell in cells)
    return [(draw, number) for draw, number in found if number is not None]


def summary(values: Iterable[Number], path: str) -> MeanInterval | None:
    """Mean and interval over draws, cut at what the number can be; None for no runs."""
    rows = defaultdict[int, list[float]](list)
    for draw, number in values:
        rows[draw].append(number)
    return mean_interval(list(rows.values()), bounds=bounds(path)) if rows else None


def shown(interval: MeanInterval | None, value: Value, sign: str = "") -> str:
    """A mean with its interval as a page prints it."""
    if interval is None:
        return MISSING

    def text(number: float, sign: str = "") -> str:
        return f"{value.scale * number:{sign}.{value.digits}f}"

    if interval.low is None or interval.high is None:
        return text(interval.mean, sign)
    return f"{text(interval.mean, sign)} [{text(interval.low)}, {text(interval.high)}]"


def bounds(path: str) -> tuple[float, float]:
    """The range of a number, as far as its path tells."""
    if path.startswith(_SHARES):
        return 0.0, 1.0
    return (0.0 if path.startswith(_NEVER_NEGATIVE) else -math.inf), math.inf
