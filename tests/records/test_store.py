"""Records on disk: whole or absent, equal bytes for equal content, clear words for what is broken."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bench.errors import StoreError
from bench.records.record import Record
from bench.records.store import Store
from tests.records.factory import changed, make_record

ID, OTHER = "0123456789abcdef", "fedcba9876543210"
LINES = [{"id": "t-1", "gold": "né", "predicted": "b", "scores": {"né": -0.5}, "neighbours": [["i", 0.25]]}]
SHARED = {"k": 3, "all": {"at_3": {"relation": 0.5}, "chance": {"relation": 0.25}}}
OTHERS = {"k": 5, "all": {"at_5": {"relation": 0.5}, "chance": {"relation": 0.25}}}


def record(cell_id: str = ID, **changes: Any) -> Record:
    return make_record(**{"cell_id": cell_id, "n_test": len(LINES), **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "run")


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.cells.iterdir())


def test_a_record_and_its_predictions_come_back(store: Store) -> None:
    assert store.read(ID) is None
    assert not store.finished(ID)
    store.write(record(), LINES)
    assert store.read(ID) == record()
    assert store.predictions(ID) == LINES
    assert store.finished(ID)
    assert files(store) == [f"{ID}.json", f"{ID}.jsonl.gz"]


def test_equal_predictions_are_equal_bytes(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    store.write(record(), LINES)
    other.write(record(), LINES)
    assert store.predictions_path(ID).read_bytes() == other.predictions_path(ID).read_bytes()


def test_a_failed_cell_is_unfinished_and_takes_old_predictions_away(store: Store) -> None:
    store.write(record(), LINES)
    store.write(record(status="failed"), None)
    assert not store.finished(ID)
    assert files(store) == [f"{ID}.json"]


def test_a_record_without_its_predictions_is_unfinished(store: Store) -> None:
    store.write(record(), LINES)
    store.predictions_path(ID).unlink()
    assert not store.finished(ID)
    with pytest.raises(StoreError, match=r"jsonl.gz is missing; run again"):
        store.predictions(ID)


def test_records_come_in_the_order_asked_for(store: Store) -> None:
    assert store.records() == []
    for cell_id in (OTHER, ID):
        store.write(record(cell_id), LINES)
    (store.cells / "notes.json").write_text("{}", encoding="utf-8")  # not ours
    assert [one.cell_id for one in store.records()] == [ID, OTHER]
    assert [one.cell_id for one in store.records([OTHER, "0" * 16, ID])] == [OTHER, ID]


@pytest.mark.parametrize("content", [b'{"cell_id": "0123', b"\xff\xfe", b"", b"[]", b'{"cell_id": "x"}'])
def test_a_broken_record_is_named(store: Store, content: bytes) -> None:
    store.write(record(), LINES)
    store.record_path(ID).write_bytes(content)
    with pytest.raises(StoreError, match=rf"{ID}.json .*; delete it and run again") as caught:
        store.read(ID)
    assert "\n" not in str(caught.value)


def test_a_broken_record_is_unfinished_and_noted(store: Store) -> None:
    store.write(record(), LINES)
    store.write(record(OTHER), LINES)
    store.record_path(ID).write_bytes(b"{")
    assert not store.finished(ID)
    assert ID in store.broken
    assert [one.cell_id for one in store.records()] == [OTHER]
    store.write(record(), LINES)
    assert (store.finished(ID), store.broken) == (True, {})


def derived(store: Store, **changes: Any) -> None:
    """What was derived from the record of `ID`, or, with changes, from another."""
    path = store.derived_path(ID)
    path.parent.mkdir(exist_ok=True)
    made = {"cell_id": ID, "created": "2026-01-02", "dataset_hash": "corpus", "neighbours": SHARED}
    path.write_text(json.dumps(made | changes), encoding="utf-8")


def test_what_was_derived_from_a_record_is_a_part_of_it(store: Store) -> None:
    one = record(created="2026-01-02", identity={"dataset_hash": "corpus"})
    store.write(one, LINES)
    derived(store)
    assert store.read(ID) == changed(one, neighbours=SHARED)
    assert [found.neighbours for found in store.records()] == [SHARED]
    store.write(changed(one, neighbours=OTHERS), LINES)
    assert store.records()[0].neighbours == OTHERS  # what it says itself


@pytest.mark.parametrize("other", [{"cell_id": OTHER}, {"created": "2026-01-03"}, {"dataset_hash": "x"}])
def test_what_was_derived_from_another_record_is_no_part_of_it(store: Store, other: dict[str, str]) -> None:
    store.write(record(created="2026-01-02", identity={"dataset_hash": "corpus"}), LINES)
    derived(store, **other)
    assert store.records()[0].neighbours is None


def test_what_an_earlier_version_derived_counts_as_absent(store: Store) -> None:
    store.write(record(created="2026-01-02", identity={"dataset_hash": "corpus"}), LINES)
    derived(store)
    path = store.derived_path(ID)
    earlier = json.loads(path.read_text()) | {"schema_version": 1, "shared": {}}
    del earlier["neighbours"]
    path.write_text(json.dumps(earlier), encoding="utf-8")
    assert store.records()[0].neighbours is None


def test_a_derived_file_without_its_numbers_is_named(store: Store) -> None:
    store.write(record(created="2026-01-02", identity={"dataset_hash": "corpus"}), LINES)
    derived(store)
    path = store.derived_path(ID)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"neighbours": {"k": 3}}), encoding="utf-8")
    with pytest.raises(StoreError, match=rf"derived/{ID}.json is broken .*neighbours.all lacks at_3"):
        store.read(ID)


def test_a_broken_derived_file_is_named(store: Store) -> None:
    store.write(record(), LINES)
    derived(store)
    store.derived_path(ID).write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=rf"derived/{ID}.json is broken .*; delete it and run again"):
        store.read(ID)


def test_schema_1_counted_entities_otherwise(store: Store) -> None:
    store.write(record(), LINES)
    path = store.record_path(ID)
    old = json.loads(path.read_text()) | {"schema_version": 1, "retrieval": {"k": 1, "all": {"at_1": {"entity": 0}}}}
    del old["neighbours"], old["negative"], old["n_unpaired"]
    path.write_text(json.dumps(old), encoding="utf-8")
    assert store.records()[0].neighbours is None


def test_broken_predictions_are_named(store: Store) -> None:
    store.write(record(), LINES)
    path = store.predictions_path(ID)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match=rf"{ID}.jsonl.gz is broken .*delete it"):
        store.predictions(ID)


@pytest.mark.parametrize(
    "parts",
    [{"metrics": {}}, {"schema_version": 1, "metrics": [1]}, {"schema_version": 1, "metrics": {"per_group": 3}}],
)
def test_a_record_whose_numbers_are_gone_is_named(store: Store, parts: dict[str, Any]) -> None:
    store.write(record(), LINES)
    path = store.record_path(ID)
    path.write_text(json.dumps(json.loads(path.read_text()) | parts), encoding="utf-8")
    with pytest.raises(StoreError, match=rf"{ID}.json is no record of a cell .*; delete it and run again"):
        store.read(ID)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", ID.upper(), ID + "0", "x" * 16])
def test_only_cell_ids_become_paths(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        store.read(name)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StoreError, match=r"no space left for .*; make room and run again to continue"):
        store.write(record(), LINES)
    assert files(store) == []
    with pytest.raises(StoreError, match="no space left"):
        store.write_manifest({"cells": []})
    assert sorted(path.name for path in store.out.iterdir()) == ["cells"]


def test_a_full_disk_keeps_the_earlier_result(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(record(), LINES)

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError):
        store.write(record(method="new"), LINES)
    assert store.read(ID) == record()
    assert store.finished(ID)


def test_an_interrupted_write_leaves_no_temporary_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write(record(), LINES)
    assert files(store) == []


def test_a_file_in_the_way_is_one_line(store: Store) -> None:
    store.out.write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        store.write(record(), LINES)
    with pytest.raises(StoreError, match="cannot be read: Not a directory"):
        store.read_manifest()


def test_numbers_that_json_lacks_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write(record(), [{**LINES[0], "scores": {"a": float("nan")}}])
    assert files(store) == []


def test_predictions_of_an_examination_have_a_file_of_their_own(store: Store) -> None:
    more = {"test_sets": [{**LINES[0], "id": "far-1"}]}
    store.write(record(prediction_files=("test_sets",)), LINES, more)
    assert files(store) == [f"{ID}.json", f"{ID}.jsonl.gz", f"{ID}.test-sets.jsonl.gz"]
    assert store.predictions(ID) == LINES
    assert store.predictions(ID, "test_sets") == more["test_sets"]


def test_a_record_without_a_file_that_it_names_is_unfinished(store: Store) -> None:
    store.write(record(prediction_files=("test_sets",)), LINES, {"test_sets": LINES})
    assert store.finished(ID)
    store.predictions_path(ID, "test_sets").unlink()
    assert not store.finished(ID)


def test_a_cell_that_is_written_again_leaves_no_file_of_before(store: Store) -> None:
    store.write(record(OTHER), LINES)
    store.write(record(prediction_files=("test_sets",)), LINES, {"test_sets": []})
    store.write(record(), LINES)
    assert files(store) == [f"{ID}.json", f"{ID}.jsonl.gz", f"{OTHER}.json", f"{OTHER}.jsonl.gz"]


def test_a_skipped_cell_is_finished_without_predictions(store: Store) -> None:
    store.write(record(status="skipped"), None)
    assert store.finished(ID)
