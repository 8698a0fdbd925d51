"""Predictions are large: the page goes through them line by line, and the paired tests want three columns of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.records.follows import Answers
from bench.records.store import Store


class ReadOnce(Store):
    """A store that keeps ids, gold and predicted labels of the files that someone has gone through."""

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        self._kept: dict[str, Answers] = {}

    def each_prediction(self, cell_id: str, examination: str = "") -> Iterator[dict[str, Any]]:
        if examination:
            yield from super().each_prediction(cell_id, examination)
            return
        kept = Answers()
        for line in super().each_prediction(cell_id):
            kept.add(line)
            yield line
        self._kept[cell_id] = kept

    def answers(self, cell_id: str) -> Answers:
        """Without reading the file again. Raises as `predictions`."""
        if cell_id not in self._kept:
            for _ in self.each_prediction(cell_id):
                pass
        return self._kept[cell_id]

    def labelled(self, cell_id: str) -> list[dict[str, Any]] | None:
        """Id, gold and predicted labels of every test instance; None without predictions. Raises as `predictions`."""
        if not self.predictions_path(cell_id).exists():
            return None
        found = self.answers(cell_id)
        rows = zip(found.ids, found.gold, found.predicted, strict=True)
        return [{"id": name, "gold": gold, "predicted": predicted} for name, gold, predicted in rows]
