"""Texts made from relation names, and texts that a user brings."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.verbalise import generate, load_verbalisations, verbalise
from bench.errors import DataError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("per:country_of_birth", "country of birth of head"),
        ("org:number_of_employees/members", "number of employees members of head"),
        ("per:employee_of", "employee of tail"),
        ("org:founded_by", "founded by tail"),
        ("part_of", "part of tail"),
        ("spouse", "spouse of head"),
        ("Cause-Effect(e1,e2)", "cause effect from head to tail"),
        ("Cause-Effect(e2,e1)", "cause effect from tail to head"),
        ("/people/person/place_of_birth", "place of birth of head"),
        ("placeOfBirth", "place of birth of head"),
        ("BirthPlace", "birth place of head"),
        ("P177", "p177 of head"),
        ("出生地", "出生地 of head"),
        ("???", "relation of head"),
        ("NA", "no relation of head to tail"),
    ],
)
def test_text_of_a_name(name, text):
    assert generate([name], negative="NA") == {name: text}


def test_only_what_reads_the_same_is_told_apart():
    names = ["per:parents", "org:parents", "per:spouse", "x_of", "X_Of", "a-b", "a_b", "a b"]
    texts = generate(names, taken=["Spouse  of head"])
    assert texts["per:parents"] == "person parents of head"
    assert texts["org:parents"] == "organization parents of head"
    assert texts["per:spouse"] == "person spouse of head"
    assert texts["a-b"] == "a b of head ( a-b )"
    assert {texts["x_of"], texts["X_Of"]} == {"x of tail ( X_Of ) 2", "x of tail ( x_of ) 3"}


@given(names=st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8), seed=st.integers(0, 9))
def test_made_texts_are_unique_and_independent_of_the_order(names, seed):
    texts = generate(names)
    assert texts.keys() == set(names)
    assert len({" ".join(text.casefold().split()) for text in texts.values()}) == len(names)
    assert all(text.strip() for text in texts.values())
    random.Random(seed).shuffle(names)
    assert generate(names) == texts


def test_given_texts_and_made_ones(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("part_of: 'piece of tail'\nunused: 'x'\n")
    texts, made = verbalise(["founded_by", "part_of"], str(path))
    assert list(texts.items()) == [("founded_by", "founded by tail"), ("part_of", "piece of tail")]
    assert made == ("founded_by",)
    assert verbalise(["Other", "new"], "semeval") == (
        {"Other": "other relation to tail", "new": "new of head"}, ("new",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: Same text\nb: same  TEXT", r"own.yaml: relations 'a' and 'b' share the text 'same  TEXT'; give each"),
        ("a: 3", r"own.yaml: relation 'a' needs a text"),
        ("a: '", r"own.yaml: not a YAML mapping of relation to text"),
        ("? [a]\n: b", r"own.yaml: not a YAML"),
        ("a: x\na: y", r"'a' is given twice"),
        ("a: !!python/object/apply:os.getcwd []", r"own.yaml: not a YAML"),
        ("[" * 5000, r"own.yaml: not a YAML"),
    ],
)
def test_unfit_files(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        verbalise(["a", "b"], str(path))
    assert "\n" not in str(caught.value)


def test_unknown_files(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        verbalise(["a"], str(tmp_path / "none.yaml"))
    with pytest.raises(DataError, match="give the name of a file"):
        verbalise(["a"], "../../secret")
    with pytest.raises(DataError, match=r"semeval.yaml: relation 'a' needs a text"):
        load_verbalisations("semeval", ["a"])
