"""Miniatures of published corpora, by their schemas: they load as they are, counts are equal. All texts invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora import jsonl, semeval
from bench.data.corpora.shapes import several
from bench.errors import DataError
from methods.types import Instance, Span

SPLITS = ("train", "dev", "test")


def corpus(folder: Path, files: Mapping[str, str], **options: object) -> Dataset:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return load_dataset("jsonl", folder, options)


def kbp37(split: str, *sentences: str) -> str:
    start = 100 * SPLITS.index(split)
    return "".join(f'{start + n}\t"{text}"\norg:members(e1,e2)\n\n\n' for n, text in enumerate(sentences))


FINE, EMPTY = "<e1> Ada </e1> plays for <e2> the Owls </e2> ..", "<e1> </e1> plays for <e2> the Owls </e2> .."


def test_kbp37(tmp_path):
    files = {f"{split}.txt": kbp37(split, FINE, FINE.replace("Ada", "Bob")) for split in SPLITS}
    dataset = corpus(tmp_path, files)
    assert dataset.card["sizes"] == {"train": 2, "dev": 2, "test": 2}
    tokens = ("Ada", "plays", "for", "the", "Owls", "..")
    assert dataset.train[0] == Instance("0", tokens, Span(0, 1), Span(3, 5), "org:members(e1,e2)")


def test_kbp37_with_empty_entities(tmp_path):
    files = {f"{split}.txt": kbp37(split, FINE, EMPTY, EMPTY) for split in SPLITS}
    dataset = corpus(tmp_path, files, on_error="drop")
    kind = "entity that shows nothing"
    assert dataset.card["dropped"] == {f"{kind} in {split}.txt": 2 for split in SPLITS}


@pytest.mark.parametrize("content", ['1\t"a"\n', '1\t"a"\n2\t"b"\nr\n', '1\t"a"\nr\n\nstray\n'])
def test_records_that_are_none_are_unusable(tmp_path, content):
    text = content.replace('"a"', f'"{FINE}"').replace('"b"', f'"{FINE}"')
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(DataError, match=r"expected a record, its relation in the line below it"):
        jsonl.read(tmp_path / "x.txt")


@given(st.lists(st.sampled_from(semeval.RELATIONS), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_files_of_semeval_are_read_alike(tmp_path_factory, relations, end):
    path = tmp_path_factory.getbasetemp() / "records.txt"
    lines = [f'{n}\t"A {FINE}"{end}{r}{end}Comment: x{end}{end}' for n, r in enumerate(relations)]
    path.write_text("".join(lines), newline="")
    found, official = jsonl.read(path), semeval.read(path, "train")
    assert [(i.tokens, i.head, i.tail, i.relation) for i in found] == [
        (i.tokens, i.head, i.tail, i.relation) for i in official
    ]


def crossre(key: str, *relations: list[Any]) -> dict[str, Any]:
    return {
        "doc_key": key,
        "sentence": ["Ada", "Lee", "led", "the", "Owls", "in", "Rome", key],
        "ner": [[0, 1, "person"], [4, 4, "band"], [6, 6, "location"]],
        "relations": [[*one, "", False, False] for one in relations],
    }


def crossre_lines(split: str) -> str:
    rows = [
        crossre(f"{split}-1", [0, 1, 4, 4, "role"], [4, 4, 6, 6, "physical"], [0, 1, 4, 4, "part-of"]),
        crossre(f"{split}-2"),
        crossre(f"{split}-3", [4, 4, 4, 4, "named"]),
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_crossre(tmp_path):
    dataset = corpus(tmp_path, {f"{split}.json": crossre_lines(split) for split in SPLITS})
    assert dataset.card["sizes"] == {"train": 3, "dev": 3, "test": 3}
    tokens = ("Ada", "Lee", "led", "the", "Owls", "in", "Rome", "train-1")
    assert dataset.train[0] == Instance(
        "train-1-0", tokens, Span(0, 2), Span(4, 5), "part-of", "person", "band", more_relations=("role",)
    )


def test_pairs_of_crossre_keep_their_relations(tmp_path):
    dataset = corpus(tmp_path, {f"{split}.json": crossre_lines(split) for split in SPLITS})
    assert (dataset.multi_label, dataset.card["several_relations"]) == (True, {"train": 1, "dev": 1, "test": 1})


def test_self_relations_of_crossre_are_counted(tmp_path):
    dataset = corpus(tmp_path, {f"{split}.json": crossre_lines(split) for split in SPLITS})
    assert dataset.card["remarks"][0].startswith("3 of 9 instances relate an entity to itself")


def test_documents_of_scierc(tmp_path):
    row = {"doc_key": "D", "sentences": [["We", "use", "nets", "."], ["Nets", "for", "tagging", "."]],
           "ner": [[[2, 2, "Method"]], [[4, 4, "Method"], [6, 6, "Task"]]], "clusters": [],
           "relations": [[], [[4, 4, 6, 6, "USED-FOR"]]]}  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(row))
    (found,) = jsonl.read(tmp_path / "x.json")
    assert found == Instance(
        "D-0", ("Nets", "for", "tagging", "."), Span(0, 1), Span(2, 3), "USED-FOR", "Method", "Task"
    )


def ddi(split: str) -> str:
    texts = {
        "0": "@DRUG$ was given with @DRUG$.",
        "DDI-int": "@DRUG$ may raise @DRUG$ levels.",
        "DDI-effect": "@DRUG-DRUG$.",
    }
    rows = [{"id": f"{split}.p{n}", "sentence": text, "label": name} for n, (name, text) in enumerate(texts.items())]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_ddi(tmp_path):
    dataset = corpus(tmp_path, {f"{split}.json": ddi(split) for split in SPLITS}, negative="0")
    assert dataset.card["sizes"] == {"train": 3, "dev": 3, "test": 3}
    first, _, both = dataset.train
    tokens = ("@DRUG$", "was", "given", "with", "@DRUG$", ".")
    assert first == Instance("train.p0", tokens, Span(0, 1), Span(4, 5), "0", "DRUG", "DRUG")
    assert both.head == both.tail


@pytest.mark.parametrize("text", ["@DRUG$ alone.", "@DRUG$ and @DRUG$ and @DRUG$", "none"])
def test_other_numbers_of_masks_are_unusable(tmp_path, text):
    (tmp_path / "x.json").write_text(json.dumps({"sentence": text, "label": "0"}))
    with pytest.raises(DataError, match="has no tag <e1>"):
        jsonl.read(tmp_path / "x.json")


def dialogre(split: str) -> str:
    turns = ["Speaker 10: Hi!", f"Speaker 1: Hello, Ann. {split}", "Speaker 10: Ann is my boss."]
    facts = [
        {
            "x": "Speaker 1",
            "y": "Ann",
            "x_type": "PER",
            "y_type": "PER",
            "r": ["per:boss", "per:friends"],
            "rid": [1, 2],
        },
        {
            "x": "Ann",
            "y": "Speaker 10",
            "x_type": "PER",
            "y_type": "PER",
            "r": ["unanswerable"],
            "rid": [37],
            "t": [""],
        },
        {
            "x": "Ann",
            "y": "Ann",
            "x_type": "PER",
            "y_type": "PER",
            "r": ["per:alternate_names"],
            "rid": [30],
            "t": [""],
        },
    ]
    return json.dumps([[turns, facts]], indent=1)


def test_dialogre(tmp_path):
    dataset = corpus(tmp_path, {f"{split}.json": dialogre(split) for split in SPLITS}, negative="unanswerable")
    assert dataset.card["sizes"] == {"train": 3, "dev": 3, "test": 3}
    assert [i.relations for i in dataset.train] == [
        ("per:boss", "per:friends"), ("unanswerable",), ("per:alternate_names",)
    ]  # fmt: skip


def test_a_speaker_is_not_another_with_a_longer_number(tmp_path):
    first = corpus(tmp_path, {f"{split}.json": dialogre(split) for split in SPLITS}).train[0]
    assert (first.text(first.head), first.head.start, first.head_type) == ("Speaker 1", 3, "PER")


def test_a_name_that_does_not_stand_in_the_dialogue_is_unusable(tmp_path):
    content = dialogre("train").replace('"x": "Speaker 1"', '"x": "Zoe"')
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match="Zoe does not stand in the text"):
        jsonl.read(tmp_path / "x.json")


def people(split: str) -> str:
    row = {"token": ["曹", "操", "与", "关", "羽", split], "relation": "合作",
           "h": {"name": "曹操", "pos": [0, 1]}, "t": {"name": "关羽", "pos": [3, 4]}}  # fmt: skip
    return "".join(json.dumps({**row, "relation": name}, ensure_ascii=False) + "\n" for name in ("合作", "unknown"))


def test_people_relation(tmp_path):
    files = {f"people-relation_{split}.txt": people(split) for split in SPLITS}
    dataset = corpus(
        tmp_path, files, inclusive=True, negative="unknown", **{s: f"people-relation_{s}.txt" for s in SPLITS}
    )
    assert dataset.card["sizes"] == {"train": 2, "dev": 2, "test": 2}
    assert dataset.train[0].text(dataset.train[0].head) == "曹 操"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(
        st.sampled_from(["sentence", "sentences", "ner", "relations", "x", "y", "r", "doc_key"]), inner, max_size=5
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        {"sentences": [3], "ner": [[]], "relations": [[[0, 0, 1, 1, "r"]]]},
        {"sentences": [["a", "b"]], "ner": [[]], "relations": [[[0, 0, 1, 1, ["r", 3]]]]},
        {"sentence": ["a", "b"], "ner": [], "relations": [[0, 0, 1]]},
        {"sentence": ["a", "b"], "ner": [], "relations": [[0, 0, 1, True, "r"]]},
        {"sentence": ["a", "b"], "ner": [], "relations": [[0, 0, 7, 9, "r"]]},
        {"sentences": [["a"]], "ner": [], "relations": []},
        {"doc_key": ["x"], "sentence": ["a", "b"], "ner": [], "relations": []},
    ],
)
def test_malformed_lists_are_refused(tmp_path, row):
    (tmp_path / "x.json").write_text(json.dumps(row))
    with pytest.raises(DataError, match=r"^x.json:1"):
        jsonl.read(tmp_path / "x.json")


def refusal_or(read: Callable[[], object]) -> str:
    try:
        read()
    except DataError as error:
        return str(error)
    return ""


@given(values)
def test_any_value_is_refused_or_makes_rows(value):
    assert refusal_or(lambda: several(value, "x:1", "x-1")).partition(" field ")[0] in ("", "x:1:")


@given(st.lists(values, max_size=3))
def test_any_file_is_refused_in_one_line_or_read(tmp_path_factory, found):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(found))
    assert "\n" not in refusal_or(lambda: jsonl.read(path))
