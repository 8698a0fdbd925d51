"""The same rows, however a file holds them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.corpora.json_files import read_rows
from bench.data.corpora.unusable import Unusable
from bench.errors import DataError
from tests.data.jsonl_rows import NATIVE, TOKENS, change

ROWS = [change(NATIVE, id=f"i{n}", relation=name) for n, name in enumerate("rst")]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
FORMS = {
    "lines": LINES,
    "array": json.dumps(ROWS).encode(),
    "array over lines": b"\n " + json.dumps(ROWS, indent=1).encode(),
    "array with a mark": b"\xef\xbb\xbf" + json.dumps(ROWS).encode(),
    "gzip": gzip.compress(LINES),
    "gzip of an array": gzip.compress(json.dumps(ROWS).encode()),
    "files joined": b"".join(b"\xef\xbb\xbf" + line + b"\r\n\r\n" for line in LINES.splitlines()),
}


def rows_in(path: Path) -> list[tuple[int, Any]]:
    unusable = Unusable()
    found = [(number, row) for number, _, row in read_rows(path, unusable)]
    unusable.settle()
    return found


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_a_file(tmp_path, form):
    path = tmp_path / "x"
    path.write_bytes(FORMS[form])
    assert [row for _, row in rows_in(path)] == ROWS


@pytest.mark.parametrize("form", ["lines", "array", "gzip"])
def test_rows_are_counted_alike_in_every_form(tmp_path, form):
    path = tmp_path / "x"
    path.write_bytes(FORMS[form])
    assert [number for number, _ in rows_in(path)] == [1, 2, 3]


json_values = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=4), max_size=3)


@given(rows=st.lists(json_values, max_size=4), indent=st.none() | st.integers(0, 2), compressed=st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_arrays_and_lines_hold_the_same(tmp_path_factory, rows, indent, compressed):
    path = tmp_path_factory.getbasetemp() / "both"
    found = []
    for text in (json.dumps(rows, indent=indent), "".join(json.dumps(row) + "\n" for row in rows)):
        path.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())
        found.append(rows_in(path))
    assert found[0] == found[1] == list(enumerate(rows, 1))


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz", ".json.gz"])
def test_files_are_found_by_each_ending(tmp_path, ending):
    for name in ("train", "dev", "test"):
        content = "".join(json.dumps(change(row, id=f"{name}{row['id']}")) + "\n" for row in ROWS).encode()
        (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    assert load_dataset("jsonl", tmp_path, {}).card["sizes"] == {"train": 3, "dev": 3, "test": 3}


def test_a_dev_set_is_found_by_its_other_names(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.json").write_text(json.dumps([change(TOKENS, relation="r")]))
    dataset = load_dataset("jsonl", tmp_path, {})
    assert [i.id for i in dataset.dev] == ["dev-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{'token': ['A'], 'h': 1}", r"train.jsonl:1: looks like a Python literal, not JSON"),
        (b"[{'token': ['A'], 'h': 1}]", r"train.jsonl:1: an array of JSON: looks like a Python literal"),
        (b'[\n{"a": 1}\n{"b": 2}]', r"train.jsonl:1: an array of JSON: not valid JSON \(.*line 3"),
        (b"[1, 2]", r"train.jsonl\[1\]: field line: expected an object"),
        (b'["\xff"]', r"train.jsonl:1: field encoding: not UTF-8"),
        (gzip.compress(LINES)[:-9], r"train.jsonl: a gzip file that is damaged or cut off"),
        (b"\x1f\x8bnothing", r"train.jsonl: a gzip file that is damaged"),
        (gzip.compress(LINES)[:40] + b"xxxx" + gzip.compress(LINES)[44:], r"train.jsonl"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, message):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.jsonl").write_bytes(
            content if name == "train" else LINES.replace(b'"i', f'"{name}'.encode())
        )
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("jsonl", tmp_path, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [{"id": "absent"}, {"id": None}, {"id": ""}])
def test_an_id_is_made_of_split_and_line(tmp_path, missing):
    (tmp_path / "train.jsonl").write_text("\n".join(json.dumps(change(row, **missing)) for row in (NATIVE, TOKENS)))
    (tmp_path / "test.jsonl").write_text(json.dumps(NATIVE))
    assert [i.id for i in load_dataset("jsonl", tmp_path, {"dev_share": 0.1}).train] == ["train-1", "train-2"]


def test_an_id_may_be_a_number(tmp_path):
    for number, name in enumerate(("train", "dev", "test")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(change(NATIVE, id=number)))
    assert [i.id for i in load_dataset("jsonl", tmp_path, {}).test] == ["2"]


def test_what_lies_there_is_named_whatever_its_ending(tmp_path):
    (tmp_path / "all.json.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"has no train.jsonl \(there: all.json.gz\)"):
        load_dataset("jsonl", tmp_path, {})
