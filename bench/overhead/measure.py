"""Clock and memory for comparing two ways of doing the same in one run: machines are shared, so ratios count."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.run.profiling import PeakMemory

ROUNDS = 3
PAGES = Path("/proc/self/statm")
PAGE_BYTES = 4096


@dataclass(frozen=True)
class Row:
    """One comparison: median seconds of ``ours`` and of the ``baseline``, their ratio, and the floor it must reach.

    ``higher_is_better``: ratio is baseline / ours (a speed-up); else ours / baseline (a cost). ``memory_ratio``: peak
    memory of the baseline by ours, beyond what was resident before. ``failures``: what else did not hold.
    """

    path: str
    against: str
    baseline_seconds: float
    our_seconds: float
    floor: float | None
    higher_is_better: bool = True
    memory_ratio: float | None = None
    memory_floor: float | None = None
    failures: tuple[str, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float:
        """The number that the floor is about."""
        fast = self.baseline_seconds / self.our_seconds
        return fast if self.higher_is_better else 1 / fast

    @property
    def problems(self) -> tuple[str, ...]:
        """Floors that do not hold, in words; empty where all is well."""
        found = list(self.failures)
        if self.floor is not None and (self.ratio < self.floor if self.higher_is_better else self.ratio > self.floor):
            word = "at least" if self.higher_is_better else "at most"
            found.append(f"{self.ratio:.2f}x, {word} {self.floor:g}x is wanted")
        if self.memory_floor is not None and (self.memory_ratio or 0) < self.memory_floor:
            found.append(f"memory ratio {self.memory_ratio or 0:.1f}, at least {self.memory_floor:g} is wanted")
        return tuple(found)

    def plain(self) -> dict[str, Any]:
        """JSON-ready, with the ratio and the problems."""
        return {**asdict(self), "failures": list(self.failures), "ratio": self.ratio, "problems": list(self.problems)}


def medians(*ways: Callable[[], object], repeats: int, rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each way, timed in turns: in every round each runs once untimed and then ``repeats`` times."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, found in zip(ways, seconds, strict=True):
            way()
            for _ in range(repeats):
                start = time.perf_counter()
                way()
                found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in seconds]


def peak_bytes(way: Callable[[], object], repeats: int = 5) -> int:
    """Peak memory of one call beyond what was resident before (CPU): the median of ``repeats``, after a
    call that loads libraries."""
    found = []
    way()
    for _ in range(repeats):
        with PeakMemory() as memory:
            before = resident()
            way()
        found.append(max(1, memory.bytes - before))
    return int(statistics.median(found))


def resident() -> int:
    """Bytes of memory that this process holds now; 0 where the system does not say."""
    try:
        return int(PAGES.read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    except OSError:  # not Linux: the peak then includes the interpreter, for both ways alike
        return 0
