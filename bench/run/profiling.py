"""Seconds per phase and peak memory of a stretch of code."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


class Timer:
    """Adds up seconds by phase: ``with timer.phase("fit"): ...``, then ``timer.seconds``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class PeakMemory:
    """``with PeakMemory(device) as memory: ...``, then ``memory.bytes``: the highest use within the block.

    On a GPU what torch allocated there; on a CPU the resident memory of the whole process (interpreter and
    libraries included). ``note`` says where the system only knows the highest use since the process began.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device, self.bytes, self.note = device, 0, ""

    def __enter__(self) -> PeakMemory:
        _release()
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            return self
        try:
            CLEAR.write_text("5")  # Linux: sets VmHWM back to what is resident now
        except OSError:
            self.note = "peak since the process began"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.startswith("cuda"):
            import torch

            self.bytes = int(torch.cuda.max_memory_allocated(self.device))
        else:
            peak = None if self.note else _high_water_mark()
            self.bytes = _peak_since_start() if peak is None else peak


def _release() -> None:
    """Give back what an earlier cell left behind, which would count as this one's memory."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another libc than glibc keeps its freed pages
            ctypes.CDLL(None).malloc_trim(0)


def _high_water_mark() -> int | None:
    try:
        lines = STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def _peak_since_start() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kilobytes
