"""Where in a run's folder what lies."""

from __future__ import annotations

import re
from pathlib import Path

CELL_ID = re.compile(r"[0-9a-f]{16}")
_EXAMINATION = re.compile(r"(\.[a-z-]+)?")


class Places:
    """The paths of one run folder."""

    def __init__(self, out: Path) -> None:
        self.out, self.cells = out, out / "cells"

    def record_path(self, cell_id: str) -> Path:
        """Raises ValueError for what is no cell id (it becomes part of a path)."""
        if not CELL_ID.fullmatch(cell_id):
            raise ValueError(f"a cell id is 16 hexadecimal digits, got {cell_id!r}")
        return self.cells / f"{cell_id}.json"

    def predictions_path(self, cell_id: str, examination: str = "") -> Path:
        """Of the test set, or of an ``examination`` (bench.run.examinations) that has a file of its own."""
        part = f".{examination.replace('_', '-')}" if examination else ""
        if not _EXAMINATION.fullmatch(part):
            raise ValueError(f"an examination has a name of letters and _, got {examination!r}")
        return self.record_path(cell_id).with_suffix(f"{part}.jsonl.gz")

    def derived_path(self, cell_id: str) -> Path:
        """What neighbours share, for a record that does not say all of it itself (bench.figures.derive)."""
        return self.out / "derived" / self.record_path(cell_id).name
