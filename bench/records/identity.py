"""What a result depends on, as plain JSON values, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records.record import Record

# What names a cell to a reader; the rest of its identity says how its result comes about.
NAMES = ("dataset", "method", "ratio", "draw", "seed")


def key_of(record: Record) -> tuple[Any, ...]:
    """What names its cell: dataset, method, ratio, draw, seed."""
    return tuple(getattr(record, name) for name in NAMES)


def explain(cell_id: str, wanted: Mapping[str, Any], records: Sequence[Record]) -> list[str]:
    """Why a cell is not cached: the identity fields in which it differs from the nearest record of the same
    dataset, method, ratio, draw and seed, as 'field: recorded -> now'."""
    best: list[str] | None = None
    for record in records:
        identity = record.identity
        if any(identity.get(name) != wanted[name] for name in NAMES):
            continue
        if record.cell_id == cell_id:
            return [f"failed: {record.error.message}"] if record.error else ["predictions are missing"]
        changes = differences(identity, wanted)
        if best is None or len(changes) < len(best):
            best = changes
    return ["never run"] if best is None else best


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """'field: then -> now' for every field, nested ones by their path, in which two identities differ."""
    before, after = leaves(then), leaves(now)
    keys = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [f"{key}: {short(before.get(key))} -> {short(after.get(key))}" for key in keys]


def leaves(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as a flat one: {'budget.max_steps': 300}."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= leaves(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {f"{prefix}{key}": inner}
    return flat


def short(value: object) -> str:
    """A value in a line of text; the middle of a long one is left out."""
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:19]}…{text[-19:]}"
