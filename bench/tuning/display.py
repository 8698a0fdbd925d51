"""What a user sees while trials run: plain lines, and on a terminal one that moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status

from bench.names import visible_lines
from bench.run.progress import LINE_EVERY, describe, duration
from methods.base import Progress


class TrialDisplay:
    """Follows the trials of one method; ``with`` it while they run. ``seconds``: of trials that finished earlier."""

    def __init__(
        self,
        method: str,
        draws: int,
        seconds: list[float],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.method, self.draws, self.console, self.clock = method, draws, console, clock
        self._seconds = list(seconds)
        self._counted, self._left, self._label = "", 0, ""
        self._began: float | None = None  # the trial in progress
        self._shown = clock()
        self._status = Status("", console=console) if console.is_terminal else None

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    @property
    def _live(self) -> AbstractContextManager[Any]:
        return self._status or nullcontext()

    def started(self, position: int, trials: int, values: Mapping[str, Any], *, default: bool) -> None:
        """Trial ``position`` (from 1) of ``trials`` begins."""
        self._counted, self._left = f"[{position}/{trials}]", trials - position
        self._label = settings(values) + (" (default)" if default else "")
        self._began = self._shown = self.clock()
        self._say(f"{self._counted} {self.method}: {self._label} ...")

    def step(self, draw: int, progress: Progress) -> None:
        """A message of the method on a draw, counted from 0."""
        line = ", ".join(
            part for part in (f"draw {draw + 1}/{self.draws}", describe(progress), self._remaining()) if part
        )
        if self._status is not None:
            self._status.update(f"{self._counted} {line}")
        elif self.clock() - self._shown >= LINE_EVERY:
            self._shown = self.clock()
            self._say(f"    {line}")

    def finished(self, outcome: str, best: float | None) -> None:
        """The trial ends with ``outcome``; ``best`` is the best dev score so far."""
        assert self._began is not None
        seconds = self.clock() - self._began
        self._seconds.append(seconds)
        parts = [f"{self._counted} {self.method}: {outcome} in {duration(seconds)}"]
        parts += [] if best is None else [f"best {100 * best:.1f}"]
        self._began = None
        self._say(", ".join([*parts, *filter(None, [self._remaining()])]))

    def _remaining(self) -> str:
        """Of all trials that are left, as if they were this process's alone; finished ones say how long one takes."""
        if not self._seconds:
            return ""
        each = fmean(self._seconds)
        running = 0.0 if self._began is None else max(0.0, each - self.clock() + self._began)
        return f"about {duration(each * self._left + running)} left" if self._left or running else ""

    def _say(self, line: str) -> None:
        self.console.print(visible_lines(line), markup=False, highlight=False, soft_wrap=True)


def settings(values: Mapping[str, Any]) -> str:
    """'k=5, temperature=0.013'."""
    return ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
                     for name, value in values.items())  # fmt: skip
