"""What the open parts of a record may hold: shares, counts, names. Each check returns the value as it is, or raises
ValueError that names the place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bench.names import visible

LARGEST = 1e300  # squares of what a table averages must be numbers too
Number = int | float | None
Count = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=500)]

_SCORE = ("precision", "recall", "f1", "support", "predicted")  # of a relation
_COUNTS = ("support", "predicted", "n", "fixed", "broke", "irrelevant", "unchanged", "unavailable")
_SECTIONS = ("models", "scoring", "budget", "optimisation", "options", "test_sets")
_TEXTS = ("dataset", "method", "registered", "metric", "dataset_hash", "subset_hash", "method_version", "device_type",
          "type_constraints", "verbalisation")  # fmt: skip


def _number(value: object, where: str) -> None:
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    if not (value is None or (whole and math.isfinite(value) and abs(value) < LARGEST)):  # type: ignore[arg-type]
        raise _wrong(where, "is no number", value)


def _share(value: object, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong(where, "is no share from 0 to 1", value)


def _count(value: object, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _wrong(where, "is no count", value)


def _amount(value: object, where: str) -> None:
    """Seconds, bytes, counts: nothing below 0."""
    _number(value, where)
    if isinstance(value, int | float) and value < 0:
        raise _wrong(where, "is negative", value)


def _each(check: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    def checked(value: object, where: str) -> None:
        for name, inner in _mapping(value, where).items():
            check(inner, f"{where}.{visible(name, 40)}" if where else visible(name, 40))

    return checked


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong(where or "it", "is no object", value)
    return value


def _diagnostic(value: object, where: str) -> None:
    """A number; a share or an amount where its name says so."""
    name = where.rpartition(".")[2]
    if value is not None and name.startswith(("same_relation", "soft_hard")):
        _share(value, where)
    else:
        (_amount if name.startswith("effective") else _number)(value, where)


def _scored(value: object, where: str) -> None:
    """A relation's scores."""
    score = _mapping(value, where)
    for name in _SCORE:
        (_count if name in _COUNTS else _share)(score.get(name), f"{where}.{name}")


def _metrics(value: object, where: str) -> None:
    for name, inner in _mapping(value, where).items():
        at = f"{where}.{name}" if where else name
        if name == "primary":
            if inner not in ("micro_f1", "macro_f1", ""):
                raise _wrong(at, "is neither micro_f1 nor macro_f1", inner)
        elif name in ("per_relation", "per_group"):
            _each(_scored)(inner, at)
        else:
            _share(inner, at)


def _probe(value: object, where: str) -> None:
    for name, inner in _mapping(value, where).items():
        if name == "looks_at_gold":
            if not isinstance(inner, bool):
                raise _wrong(f"{where}.{name}", "is neither true nor false", inner)
        else:
            (_count if name in _COUNTS else _share)(inner, f"{where}.{name}")
    _share(_mapping(value, where).get("f1"), f"{where}.f1")


def _near(value: object, where: str) -> None:
    """What the neighbours of some queries share, the relation always among it."""
    _in_text(value, where)
    for name, inner in _mapping(value, where).items():
        if name != "n" and "relation" not in inner:
            raise ValueError(f"{where}.{name} lacks relation")


def _in_text(value: object, where: str) -> None:
    for name, inner in _mapping(value, where).items():
        (_count if name == "n" else _each(_share))(inner, f"{where}.{name}")


def _neighbours(value: object, where: str) -> None:
    found = _mapping(value, where)
    parts = {"k": _count, "per_relation": _each(_near), "confusion": _each(_each(_count)), "in_text": _in_text}
    for name, inner in found.items():
        parts.get(name, _near)(inner, name)
    last = f"at_{found.get('k')}"
    if not {last, "chance"} <= dict(found.get("all", {})).keys():
        raise ValueError(f"neighbours.all lacks {last} or chance")


def _test_set(value: object, where: str) -> None:
    part = _mapping(value, where)
    _metrics(part.get("metrics"), f"{where}.metrics")
    _share(_mapping(part["metrics"], where).get("f1"), f"{where}.metrics.f1")
    _count(part.get("n", 0), f"{where}.n")
    _each(_number)(part.get("diagnostics", {}), f"{where}.diagnostics")
    texts = [part.get("test_set"), part.get("note", ""), part.get("datastore") or ""]
    relations = part.get("relations", [])
    if not all(isinstance(text, str) for text in texts) or not isinstance(relations, list | tuple):
        raise _wrong(where, "is no result on a test set", value)
    if not all(isinstance(name, str) for name in relations):
        raise _wrong(f"{where}.relations", "are no names", relations)


def _identity(value: object, where: str) -> None:
    """Its sections are objects, its names texts; what it says besides is of the version that wrote it."""
    identity = _mapping(value, where)
    if not identity:
        raise ValueError("is empty")
    for name in _SECTIONS:
        _mapping(identity.get(name) or {}, name)
    for name in _TEXTS:
        if not isinstance(identity.get(name, ""), str):
            raise _wrong(name, "is no text", identity[name])


def _wrong(where: str, why: str, value: object) -> ValueError:
    return ValueError(f"{where} {why}: {visible(repr(value), 60)}".lstrip())


def _checked(check: Callable[[Any, str], None]) -> AfterValidator:
    def validate(value: Any) -> Any:
        if value is not None:  # where the field admits it
            check(value, "")
        return value

    return AfterValidator(validate)


Identity = Annotated[dict[str, Any], _checked(_identity)]
Metrics = Annotated[dict[str, Any], _checked(_metrics)]
Amounts = Annotated[dict[str, Any], _checked(_each(_amount))]
Numbers = Annotated[dict[str, Any], _checked(_each(_number))]
Diagnostics = Annotated[dict[str, Any], _checked(_each(_diagnostic))]
Near = Annotated[dict[str, Any] | None, _checked(_neighbours)]
Probes = Annotated[dict[str, dict[str, Any]] | None, _checked(_each(_probe))]
TestSets = Annotated[dict[str, dict[str, Any]] | None, _checked(_each(_test_set))]
