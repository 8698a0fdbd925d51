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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.errors import StoreError
from bench.records.record import Record, read_record
from bench.settings.flags import one_line

_decode = json.JSONDecoder().raw_decode  # without the searches for blanks of json.loads, which cost a third of a line
_CELL_ID = re.compile(r"[0-9a-f]{16}")
_EXAMINATION = re.compile(r"(\.[a-z-]+)?")


class Store:
    """The records of one run folder. Made without touching the disk; folders appear with the first write."""

    def __init__(self, out: Path) -> None:
        self.out, self.cells = out, out / "cells"

    def record_path(self, cell_id: str) -> Path:
        """Raises ValueError for what is no cell id (it becomes part of a path)."""
        if not _CELL_ID.fullmatch(cell_id):
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

    def read(self, cell_id: str) -> Record | None:
        """The record of a cell, with what was derived from it; None if there is none. Raises StoreError for a broken
        one."""
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
        return self._with_derived(record) if record.ok else record

    def _with_derived(self, record: Record) -> Record:
        """With what neighbours share, where that was derived from this very record; what it says itself comes first.
        Raises StoreError."""
        path = self.derived_path(record.cell_id)
        derived = _read_json(path)
        if derived is None or "neighbours" not in derived:  # an earlier version had another shape
            return record
        if any(derived.get(name) != value for name, value in self.derived_from(record).items()):
            return record
        try:
            return read_record({**dict(record), "neighbours": {**derived["neighbours"], **(record.neighbours or {})}})
        except (TypeError, ValueError) as error:
            raise StoreError(one_line(f"{path} is broken ({error}); delete it and derive again")) from error

    @staticmethod
    def derived_from(record: Record) -> dict[str, Any]:
        """What tells that a derived file was made from this very record."""
        dataset_hash = record.identity.get("dataset_hash")
        return {"cell_id": record.cell_id, "created": record.created, "dataset_hash": dataset_hash}

    def predictions(self, cell_id: str, examination: str = "") -> list[dict[str, Any]]:
        """One line per test instance. Raises StoreError where they are missing or broken."""
        return list(self.each_prediction(cell_id, examination))

    def each_prediction(self, cell_id: str, examination: str = "") -> Iterator[dict[str, Any]]:
        """The same, read as they are asked for: a file may be larger than memory. Raises as `predictions`."""
        return _read_lines(self.predictions_path(cell_id, examination))

    def finished(self, cell_id: str) -> bool:
        """Whether the cell needs no run: it was skipped, or its record says ok and its predictions are there."""
        record = self.read(cell_id)
        if record is None or not record.ok:
            return record is not None and record.status == "skipped"
        return all(self.predictions_path(cell_id, name).exists() for name in ("", *record.prediction_files))

    def records(self, ids: Iterable[str] | None = None) -> list[Record]:
        """The records that exist, in the order of ``ids``; all of the folder, by id, without them."""
        if ids is None:
            found = sorted(path.stem for path in self.cells.glob("*.json"))
            ids = (name for name in found if _CELL_ID.fullmatch(name))
        return [record for record in map(self.read, ids) if record is not None]

    def write(
        self,
        record: Record,
        predictions: Iterable[Mapping[str, Any]] | None,
        more: Mapping[str, Iterable[Mapping[str, Any]]] = MappingProxyType({}),
    ) -> None:
        """Put a cell in place, over an earlier one. A cell without a result has no predictions (None); ``more``: those
        of examinations, by name.

        Raises StoreError where the disk does not take it; then no part of the new cell is left.
        """
        target = self.record_path(record.cell_id)
        parts = {**({} if predictions is None else {"": predictions}), **more}
        contents = {self.predictions_path(record.cell_id, name): lines for name, lines in parts.items()}
        with _writing(target), ExitStack() as staged:
            files = {path: staged.enter_context(_staged(path, content)) for path, content in contents.items()}
            record_file = staged.enter_context(_staged(target, record.model_dump(mode="json")))
            target.unlink(missing_ok=True)  # never an old record beside new predictions
            for path in set(self.cells.glob(f"{record.cell_id}.*jsonl.gz")) - files.keys():
                path.unlink()
            for path, file in files.items():
                os.replace(file, path)
            os.replace(record_file, target)
            _sync_folder(self.cells)

    def read_manifest(self) -> dict[str, Any] | None:
        """`run.json` as it is (bench.records.manifest), None if there is none. Raises StoreError for a broken one."""
        return _read_json(self.out / "run.json")

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace it. Raises StoreError where the disk does not take it."""
        target = self.out / "run.json"
        with _writing(target), _staged(target, manifest) as file:
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
def _staged(target: Path, content: object) -> Iterator[str]:
    """A synced temporary file beside ``target``, gone afterwards unless it was moved."""
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
