"""Whether a finished cell follows from its predictions, remembered for files that do until they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.data import entries
from bench.errors import StoreError
from bench.names import visible
from bench.records.follows import Answers, unfounded, unfounded_targets
from bench.records.prediction_lines import read_lines
from bench.records.record import Record

_CODE = "sound 2"  # another one where `check` asks for more


def check(record: Record, path: Path, predictions: Mapping[str, Path], answers: Callable[[], Answers]) -> None:
    """Raises StoreError for the record in ``path`` where one of its files of ``predictions`` (by examination, "" for
    the test set, whose ``answers`` these are) is missing or broken, or where it does not follow from them. What was
    found sound is not read again until it changes (bench.data.entries)."""
    seen = _seen(record, path, list(predictions.values()))
    if seen is not None and entries.read(seen) is not None:
        return
    why = unfounded(record, answers())
    for name, file in predictions.items():
        if name == "test_sets":
            why = why or unfounded_targets(record, read_lines(file))
        elif name:
            for _ in read_lines(file, predictions=False):
                pass
    if why:
        raise StoreError(f"{path} does not follow from its predictions ({visible(why, 200)}); delete it and run again")
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
    content = json.dumps(
        [_CODE, said, record.model_dump(mode="json", include={"metrics", "n_test", "negative", "probes", "test_sets"})]
    )
    return hashlib.sha256(content.encode()).hexdigest()
