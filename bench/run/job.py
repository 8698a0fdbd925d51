"""Planned cells and the folder of their results: what waits, and its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import Console

from bench.data.base import Dataset
from bench.records.files import remove_left
from bench.records.record import Record
from bench.records.store import Store
from bench.run.plan import CellSpec


@dataclass(frozen=True)
class Job:
    """``fresh``: run cells again that are stored."""

    store: Store
    dataset: Dataset
    specs: Sequence[CellSpec]
    fresh: bool = False

    @cached_property
    def waiting(self) -> tuple[CellSpec, ...]:
        """What is to run, as the folder was when this was first asked; broken cells wait too."""
        return tuple(spec for spec in self.specs if self.fresh or not self.store.finished(spec.cell_id))

    def work(self, console: Console) -> list[Record]:
        """Run what waits and show it; the records of failed cells. What killed processes left is removed first. Raises
        StoreError."""
        remove_left(self.store.out)
        if not self.waiting:
            return []
        from bench.run.executors import serial  # loads torch
        from bench.run.progress import display

        with display(self.waiting, len(self.specs) - len(self.waiting), console) as shown:
            shown.learn(self.store.records(spec.cell_id for spec in self.specs))
            done = serial.run(self.waiting, self.dataset, self.store, shown)
            return [record for record in done if record.status == "failed"]
