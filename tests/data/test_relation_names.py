"""Remarks on the names of relations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.relation_names import negative_remarks, spelling_remarks
from tests.data.jsonl_rows import NATIVE, change
from tests.data.test_jsonl import folder_of


@pytest.mark.parametrize(
    "name",
    [
        "no_relation",
        "NA",
        "n/a",
        "None",
        "Other",
        "negative",
        "unknown",
        "false",
        "False",
        "0",
        "No Relation",
        "NO-RELATION",
    ],
)
def test_a_name_of_a_negative_class_is_asked_about(name):
    (said,) = negative_remarks(["born_in", name], None)
    assert said.startswith(f"is {name!r} the negative class?")
    assert f"dataset.negative={name}" in said


@pytest.mark.parametrize("name", ["born_in", "10", "another", "nation", "no_brother", "falsehood"])
def test_other_names_are_not(name):
    assert negative_remarks([name], None) == []


def test_nothing_is_asked_where_an_option_names_one():
    assert negative_remarks(["Other", "NA"], "NA") == []


@pytest.mark.parametrize(
    "pair", [("Born_In", "born_in"), ("born in", "born  in"), ("caf\u00e9", "cafe\u0301"), ("a ", "a")]
)
def test_names_that_differ_in_spelling_only(pair):
    (said,) = spelling_remarks([*pair, "other"])
    assert said.endswith(f"only: {pair[0]!r} / {pair[1]!r}")


def test_names_that_differ_otherwise_are_not_told():
    assert spelling_remarks(["born_in", "born-in", "born_at", "per:title", "org:title"]) == []


@given(st.lists(st.text(max_size=6), unique=True, max_size=12))
def test_any_names_end_in_at_most_one_sentence(names):
    assert len(spelling_remarks(names)) <= 1


def test_a_corpus_has_both_remarks(tmp_path):
    rows = [change(NATIVE, id=name, relation=name) for name in ("NA", "s", "S ")]
    folder = folder_of(tmp_path / "c", train=rows, dev=[], test=[change(NATIVE, id="t", relation="s")])
    first, second, *_ = load_dataset("jsonl", folder, {}).card["remarks"]
    assert (first[:24], second.endswith("'S ' / 's'")) == ("is 'NA' the negative cla", True)
