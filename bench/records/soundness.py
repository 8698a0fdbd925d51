"""Whether a finished cell follows from its predictions, remembered for files that do until they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.data import entries
from bench.errors import StoreError
from bench.records.follows import Answers, unfounded
from bench.records.prediction_lines import read_lines
from bench.records.record import Record

_CODE = "sound 1"  # another one where `check` asks for more


def check(record: Record, path: Path, predictions: Sequence[Path], answers: Callable[[], Answers]) -> None:
    """Raises StoreError for the record in ``path`` where one of its files of ``predictions`` is missing or broken, or
    where it does not follow from the ``answers`` of the first. What was found sound is not read again until it changes
    (bench.data.entries)."""
    seen = _seen(record, path, predictions)
    if seen is not None and entries.read(seen) is not None:
        return
    if why := unfounded(record, answers()):
        raise StoreError(f"{path} does not follow from its predictions ({why}); delete it and run again")
    for other in predictions[1:]:
        for _ in read_lines(other, predictions=False):
            pass
    if seen is not None:
        entries.write(seen, b"sound")


def _seen(record: Record, path: Path, predictions: Sequence[Path]) -> str | None:
    """The name under which it is kept that the files of a cell are sound, as they are now; None without a file."""
    try:
        found = [(file.resolve(), file.stat()) for file in (path, *predictions)]
    except OSError:
        return None
    # ctime too: a copy may keep the time of modification, nothing sets that of a change.
    said = [[str(file), s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns] for file, s in found]
    content = json.dumps([_CODE, said, record.model_dump(mode="json", include={"metrics", "n_test", "negative"})])
    return hashlib.sha256(content.encode()).hexdigest()
