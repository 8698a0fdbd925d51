"""Sentences with tags around the entities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.corpora import jsonl, semeval
from bench.data.corpora.reading import split_text
from bench.data.corpora.tagged import untagged, without_lead
from bench.errors import DataError
from methods.types import Instance, Span

SENTENCE = "The <e1>radiation</e1> from the <e2>bomb blast</e2>."
TOKENS = ("The", "radiation", "from", "the", "bomb", "blast", ".")
LEAD = "The head entity is radiation . The tail entity is bomb blast . "
TYPES = "The type of radiation is thing . The type of bomb blast is event . "


def read(folder: Path, row: dict[str, Any]) -> Instance:
    path = folder / "train.jsonl"
    path.write_text(json.dumps({"relation": "r", **row}) + "\n")
    (found,) = jsonl.read(path)
    return found


@pytest.mark.parametrize(
    "row",
    [
        {"sentence": SENTENCE},
        {"text": SENTENCE},
        {"sentence": SENTENCE, "text": LEAD + SENTENCE, "subj": "radiation", "obj": "bomb blast", "target": "x y"},
        {"text": LEAD + SENTENCE, "subj": "radiation", "obj": "bomb blast"},
        {"sentence": SENTENCE.replace("<e1>", "<e1> ").replace("</e2>", " </e2> ")},
    ],
)
def test_forms_of_a_tagged_line(tmp_path, row):
    assert read(tmp_path, row) == Instance("train-1", TOKENS, Span(1, 2), Span(4, 6), "r")


def test_a_lead_with_types_is_no_part_of_the_sentence(tmp_path):
    row = {"text": LEAD + TYPES + SENTENCE, "subj": "radiation", "obj": "bomb blast"}
    found = read(tmp_path, row | {"subj_type": "THING", "obj_type": "EVENT"})
    assert (found.tokens, found.head_type, found.tail_type) == (TOKENS, "THING", "EVENT")


def test_a_sentence_that_begins_otherwise_keeps_its_words():
    assert without_lead("The head entity is x . A y", ("z", "y"), ("", "")) == "The head entity is x . A y"


def test_the_tail_may_stand_first(tmp_path):
    found = read(tmp_path, {"sentence": "<e2>b</e2> of <e1>a</e1>"})
    assert (found.head, found.tail) == (Span(2, 3), Span(0, 1))


def test_entities_may_nest(tmp_path):
    found = read(tmp_path, {"sentence": "<e1>University of <e2>Tokyo</e2></e1>"})
    assert (found.head, found.tail) == (Span(0, 3), Span(2, 3))


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("<e1>a</e1> b", r"field sentence: has no tag <e2>"),
        ("<e1>a</e1> <e2>b", r"has no tag </e2>"),
        ("no tags", r"has no tag <e1>; an entity stands between <e1> and </e1>"),
        ("<e1>a</e1> <e1>b</e1> <e2>c</e2>", r"the tag <e1> stands there twice"),
        ("<e1> </e1> <e2>c</e2>", r"the entity e1 between its tags shows nothing"),
        ("</e1>a<e1> <e2>c</e2>", r"the entity e1 between its tags shows nothing"),
    ],
)
def test_unfit_tags(tmp_path, sentence, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, {"sentence": sentence})


words = st.lists(st.sampled_from(["a", "bc", "Ö", ".", "x-y"]), min_size=1, max_size=3).map(" ".join)
gaps = st.sampled_from(["", " ", ", ", " of "])


@given(parts=st.tuples(gaps, words, gaps, words, gaps))
def test_the_words_are_those_of_the_loader_of_semeval(tmp_path_factory, parts):
    before, head, between, tail, after = parts
    sentence = f"{before}<e1>{head}</e1>{between}<e2>{tail}</e2>{after}"
    path = tmp_path_factory.getbasetemp() / "semeval.txt"
    path.write_text(f'1\t"{sentence}"\nOther\nComment:\n\n')
    (official,) = semeval.read(path, "train")
    assert split_text(*untagged(sentence, "x", "y")) == (official.tokens, official.head, official.tail)
