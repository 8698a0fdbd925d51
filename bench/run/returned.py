"""What a method says and hands back, before anything else trusts it: a plugin may break every promise."""

from __future__ import annotations

import math
import traceback
from typing import Any

from bench.names import visible, visible_lines
from bench.records.record import Failure
from methods.base import FitReport, MethodError, Progress

MESSAGE, TRACEBACK = 5_000, 50_000  # characters kept of them


def failure(error: BaseException) -> Failure:
    """Why a cell failed, in texts that any file takes. A MethodError speaks for itself; anything else is a bug, known
    by its traceback."""
    kind = visible(type(error).__name__, 100)
    try:
        message = visible_lines(str(error))[:MESSAGE]
    except Exception:  # its __str__ is of a plugin too
        message = "(its message cannot be printed)"
    trace = "" if isinstance(error, MethodError) else _traced(error)
    return Failure(type=kind, message=message, traceback=trace)


def heard(progress: Any) -> Progress:
    """A message of a method as a display can show it: what is no number counts as nothing. It never fails a cell."""
    step, steps = _count(getattr(progress, "step", 0)), max(1, _count(getattr(progress, "steps", 0)))
    loss = getattr(progress, "loss", None)
    if not isinstance(loss, int | float) or not math.isfinite(loss):
        loss = None
    return Progress(visible(getattr(progress, "phase", ""), 20), min(step, steps), steps, loss)


def checked_fit(fit: object) -> FitReport:
    """Raises ValueError for a report of training that is none, or whose counts cannot be."""
    if not isinstance(fit, FitReport):
        raise ValueError(f"fit returned {type(fit).__name__}, not a FitReport")
    counts = {"steps": fit.steps, "instances_seen": fit.instances_seen}
    counts |= {f"parameters {name}": fit.parameters.get(name, 0) for name in ("total", "trained")}
    for name, count in counts.items():
        if not math.isfinite(count) or not 0 <= count < 2**63:
            raise ValueError(f"fit reports {visible(count, 60)} for {name}")
    return fit


def _traced(error: BaseException) -> str:
    try:
        return visible_lines("".join(traceback.format_exception(error)))[-TRACEBACK:]
    except Exception:
        return "(its traceback cannot be printed)"


def _count(value: object) -> int:
    """A whole number from 0."""
    return min(max(0, int(value)), 10**12) if isinstance(value, int | float) and math.isfinite(value) else 0
