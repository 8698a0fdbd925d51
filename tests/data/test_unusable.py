"""Lines that cannot be used: named all at once, or left out and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.data import load_dataset
from bench.errors import DataError
from tests.data.jsonl_rows import NATIVE, TOKENS, change


def lines(prefix: str, *changes: dict[str, Any]) -> str:
    return "".join(json.dumps(change(NATIVE, id=f"{prefix}{n}", **one)) + "\n" for n, one in enumerate(changes))


EMPTY, OUTSIDE, FINE = {"head": [2, 2]}, {"tail": [5, 9]}, dict[str, Any]()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven unusable lines of three kinds in two files."""
    (tmp_path / "train.jsonl").write_text(lines("a", EMPTY, FINE, EMPTY, EMPTY, EMPTY, FINE) + "{not JSON\n")
    (tmp_path / "dev.jsonl").write_text(lines("d", FINE))
    (tmp_path / "test.jsonl").write_text(lines("b", OUTSIDE, FINE, EMPTY))
    return tmp_path


def refusal(folder: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset("jsonl", folder, options)
    return str(caught.value)


def test_the_refusal_counts_the_unusable_lines_of_every_file(folder):
    assert refusal(folder).startswith("unusable lines: 5 of train.jsonl, 2 of test.jsonl; ")


def test_the_refusal_names_the_first_lines_of_each_kind_and_file(folder):
    assert "empty span (train.jsonl 1, 3, 4 and 1 more, test.jsonl 3), the first: train.jsonl:1: " in refusal(folder)


def test_the_refusal_names_every_kind(folder):
    said = refusal(folder)
    assert "not JSON (train.jsonl 7), the first: train.jsonl:7: not valid JSON" in said
    assert "span outside (test.jsonl 1), the first: test.jsonl:1: field tail: [5, 9) is no span within 6" in said


def test_the_refusal_is_one_line_that_names_the_option(folder):
    assert "\n" not in refusal(folder)
    assert "--set dataset.on_error=drop" in refusal(folder)


def test_dropped_lines_are_counted_by_kind_and_file(folder):
    dataset = load_dataset("jsonl", folder, {"on_error": "drop"})
    assert dataset.card["dropped"] == {
        "empty span in train.jsonl": 4,
        "empty span in test.jsonl": 1,
        "not JSON in train.jsonl": 1,
        "span outside in test.jsonl": 1,
    }


def test_the_usable_lines_are_kept(folder):
    dataset = load_dataset("jsonl", folder, {"on_error": "drop"})
    assert [[i.id for i in part] for part in (dataset.train, dataset.dev, dataset.test)] == [
        ["a1", "a5"],
        ["d0"],
        ["b1"],
    ]


def test_tables_say_that_the_test_set_is_another(folder):
    said = load_dataset("jsonl", folder, {"on_error": "drop"}).warnings()[0]
    assert said.startswith("jsonl: unusable lines were left out (on_error=drop): 5 of train.jsonl, 2 of test.jsonl")


def test_without_unusable_lines_nothing_is_said(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.jsonl").write_text(lines(name, FINE))
    dataset = load_dataset("jsonl", tmp_path, {"on_error": "drop"})
    assert dataset.card["dropped"] == 0
    assert not [remark for remark in dataset.card["remarks"] if "unusable" in remark]


def test_of_two_lines_with_one_id_the_second_is_dropped(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.jsonl").write_text(lines("x" if name != "dev" else name, FINE, {"relation": "r"})[:-1])
    (tmp_path / "test.jsonl").write_text(lines("x", FINE) + lines("t", FINE))
    dataset = load_dataset("jsonl", tmp_path, {"on_error": "drop"})
    assert dataset.card["dropped"] == {"id used before in test.jsonl": 1}
    assert [i.id for i in dataset.test] == ["t0"]


def test_positions_that_include_the_last_token(tmp_path):
    row = change(TOKENS, h={"name": "dog", "pos": [1, 1]}, t={"name": "the soup", "pos": [3, 4]})
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row))
    (first,) = load_dataset("jsonl", tmp_path, {"inclusive": True}).train
    assert (first.text(first.head), first.text(first.tail)) == ("dog", "the soup")


def test_an_empty_span_names_the_option_inclusive(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(change(TOKENS, h={"pos": [3, 3]})))
    said = refusal(tmp_path)
    assert "if it is the entity's last token, set the option inclusive (--set dataset.inclusive=true)" in said
