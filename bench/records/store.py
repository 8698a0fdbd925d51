"""One folder per run: one record per cell, written once and whole, with its predictions beside it.

A record implies its predictions: both are written to temporary files first, then the predictions are put in
place, then the record. Nothing is pickled.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.records.record import Record, read_record

_decode = json.JSONDecoder().raw_decode  # without the searches for blanks of json.loads, which cost a third of a line
_CELL_ID = re.compile(r"[0-9a-f]{16}")


class Store:
    """The records of one run folder. Made without touching the disk; folders appear with the first write."""

    def __init__(self, out: Path) -> None:
        self.out, self.cells = out, out / "cells"

    def record_path(self, cell_id: str) -> Path:
        """Raises ValueError for what is no cell id (it becomes part of a path)."""
        if not _CELL_ID.fullmatch(cell_id):
            raise ValueError(f"a cell id is 16 hexadecimal digits, got {cell_id!r}")
        return self.cells / f"{cell_id}.json"

    def predictions_path(self, cell_id: str) -> Path:
        return self.record_path(cell_id).with_suffix(".jsonl.gz")

    def elsewhere_path(self, cell_id: str) -> Path:
        """Predictions of other test sets and datastores (bench.run.test_sets); no file where none were asked for."""
        return self.record_path(cell_id).with_suffix(".test-sets.jsonl.gz")

    def read(self, cell_id: str) -> Record | None:
        """The record of a cell, None if there is none. Raises StoreError for a broken one."""
        path = self.record_path(cell_id)
        raw = _read_json(path)
        if raw is None:
            return None
        try:
            record = read_record(raw)
        except ValueError as error:
            raise StoreError(f"{path} is no record of a cell ({error}); delete it and run again") from error
        if record.cell_id != cell_id:
            raise StoreError(f"{path} is the record of another cell; delete it and run again")
        return record

    def predictions(self, cell_id: str) -> list[dict[str, Any]]:
        """One line per test instance. Raises StoreError where they are missing or broken."""
        return list(self.each_prediction(cell_id))

    def each_prediction(self, cell_id: str) -> Iterator[dict[str, Any]]:
        """The same, read as they are asked for: a file may be larger than memory. Raises as `predictions`."""
        return _read_lines(self.predictions_path(cell_id))

    def predictions_elsewhere(self, cell_id: str) -> list[dict[str, Any]]:
        """One line per instance of each other test set, with `test_set` and `datastore`. Raises as `predictions`."""
        return list(_read_lines(self.elsewhere_path(cell_id)))

    def finished(self, cell_id: str) -> bool:
        """Whether the cell needs no run: its record says ok and its predictions are there."""
        record = self.read(cell_id)
        if record is None or not record.ok or not self.predictions_path(cell_id).exists():
            return False
        # The first of its test sets is the corpus's own.
        return len(record.test_sets or ()) < 2 or self.elsewhere_path(cell_id).exists()

    def records(self, ids: Iterable[str] | None = None) -> list[Record]:
        """The records that exist, in the order of ``ids``; all of the folder, by id, without them."""
        if ids is None:
            found = sorted(path.stem for path in self.cells.glob("*.json"))
            ids = (name for name in found if _CELL_ID.fullmatch(name))
        return [record for record in map(self.read, ids) if record is not None]

    def write(self, record: Record, predictions: Iterable[Mapping[str, Any]] | None) -> None:
        """Put a cell in place, over an earlier one. A failed cell has no predictions (None); those that name a
        `test_set` get a file of their own.

        Raises StoreError where the disk does not take it; then no part of the new cell is left.
        """
        cell_id = record.cell_id
        target = self.record_path(cell_id)
        rows = None if predictions is None else list(predictions)
        main = None if rows is None else [row for row in rows if "test_set" not in row]
        elsewhere = [row for row in rows or () if "test_set" in row] or None
        lines, more = self.predictions_path(cell_id), self.elsewhere_path(cell_id)
        with (
            _writing(target),
            _staged(lines, main) as main_file,
            _staged(more, elsewhere) as more_file,
            _staged(target, record.model_dump(mode="json")) as record_file,
        ):
            target.unlink(missing_ok=True)  # never an old record beside new predictions
            for file, path in ((main_file, lines), (more_file, more)):
                if file is None:
                    path.unlink(missing_ok=True)
                else:
                    os.replace(file, path)
            assert record_file is not None
            os.replace(record_file, target)
            _sync_folder(self.cells)

    def read_manifest(self) -> dict[str, Any] | None:
        """The manifest of the last plan, None if this folder holds no run. Raises StoreError for a broken one."""
        manifest = _read_json(self.out / "run.json")
        if manifest is not None and not isinstance(manifest.get("cells"), list):
            raise StoreError(f"{self.out / 'run.json'} is no manifest of a run; delete it and run again")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest. Raises StoreError where the disk does not take it."""
        target = self.out / "run.json"
        with _writing(target), _staged(target, manifest) as file:
            assert file is not None
            os.replace(file, target)
            _sync_folder(self.out)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                content, end = _decode(line)
                if line[end:] not in ("\n", ""):
                    raise ValueError(f"more than an object in a line: {line[end:][:40]!r}")
                yield content
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; run again to make it") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StoreError(f"{path} is broken ({error}); delete it and run again") from error


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # truncated, or not even text
        raise StoreError(f"{path} is broken ({error}); delete it and run again") from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} is broken (expected an object); delete it and run again")
    return content


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Make the folder of ``target``; what the disk refuses becomes one line."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"no space left for {target}; make room and run again to continue") from error
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error


@contextmanager
def _staged(target: Path, content: object) -> Iterator[str | None]:
    """A synced temporary file beside ``target``, gone afterwards unless it was moved; None for no content."""
    if content is None:
        yield None
        return
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), 0o644)  # mkstemp's 0600 would hide a shared run from colleagues
            _write_content(stream, target, content)
            stream.flush()
            os.fsync(stream.fileno())
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _write_content(stream: Any, target: Path, content: Any) -> None:
    if target.suffix != ".gz":
        stream.write(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n")
        return
    # Neither time nor name in the header: equal predictions give equal bytes.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed,
        io.TextIOWrapper(packed, "utf-8") as text,
    ):
        for line in content:
            text.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
