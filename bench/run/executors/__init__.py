"""Ways to run cells: specs in, an iterator of stored records out. Each file has one `run` of the same signature."""

from __future__ import annotations

from typing import Protocol

from bench.records.record import Record
from bench.run.plan import CellSpec
from methods.base import Progress


class Observer(Protocol):
    """Who watches cells being run (bench.run.progress)."""

    def started(self, spec: CellSpec) -> None: ...

    def step(self, spec: CellSpec, progress: Progress) -> None: ...

    def finished(self, spec: CellSpec, record: Record) -> None: ...
