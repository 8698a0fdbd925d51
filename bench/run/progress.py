"""What a user sees while cells run: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import fmean
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.names import visible, visible_lines
from bench.records.record import Record
from bench.run.plan import CellSpec
from methods.base import Progress

LINE_EVERY = 10.0  # seconds between two plain lines within a cell
PACE_FROM = 0.2  # share of a cell's training from which its pace is believed: the seconds before include loading


class TimeLeft:
    """Seconds left, from the seconds that finished cells took: of the same method and ratio if there are any,
    else of the same ratio, else of all."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, float, float]] = []

    def add(self, method: str, ratio: float, seconds: float) -> None:
        self._seen.append((method, ratio, seconds))

    def cell(self, spec: CellSpec) -> float | None:
        """Seconds that a cell will take; None before any has finished."""
        same_ratio = [seen for seen in self._seen if seen[1] == spec.ratio]
        same = [seen for seen in same_ratio if seen[0] == spec.method]
        known = same or same_ratio or self._seen
        return fmean(seconds for _, _, seconds in known) if known else None

    def total(
        self, waiting: Sequence[CellSpec], current: CellSpec | None, elapsed: float, trained: float = 0.0
    ) -> float | None:
        """Seconds for the cell in progress, begun ``elapsed`` seconds ago with this share of its training done, and
        those that wait. A cell that trains more slowly than finished ones did corrects the estimate for its like."""
        if not self._seen:
            return None
        pace = elapsed / trained if trained >= PACE_FROM else 0.0
        cells = {(spec.method, spec.ratio): self.cell(spec) or 0.0 for spec in (*waiting, current) if spec is not None}
        left = 0.0
        if current is not None:
            like = current.method, current.ratio
            cells[like] = max(cells[like], pace)
            left = max(0.0, cells[like] - elapsed)
        return left + sum(cells[spec.method, spec.ratio] for spec in waiting)


class Display:
    """Keeps count of the cells of one run; ``with`` it while they run. A subclass shows the count.

    ``cached`` cells are done already; ``specs`` are those to run, in their order.
    """

    def __init__(
        self, specs: Sequence[CellSpec], cached: int, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.specs, self.cached, self.console, self.clock = specs, cached, console, clock
        self.done, self.failed = 0, 0
        self.current: CellSpec | None = None
        self.last: Progress | None = None
        self.began = clock()
        self.left = TimeLeft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def learn(self, records: Sequence[Record]) -> None:
        """Take the seconds of earlier cells, so that the first estimate does not have to wait."""
        for record in records:
            if record.cost.get("total_seconds"):
                self.left.add(record.method, record.ratio, record.cost["total_seconds"])

    @property
    def elapsed(self) -> float:
        return self.clock() - self.began

    @property
    def counted(self) -> str:
        return f"{self.cached + self.done}/{self.cached + len(self.specs)}"

    def remaining(self) -> str:
        waiting = self.specs[self.done + (self.current is not None) :]
        if not waiting and self.current is None:
            return ""
        last = self.last
        trained = last.step / last.steps if last and last.steps and last.phase == "train" else 0.0
        seconds = self.left.total(waiting, self.current, self.elapsed, trained)
        return "" if seconds is None else f"about {duration(seconds)} left"

    def started(self, spec: CellSpec) -> None:
        self.current, self.last, self.began = spec, None, self.clock()

    def step(self, spec: CellSpec, progress: Progress) -> None:
        self.last = progress

    def finished(self, spec: CellSpec, record: Record) -> None:
        # A cell without a result says nothing about how long its likes take.
        if record.ok:
            self.left.add(spec.method, spec.ratio, self.elapsed)
        self.failed += record.status == "failed"
        self.done, self.current = self.done + 1, None


class Lines(Display):
    """One line as a cell starts and ends, and one every ten seconds between."""

    def started(self, spec: CellSpec) -> None:
        super().started(spec)
        self._shown = self.clock()
        self._say(f"[{self.counted}] {spec.label} ...")

    def step(self, spec: CellSpec, progress: Progress) -> None:
        super().step(spec, progress)
        if self.clock() - self._shown >= LINE_EVERY:
            self._shown = self.clock()
            self._say(", ".join(part for part in (f"    {describe(progress)}", self.remaining()) if part))

    def finished(self, spec: CellSpec, record: Record) -> None:
        seconds = self.elapsed
        super().finished(spec, record)
        parts = (f"[{self.counted}] {spec.label}: {outcome(record)} in {duration(seconds)}", self.remaining())
        self._say(", ".join(part for part in parts if part))

    def _say(self, line: str) -> None:
        self.console.print(visible_lines(line), markup=False, highlight=False, soft_wrap=True)


class Terminal(Display):
    """A line per finished cell that scrolls away, and a live block: cells done, current cell, step, loss, time left."""

    def __enter__(self) -> Self:
        self._live = Live(get_renderable=self.render, console=self.console, refresh_per_second=4, transient=True)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def finished(self, spec: CellSpec, record: Record) -> None:
        seconds = self.elapsed
        super().finished(spec, record)
        style = {"ok": "green", "skipped": "yellow"}.get(record.status, "red")
        self.console.print(Text.assemble((outcome(record), style), f"  {visible(spec.label)}  {duration(seconds)}"))

    def render(self) -> RenderableType:
        """The live block, for the state as it is now."""
        grid = Table.grid(padding=(0, 2))
        cells = ProgressBar(total=self.cached + len(self.specs), completed=self.cached + self.done, width=30)
        failed = f"{self.failed} failed" if self.failed else ""
        grid.add_row("cells", cells, self.counted, Text(failed, "red"), self.remaining())
        if self.current is None:
            return grid
        last = self.last
        steps = ProgressBar(
            total=last.steps if last else None, completed=last.step if last else 0, width=30, pulse=not last
        )
        grid.add_row("cell", steps, describe(last) if last else "preparing", "", duration(self.elapsed))
        return Group(Text(visible(self.current.label), "bold"), grid)


def display(specs: Sequence[CellSpec], cached: int, console: Console) -> Display:
    """The display that fits the console."""
    return (Terminal if console.is_terminal else Lines)(specs, cached, console)


def describe(progress: Progress) -> str:
    loss = "" if progress.loss is None else f" loss {progress.loss:.3f}"
    return f"{progress.phase} {progress.step}/{progress.steps}{loss}"


def outcome(record: Record) -> str:
    """'F1 73.1', or why the cell failed or was skipped."""
    error = record.error
    if error is None:
        return f"F1 {100 * record.metrics['f1']:.1f}"
    if record.status == "skipped":
        return f"skipped ({visible(error.message, 200)})"
    return f"FAILED ({visible(error.type, 60)}: {visible(error.message, 200)})"


def duration(seconds: float) -> str:
    """'4.2 s', '3 min 20 s' or '2 h 05 min'."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
