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
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.errors import StoreError
from bench.names import visible
from bench.records.files import temporary_prefix
from bench.records.follows import Answers, misnamed
from bench.records.json_files import read_json
from bench.records.places import CELL_ID, Places
from bench.records.prediction_lines import read_lines
from bench.records.record import Record, read_record
from bench.records.soundness import check


class Store(Places):
    """The records of one run folder. Made without touching the disk; folders appear with the first write.

    ``broken``: cell id -> one line for each record or prediction file that `records`, `finished` or `sound` met and
    left out. Who shows the others shows these lines too.
    """

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        self.broken: dict[str, str] = {}

    def read(self, cell_id: str) -> Record | None:
        """The record of a cell, with what was derived from it; None if there is none. Raises StoreError for one that is
        broken, or whose names or id are not those of its identity."""
        record = self._read(cell_id)
        return self._with_derived(record) if record is not None and record.ok else record

    def _read(self, cell_id: str) -> Record | None:
        path = self.record_path(cell_id)
        raw = read_json(path)
        if raw is None:
            return None
        try:
            record = read_record(raw)
        except ValueError as error:
            raise StoreError(f"{path} is no record of a cell ({error}); delete it and run again") from error
        if record.cell_id != cell_id:
            raise StoreError(f"{path} is the record of another cell; delete it and run again")
        if why := misnamed(record):
            raise StoreError(f"{path} is not what it says ({why}); delete it and run again")
        return record

    def _with_derived(self, record: Record) -> Record:
        """With what neighbours share, where that was derived from this very record; what it says itself comes first.
        Raises StoreError."""
        path = self.derived_path(record.cell_id)
        derived = read_json(path)
        if derived is None or "neighbours" not in derived:  # an earlier version had another shape
            return record
        if any(derived.get(name) != value for name, value in self.derived_from(record).items()):
            return record
        try:
            return read_record({**dict(record), "neighbours": {**derived["neighbours"], **(record.neighbours or {})}})
        except (TypeError, ValueError) as error:
            raise StoreError(f"{path} is broken ({visible(error, 300)}); delete it and derive again") from error

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
        path = self.predictions_path(cell_id, examination)
        return read_lines(path, predictions=examination in ("", "test_sets"))

    def answers(self, cell_id: str) -> Answers:
        """Ids, gold and predicted labels of its test instances. Raises as `predictions`."""
        found = Answers()
        for line in self.each_prediction(cell_id):
            found.add(line)
        return found

    def check(self, record: Record) -> None:
        """Raises StoreError for a finished cell whose predictions are missing or broken, or from which its score does
        not follow (bench.records.soundness)."""
        files = {name: self.predictions_path(record.cell_id, name) for name in ("", *record.prediction_files)}
        check(record, self.record_path(record.cell_id), files, lambda: self.answers(record.cell_id))

    def sound(self, record: Record) -> bool:
        """Whether a finished cell passes `check`; what does not is noted in ``broken``."""
        try:
            self.check(record)
        except StoreError as error:
            self.broken[record.cell_id] = str(error)
            return False
        return True

    def finished(self, cell_id: str) -> bool:
        """Whether the cell needs no run: it was skipped, or its record says ok and follows from its predictions. A
        broken one is noted in ``broken``, and needs a run."""
        try:
            record = self._read(cell_id)
        except StoreError as error:
            self.broken[cell_id] = str(error)
            return False
        if record is None or not record.ok:
            return record is not None and record.status == "skipped"
        return self.sound(record)

    def records(self, ids: Iterable[str] | None = None) -> list[Record]:
        """The records that exist, in the order of ``ids``; all of the folder, by id, without them. A broken one is left
        out and noted in ``broken``."""
        if ids is None:
            found = sorted(path.stem for path in self.cells.glob("*.json"))
            ids = (name for name in found if CELL_ID.fullmatch(name))
        records = []
        for cell_id in ids:
            try:
                records.append(self.read(cell_id))
            except StoreError as error:
                self.broken[cell_id] = str(error)
        return [record for record in records if record is not None]

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
        self.broken.pop(record.cell_id, None)

    def read_manifest(self) -> dict[str, Any] | None:
        """`run.json` as it is (bench.records.manifest), None if there is none. Raises StoreError for a broken one."""
        return read_json(self.out / "run.json")

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace it. Raises StoreError where the disk does not take it."""
        target = self.out / "run.json"
        with _writing(target), _staged(target, manifest) as file:
            os.replace(file, target)
            _sync_folder(self.out)


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
    handle, name = tempfile.mkstemp(prefix=temporary_prefix(target), suffix=".tmp", dir=target.parent)
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
