"""Texts made from relation names, and texts that a user brings."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.texts import read_texts
from bench.data.verbalise import Verbalised, generate, known_texts, load_verbalisations, verbalise
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("per:country_of_birth", "{tail} is the country of birth of {head}"),
        ("part_of", "{head} is part of {tail}"),
        ("org:founded_by", "{head} is founded by {tail}"),
        ("Cause-Effect(e1,e2)", "{head} has the relation cause effect to {tail}"),
        ("Cause-Effect(e2,e1)", "{tail} has the relation cause effect to {head}"),
        ("???", "{tail} is the relation of {head}"),
        ("NA", "{head} has no known relation to {tail}"),
    ],
)
def test_template_of_a_name(name, text):
    assert generate([name], negative="NA", kind="template") == {name: text}


def test_a_name_cannot_smuggle_in_a_place():
    assert generate(["{head}", "head"], kind="template") == {
        "{head}": "{tail} is the head of {head} ( (head) )",
        "head": "{tail} is the head of {head} ( head )",
    }


names = st.lists(st.text("ab:{}_(e1,2)/ofhd", min_size=1, max_size=8) | st.text(max_size=4), unique=True, max_size=8)


@given(names=names, kind=st.sampled_from(["phrase", "template"]))
def test_made_texts_are_read_back_as_what_they_are(tmp_path_factory, names, kind):
    texts = generate(names, kind=kind)
    path = tmp_path_factory.getbasetemp() / "made.json"
    path.write_text(json.dumps(texts), encoding="utf-8")
    found = read_texts(path, list(texts))
    assert (found.by_relation, found.kind) == (texts, kind if texts else "phrase")


@given(names=names)
def test_made_templates_are_unique(names):
    texts = generate(names, kind="template")
    assert texts.keys() == set(names)
    assert len({" ".join(text.casefold().split()) for text in texts.values()}) == len(names)
    assert all(text.count("{head}") == text.count("{tail}") == 1 for text in texts.values())


def options(source=None, kind=None) -> Verbalised:
    return Verbalised(verbalisations=None if source is None else str(source), verbalisation=kind)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_given_texts_and_made_ones(tmp_path):
    path = write(tmp_path / "own.yaml", "part_of: 'piece of tail'\nunused: 'x'\n")
    texts = verbalise(options(path), None, ["founded_by", "part_of"])
    assert list(texts.by_relation.items()) == [("founded_by", "founded by tail"), ("part_of", "piece of tail")]
    assert (texts.kind, texts.made) == ("phrase", ("founded_by",))


def test_a_packaged_name_of_either_kind():
    phrases, templates = (verbalise(options("semeval", kind), None, ["Other", "new"]) for kind in (None, "template"))
    assert phrases.by_relation == {"Other": "other relation to tail", "new": "new of head"}
    assert templates.by_relation["Other"] == "{head} has some other relation to {tail}"
    assert templates.by_relation["new"] == "{tail} is the new of {head}"
    assert phrases.made == templates.made == ("new",)


def test_what_a_file_has_no_text_of_is_made_as_its_others_are(tmp_path):
    texts = verbalise(options(write(tmp_path / "own.yaml", "a: '{head} eats {tail}'")), None, ["a", "part_of"])
    assert texts.by_relation["part_of"] == "{head} is part of {tail}"
    assert texts.kind == "template"


@pytest.mark.parametrize("kind", ["phrase", "template"])
def test_without_a_file_the_option_decides(kind):
    assert verbalise(options(kind=kind), None, ["a"]).kind == kind


def test_a_file_without_any_of_the_relations_decides_nothing(tmp_path):
    assert verbalise(options(write(tmp_path / "own.yaml", "b: text"), "template"), None, ["a"]).kind == "template"


def test_options_come_before_the_file_of_the_corpus(tmp_path):
    own, other = write(tmp_path / "own.yaml", "a: one"), write(tmp_path / "other.yaml", "a: other")
    assert verbalise(options(other), own, ["a"]).by_relation == {"a": "other"}
    assert verbalise(options(), own, ["a"]).by_relation == {"a": "one"}


def test_a_corpus_may_be_told_by_a_file_of_the_user(tmp_path):
    path = write(tmp_path / "own.json", '{"Other": "{subj}, then {obj}"}')
    assert known_texts(options(path), "semeval", ["Other"]).by_relation == {"Other": "{head}, then {tail}"}
    with pytest.raises(DataError, match=r"own.json: relation 'x' needs a text \(a quoted string\), got None"):
        known_texts(options(path), "semeval", ["Other", "x"])


@pytest.mark.parametrize(("text", "kind", "wanted"), [("x", "phrase", "template"), ("{head}", "template", "phrase")])
def test_options_that_contradict_the_file(tmp_path, text, kind, wanted):
    path = write(tmp_path / "own.yaml", f"a: '{text}'")
    message = rf"own.yaml holds {kind}s, but the option verbalisation is '{wanted}'; leave it out, or name {wanted}s"
    for call in (
        lambda: verbalise(options(path, wanted), None, ["a"]),
        lambda: known_texts(options(path, wanted), "x", "a"),
    ):
        with pytest.raises(DataError, match=message):
            call()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.yaml", "none.yaml: cannot be read: No such file"),
        ("../../secret", r"'../../secret': give the name of a file in configs/verbalisations \(fewrel, .* or a file"),
        ("own.txt", "own.txt': give the name .* that ends in .yaml, .yml, .json"),
        ("", "'': give the name"),
        ("semevla", r"semevla.yaml not found in .*: is the installation complete\? It has fewrel, redocred, retacred,"),
    ],
)  # fmt: skip
def test_files_that_are_not_there(tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        verbalise(options(source), None, ["a"])


def test_a_packaged_file_without_a_text():
    with pytest.raises(DataError, match=r"semeval.yaml: relation 'a' needs a text"):
        load_verbalisations("semeval", ["a"])
