"""Lines with a list of relations, and relations of an entity with itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora.jsonl import write
from bench.errors import DataError
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build
from tests.data.jsonl_rows import NATIVE, TEXT, change
from tests.data.test_jsonl import assert_same, folder_of

LISTS: list[Any] = [["s", "r"], ["r"], "none", ["s", "none"], "s", ["r", "r"]]


def rows(prefix: str) -> list[dict[str, Any]]:
    return [change(NATIVE, id=f"{prefix}{n}", relation=value) for n, value in enumerate(LISTS)]


def loaded(path: Path, **options: object) -> Dataset:
    folder = folder_of(path / "c", train=rows("a"), dev=rows("d"), test=rows("t"))
    return load_dataset("jsonl", folder, options)


def test_a_list_makes_the_corpus_multi_label(tmp_path):
    dataset = loaded(tmp_path, negative="none")
    assert (dataset.multi_label, dataset.metric) == (True, "docred_f1")


def test_relations_stand_in_the_order_of_the_schema(tmp_path):
    assert [i.relations for i in loaded(tmp_path, negative="none").train] == [
        ("r", "s"), ("r",), ("none",), ("s",), ("s",), ("r",)
    ]  # fmt: skip


def test_without_a_negative_class_the_card_says_what_is_needed(tmp_path):
    said = [remark for remark in loaded(tmp_path).card["remarks"] if "needs a negative class" in remark]
    assert "dataset.several_relations=first" in said[0]


def test_without_a_negative_class_nothing_is_planned(tmp_path, mini_preset):
    with pytest.raises(DataError, match=r"needs a negative class.*dataset.negative"):
        plan(build(str(mini_preset)), loaded(tmp_path))


def test_the_first_of_each_list_by_an_option(tmp_path):
    dataset = loaded(tmp_path, several_relations="first")
    assert [i.relations for i in dataset.train] == [("s",), ("r",), ("none",), ("s",), ("s",), ("r",)]
    assert (dataset.multi_label, dataset.metric) == (False, "macro_f1_accuracy")


def test_the_card_counts_what_the_option_left_out(tmp_path):
    remarks = loaded(tmp_path, several_relations="first").card["remarks"]
    assert remarks[0].startswith("6 of 18 instances have several relations, of which the first one given counts")


def test_lists_of_one_make_no_multi_label_corpus(tmp_path):
    folder = folder_of(tmp_path / "c", **{n: [change(NATIVE, id=n, relation=["r"])] for n in ("train", "dev", "test")})
    assert not load_dataset("jsonl", folder, {}).multi_label


def test_a_relation_given_twice_counts_once_and_is_told(tmp_path):
    assert "3 of 18 instances name a relation twice (counted once)" in loaded(tmp_path, negative="none").card["remarks"]


def test_a_written_multi_label_corpus_is_the_same_corpus(tmp_path):
    original = loaded(tmp_path, negative="none")
    write(original, tmp_path / "out")
    again = load_dataset("jsonl", tmp_path / "out", {})
    assert again.multi_label
    assert_same(again, original)


def test_a_multi_label_corpus_stays_one_without_a_list(tmp_path):
    folder = folder_of(
        tmp_path / "c", train=rows("a")[1:3], dev=[], test=rows("t")[1:3], dataset_yaml="multi_label: true"
    )
    assert load_dataset("jsonl", folder, {"negative": "none"}).multi_label


def test_a_multi_label_cell_runs(mini, mini_preset):
    dataset = loaded(mini, negative="none")
    spec = plan(build(str(mini_preset), ratios="1", draws="0"), dataset)[0]
    record, lines, _ = execute(spec, dataset)
    assert (record.status, lines[0]["gold"]) == ("ok", ["r", "s"])


def itself(name: str) -> dict[str, Any]:
    return change(NATIVE, id=name, tail=[1, 2])


def test_a_relation_of_an_entity_with_itself_is_kept(tmp_path):
    folder = folder_of(tmp_path / "c", train=[itself("a"), NATIVE], dev=[], test=[itself("t")])
    dataset = load_dataset("jsonl", folder, {})
    assert [i.head == i.tail for i in dataset.train] == [True, False]


def test_it_is_counted(tmp_path):
    folder = folder_of(tmp_path / "c", train=[itself("a"), NATIVE], dev=[], test=[itself("t")])
    said = "2 of 3 instances relate an entity to itself: head and tail are the same span (kept)"
    assert load_dataset("jsonl", folder, {}).card["remarks"][0] == said


def test_it_is_kept_in_a_text(tmp_path):
    row = change(TEXT, t={"name": "dog", "pos": [2, 5]})
    folder = folder_of(tmp_path / "c", train=[row], dev=[], test=[NATIVE])
    assert load_dataset("jsonl", folder, {}).train[0].tokens == ("A", "dog", "'s", "soup.")


def test_it_is_kept_by_the_export(tmp_path):
    original = load_dataset("jsonl", folder_of(tmp_path / "c", train=[itself("a")], dev=[], test=[itself("t")]), {})
    write(original, tmp_path / "out")
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), original)


def test_documents_are_kept_by_the_export(tmp_path):
    train = [change(NATIVE, id="a", document="x"), change(NATIVE, id="b", document=7), NATIVE]
    original = load_dataset("jsonl", folder_of(tmp_path / "c", train=train, dev=[], test=[itself("t")]), {})
    assert [i.document for i in original.train] == ["x", "7", ""]
    write(original, tmp_path / "out")
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), original)
