"""When a database that training moves is encoded again, and how far its keys have moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

DRIFT_SAMPLE = 32  # instances on which the drift of the keys is measured, every DRIFT_EVERY steps
DRIFT_EVERY = 10


class Staleness:
    """``interval``: steps between two encodings while training; ``limit``: drift that brings one forward, 0 for none.
    ``keys_now``: encodes the keys [M, S, E] of a few instances (`sample`)."""

    def __init__(self, interval: int, limit: float, keys_now: Callable[[], Tensor]) -> None:
        self.interval, self.limit, self.keys_now = interval, limit, keys_now
        self._fresh_at = -1
        self._last: Tensor | None = None
        self._moved: list[float] = []  # in ``interval`` steps
        self._drifts: list[float] = []  # at each encoding

    def due(self, step: int, stored: Tensor | None, training: bool) -> bool:
        """Whether to encode now, after ``step`` steps: always before evaluation, unless nothing was trained since;
        while training every ``interval`` steps and where the keys have drifted. ``stored``: the sample's keys as they
        are in the database, None before the first time."""
        age = step - self._fresh_at
        if stored is not None and age < (self.interval if training else 1):
            watched = training and self.limit > 0 and age % DRIFT_EVERY == 0
            if not watched or distance(stored, self.keys_now()) <= self.limit:
                return False
        if stored is not None and training:
            self._drifts.append(distance(stored, self.keys_now()))
        self._fresh_at = step
        return True

    def forget(self) -> None:
        """Weights may have changed by other means than a step, such as a return to earlier ones: encode anew."""
        self._fresh_at = -1

    def observe(self, step: int) -> dict[str, float]:
        """Every ``interval`` steps how far keys have moved in them: the staleness of a database encoded so often."""
        if step % self.interval:
            return {}
        before, self._last = self._last, self.keys_now()
        if before is None:
            return {}
        self._moved.append(distance(before, self._last))
        return {"key_drift": self._moved[-1]}

    def summary(self) -> dict[str, float]:
        """Means over training: how far keys move in ``interval`` steps, how often the database was encoded, and how
        far its keys had moved by then."""
        numbers = {"key_drift": float(np.mean(self._moved))} if self._moved else {}
        if self._drifts:
            numbers |= {"refreshes": float(len(self._drifts)), "drift_at_refresh": float(np.mean(self._drifts))}
        return numbers


def sample(count: int) -> slice:
    """Rows of a few of ``count`` instances, evenly spread."""
    step = max(1, count // DRIFT_SAMPLE)
    return slice(0, step * DRIFT_SAMPLE, step)


def distance(before: Tensor, now: Tensor) -> float:
    """Mean cosine distance between two encodings of the same spans."""
    return float(1 - nn.functional.cosine_similarity(before, now, dim=2).mean())
