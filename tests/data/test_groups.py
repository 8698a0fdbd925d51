"""Sentences as groups."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_configured, load_dataset
from bench.data.base import Dataset
from bench.data.corpora import jsonl
from bench.data.corpora.jsonl import write
from bench.data.groups import group_names, grouped, treatment
from bench.data.quality import inspect
from bench.data.split import hold_out
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build
from methods.parts.retrieval.bm25 import BM25Retriever
from methods.types import Barred, Instance, RelationSchema, Span, bars
from tests.data.jsonl_rows import NATIVE, change
from tests.data.test_jsonl import folder_of
from tests.shared import DATA, needs

SCHEMA = RelationSchema(("r", "s"), {"r": "is r of", "s": "is s of"})


def one(name: str, sentence: str = "", document: str = "", relation: str = "r") -> Instance:
    tokens = tuple((sentence or f"a b {name}").split())
    return Instance(name, tokens, Span(0, 1), Span(1, 2), relation, document=document)


def dataset(*train: Instance, test: tuple[Instance, ...] = (one("t"),), one_pair: bool = False) -> Dataset:
    return Dataset("toy", SCHEMA, "macro_f1_accuracy", train, (), test, one_pair=one_pair)


def groups(*instances: Instance) -> list[str]:
    return [i.group for i in grouped(dataset(*instances)).train]


def test_equal_sentences_are_one_group():
    assert groups(one("a", "x y z"), one("b"), one("c", "x y z")) == ["a", "", "a"]


def test_the_lines_of_a_file_are_in_groups(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(change(NATIVE, id=name)) + "\n" for name in ("a", "b")))
    assert [i.group for i in jsonl.read(path)] == ["a", "a"]


def test_a_document_is_a_group_without_our_doing():
    assert groups(one("a", document="D"), one("b", document="D")) == ["", ""]


def test_documents_that_share_a_sentence_are_one_group():
    found = groups(one("a", "x y", "D"), one("b", document="D"), one("c", "x y", "E"), one("d", document="E"), one("e"))
    assert found == ["a", "a", "a", "a", ""]


def test_groups_reach_over_all_parts():
    found = grouped(replace(dataset(one("a", "x y"), test=(one("t", "x y"),)), extra_tests={"o": (one("o", "x y"),)}))
    assert [i.group for i in (*found.train, *found.test, *found.extra_tests["o"])] == ["a", "a", "a"]


def test_one_pair_per_sentence_makes_no_group():
    corpus = dataset(one("a", "x y"), one("b", "x y"), one_pair=True)
    assert grouped(corpus) is corpus


def test_nobody_is_the_neighbour_of_its_own_group():
    first, second, other = grouped(dataset(one("a", "x y"), one("b", "x y"), one("c"))).train
    assert (bars(first, second), bars(first, other)) == (True, False)


def test_a_whole_database_bars_the_group_too():
    first, second, other = grouped(dataset(one("a", "x y"), one("b", "x y"), one("c"))).train
    assert Barred([second, other])(first) == {"a", "b"}


def test_a_group_never_has_the_name_of_a_document_or_an_instance():
    assert len({one("a").owner, one("b", document="a").owner, replace(one("c"), group="a").owner}) == 3


def test_a_group_changes_no_hash():
    corpus = dataset(one("a", "x y"), one("b", "x y"))
    assert grouped(corpus).content_hash == corpus.content_hash


def test_a_retriever_finds_no_other_pair_of_the_sentence():
    sentences = [f"the {word} saw the {other}" for word, other in ("ab", "cd", "ef")]
    train = grouped(dataset(*(one(f"{n}-{m}", text) for n, text in enumerate(sentences) for m in range(3)))).train
    retriever = BM25Retriever()
    retriever.index(train)
    for query, near in zip(train, retriever.search(train, 3), strict=True):
        assert len(near.ids) == 3
        assert not [name for name in near.ids if name[0] == query.id[0]]


sentences = st.lists(st.tuples(st.sampled_from(["x y", "y z", "z x", ""]), st.sampled_from(["", "D", "E"])), max_size=9)


@given(sentences)
def test_groups_are_what_tokens_and_documents_join(drawn):
    instances = [one(str(n), *each) for n, each in enumerate(drawn)]
    names = group_names(instances)
    for i, name in zip(instances, names, strict=True):
        for j, other in zip(instances, names, strict=True):
            if i.tokens == j.tokens or i.document == j.document != "":
                assert name == other
    assert all(name == next(n for n, i in zip(names, instances, strict=True) if i.id == name) for name in names)


def test_held_out_sets_are_drawn_by_group():
    train = [one(f"{n}-{m}", f"sentence number {n}", relation="rs"[m % 2]) for n in range(20) for m in range(4)]
    kept, held = hold_out(train, 0.2, "salt", group_names(train))
    assert {i.tokens for i in kept}.isdisjoint(i.tokens for i in held)
    assert len(held) == 16


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("rst")), max_size=20), st.sampled_from([0.2, 0.5, 0.9]))
def test_no_relation_loses_all_its_groups(drawn, share):
    train = [one(str(n), f"sentence {group} x", relation=name) for n, (group, name) in enumerate(drawn)]
    kept, held = hold_out(train, share, "salt", group_names(train))
    assert {i.relation for i in kept} == {i.relation for i in train}
    assert {i.tokens for i in kept}.isdisjoint(i.tokens for i in held)
    assert sorted(map(int, (i.id for i in (*kept, *held)))) == list(range(len(train)))


@given(st.lists(st.sampled_from("rst"), max_size=25))
def test_without_shared_sentences_the_choice_is_as_ever(relations):
    train = [one(str(n), relation=name) for n, name in enumerate(relations)]
    assert hold_out(train, 0.3, "salt", group_names(train)) == hold_out(train, 0.3, "salt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [change(NATIVE, id=f"{n}{m}", tokens=["A", n, "b", "c", "d"]) for n in "pqrst" for m in range(3)]
    return folder_of(tmp_path / "c", train=rows, test=[NATIVE])


def configured(folder: Path, *settings: str) -> Dataset:
    return load_configured(build("smoke", settings, dataset="jsonl", data_dir=folder))


def test_a_held_out_dev_set_shares_no_sentence_with_train(folder):
    found = configured(folder, "dataset.dev_share=0.4")
    assert len(found.dev) == 6
    assert {i.tokens for i in found.train}.isdisjoint(i.tokens for i in found.dev)


@pytest.mark.parametrize(("setting", "expected"), [("exclude", {"1st"}), ("allow", {""})])
def test_the_setting_decides(tmp_path, setting, expected):
    rows = [change(NATIVE, id=name) for name in ("1st", "2nd")]
    folder = folder_of(tmp_path / "c", train=rows, dev=[], test=[change(NATIVE, id="t", tokens=["x"] * 5)])
    assert {i.group for i in configured(folder, f"same_sentence={setting}").train} == expected


@pytest.mark.parametrize(
    ("train", "expected"), [((one("a", "x y"), one("b", "x y")), "exclude"), ((one("a"), one("b")), "none")]
)
def test_the_identity_says_what_was_done(train, expected):
    assert treatment(grouped(dataset(*train))) == expected


def test_the_identity_says_that_neighbours_of_a_sentence_were_allowed():
    assert treatment(dataset(one("a", "x y"), one("b", "x y"))) == "allow"


def test_a_plan_records_it(mini_preset):
    corpus = grouped(dataset(one("a", "x y"), one("b", "x y"), one("c", relation="s")))
    (spec, *_) = plan(build(str(mini_preset), ratios="1"), corpus)
    assert spec.identity["same_sentence"] == "exclude"


def test_a_neighbour_of_the_own_sentence_is_a_failed_cell(mini_preset, monkeypatch):
    monkeypatch.setattr("mini_plugin.bars", lambda query, other: query.id == other.id)
    train = tuple(one(f"a{n}", "x y") for n in range(9))
    corpus = grouped(dataset(*train, test=(one("t", "x y"),)))
    spec = next(s for s in plan(build(str(mini_preset), ratios="1"), corpus) if s.method == "mini")
    record, *_ = execute(spec, corpus)
    assert record.error is not None
    assert "is of its own sentence: its label leaks" in record.error.message


def test_the_card_says_how_many(folder):
    findings = {f.kind: f for f in inspect(configured(folder, "dataset.dev_share=0.4"), (1.0,), 64).findings}
    found = findings["shared_sentences"]
    assert (found.severity, found.count, found.total) == ("note", 9, 9)
    assert found.message.endswith("(3 of them)")


def test_the_flag_of_one_pair_is_exported(tmp_path):
    write(dataset(one("a", "x y"), one("b", "x y"), one_pair=True), tmp_path / "out")
    assert configured(tmp_path / "out").one_pair


@pytest.mark.parametrize(("name", "folder_name"), [("semeval", "semeval2010"), ("fewrel", "fewrel")])
@needs(DATA / "fewrel")
def test_nothing_changes_for_corpora_of_one_pair(name, folder_name):
    corpus = load_dataset(name, DATA / folder_name, {})
    assert (grouped(corpus) is corpus, treatment(corpus)) == (True, "none")


def test_the_hub_takes_the_flag_too():
    from bench.data.corpora.hub import Options

    assert Options(one_pair=True).one_pair
