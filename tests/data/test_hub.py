from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.data import load_dataset
from bench.errors import DataError
from methods.types import Instance, Span

datasets = pytest.importorskip("datasets", reason="needs the extra `hub` (the library datasets)")
pyarrow = pytest.importorskip("pyarrow")

LABELS = ["no_relation", "per:spouse", "per:title"]
TOKENS = ["A", "dog", "ate", "the", "soup", "."]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def saved(path: Path, *, column: str = "label", label: object = None, **splits: list[int]) -> Path:
    """A folder as `save_to_disk` writes it, TACRED's columns: inclusive ends, class labels."""
    label = label or datasets.ClassLabel(names=LABELS)
    features = datasets.Features(
        {"token": datasets.List(datasets.Value("string")), "subj_start": datasets.Value("int32"),
         "subj_end": datasets.Value("int32"), "obj": {"span": datasets.List(datasets.Value("int32"))},
         "kind": datasets.Value("string"), column: label}
    )  # fmt: skip
    made = {}
    for split, labels in splits.items():
        rows = [
            {"token": TOKENS, "subj_start": 1, "subj_end": 1, "obj": {"span": [3, 4]}, "kind": "FOOD", column: value}
            for value in labels
        ]
        table = datasets.table.InMemoryTable(pyarrow.Table.from_pylist(rows, schema=features.arrow_schema))
        # With a fingerprint given, the library does not compute one, which warns of pyarrow's types.
        info = datasets.DatasetInfo(features=features)
        made[split] = datasets.Dataset(table, info=info, fingerprint=f"{split}-{path.name}")
    datasets.DatasetDict(made).save_to_disk(str(path))
    return path


COLUMNS = {
    "tokens": "token",
    "head": "subj_start,subj_end",
    "tail": "obj.span",
    "inclusive": True,
    "relation": "label",
    "tail_type": "kind",
}


def test_a_saved_dataset_with_class_labels(tmp_path):
    folder = saved(tmp_path / "d", train=[0, 1, 1], validation=[1], test=[2, 0])
    dataset = load_dataset("hub", folder, {**COLUMNS, "negative": "no_relation"})
    assert dataset.schema.names == tuple(LABELS)
    assert dataset.train[0] == Instance("train-0", tuple(TOKENS), Span(1, 2), Span(3, 5), "no_relation", "", "FOOD")
    assert [i.relation for i in dataset.test] == ["per:title", "no_relation"]
    assert [i.id for i in dataset.dev] == ["validation-0"]
    assert dataset.card["read"] == {"train": 3, "validation": 1, "test": 2}
    assert (dataset.name, dataset.metric) == ("hub", "tacred_micro_f1")
    assert dataset.schema.verbalisations["per:title"] == "title of head"
    assert dataset.card["remarks"][1] == "1 relations have no training instance: per:title"


def test_texts_are_made_as_templates_too(tmp_path):
    folder = saved(tmp_path / "d", train=[0, 1, 1], validation=[1], test=[2, 0])
    dataset = load_dataset("hub", folder, {**COLUMNS, "negative": "no_relation", "verbalisation": "template"})
    assert dataset.schema.template
    assert dataset.schema.verbalisations["per:title"] == "{tail} is the title of {head}"


def test_json_files_with_text_and_names(tmp_path):
    """What the library reads by itself: here lines in OpenNRE's format."""
    row = {
        "text": "A dog's soup.",
        "h": {"pos": [2, 5]},
        "t": {"pos": [8, 12]},
        "relation": "owns",
        "key": "ü",
    }
    folder = tmp_path / "d"
    folder.mkdir()
    for split, count in (("train", 5), ("test", 2)):
        lines = [json.dumps({**row, "key": f"{split}/{n}", "text": f"{row['text']} {n}"}) + "\n" for n in range(count)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
    options = {"text": "text", "head": "h.pos", "tail": "t.pos", "instance_id": "key"}
    dataset = load_dataset("hub", folder, options)
    assert dataset.card["sizes"] == {"train": 4, "dev": 1, "test": 2}
    assert dataset.test[1] == Instance("test/1", ("A", "dog", "'s", "soup", ".", "1"), Span(1, 2), Span(3, 4), "owns")
    with pytest.raises(
        DataError,
        match=r"missing field \(train 0, 1, 2 and 2 more, test 0, 1\), the first: train\[0\]: field h.end",
    ):
        load_dataset("hub", folder, {**options, "head": "h.end"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": "words"}, r"split 'train' has no column 'words'; it has token, subj_start"),
        ({"train": "all"}, r"option train: there is no split 'all'; there are train, test"),
        ({"dev": "devel"}, r"option dev: there is no split 'devel'"),
        (
            {"inclusive": False, "head": "subj_start,subj_end"},
            r"empty span \(train 0, 1, test 0\), the first: train\[0\]: field subj_start,subj_end: \[1, 1\) is no",
        ),
        ({"head": "kind"}, r"the first: train\[0\]: field kind: expected \[start, last\], two numbers, got 'FOOD'"),
        ({"head": "obj.end"}, r"the first: train\[0\]: field obj.end: missing"),
        ({"relation": "subj_start"}, r"the first: train\[0\]: field subj_start: expected a text, got 1"),
        ({"instance_id": "kind"}, r"train\[1\]: field id: 'FOOD' was used at train\[0\] already"),
        ({"test": "test", "test_share": 0.5}, r"test_share = 0.5 has no effect"),
        ({"negative": "none"}, r"negative class 'none' is no relation"),
        ({"trust_remote_code": True}, r"unknown option 'trust_remote_code'"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    folder = saved(tmp_path / "d", train=[0, 1], test=[2])
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("hub", folder, COLUMNS | options)
    assert "\n" not in str(caught.value)


def test_an_unlabelled_row(tmp_path):
    folder = saved(tmp_path / "d", train=[0, 1], test=[-1])
    with pytest.raises(DataError, match=r"^test\[0\]: field label: -1 is no class label; is the split unlabelled\?"):
        load_dataset("hub", folder, COLUMNS)


def test_no_test_split(tmp_path):
    folder = saved(tmp_path / "d", train=[0, 1] * 10)
    with pytest.raises(DataError, match=r"has no split 'test' \(it has train\): name one, or set test_share"):
        load_dataset("hub", folder, COLUMNS)
    dataset = load_dataset("hub", folder, {**COLUMNS, "test_share": 0.2, "corpus": "mine", "one_pair": True})
    assert (dataset.name, dataset.card["sizes"]) == ("mine", {"train": 14, "dev": 2, "test": 4})


def test_what_cannot_be_loaded(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"needs either the option id .* or --data-dir"):
        load_dataset("hub", None, {})
    with pytest.raises(DataError, match=r"needs either"):
        load_dataset("hub", tmp_path, {"id": "user/corpus"})
    with pytest.raises(DataError, match="is not a directory"):
        load_dataset("hub", tmp_path / "nowhere", {})
    broken = tmp_path / "broken"
    broken.mkdir()
    with pytest.raises(DataError, match="cannot be loaded by `datasets`"):
        load_dataset("hub", broken, {})
    (broken / "train.jsonl").write_text('{"a": ')
    with pytest.raises(DataError, match="cannot be loaded by `datasets`") as caught:
        load_dataset("hub", broken, {})
    assert "\n" not in str(caught.value)


def test_the_library_is_missing_or_old(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "__version__", "3.6.0")
    with pytest.raises(DataError, match=r"needs the library `datasets` 4 or later.*; this is 3.6.0"):
        load_dataset("hub", tmp_path, {})
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="install this project with the extra 'hub'"):
        load_dataset("hub", tmp_path, {})


def test_a_hub_id_goes_to_the_library_without_code(monkeypatch):
    asked: list[Any] = []

    def load(*arguments: object, **options: object) -> dict[str, Any]:
        asked.append((arguments, options))
        raise ConnectionError("no network\nhere")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(DataError, match=r"^user/corpus: cannot be loaded by `datasets`: no network here$"):
        load_dataset("hub", None, {"id": "user/corpus", "revision": "abc"})
    assert asked == [(("user/corpus", None), {"revision": "abc"})]


def as_json(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    for split, rows in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


ROW = {"tokens": TOKENS, "head": [1, 2], "tail": [3, 5], "relation": "ate", "key": 7, "doc": "d1"}


def test_unusable_rows_can_be_left_out(tmp_path):
    folder = as_json(tmp_path / "d", train=[ROW, {**ROW, "head": [4, 4]}], dev=[ROW], test=[ROW])
    dataset = load_dataset("hub", folder, {"on_error": "drop"})
    assert (len(dataset.train), dataset.card["dropped"]) == (1, {"empty span in train": 1})


def test_a_column_may_hold_lists_of_relations(tmp_path):
    rows = [{**ROW, "relation": ["own", "ate"]}, {**ROW, "relation": ["own"]}]
    dataset = load_dataset("hub", as_json(tmp_path / "d", train=rows, dev=rows, test=rows), {"negative": "own"})
    assert (dataset.multi_label, [i.relations for i in dataset.train]) == (True, [("ate",), ("own",)])


def test_lists_of_class_labels_have_their_names(tmp_path):
    label = datasets.List(datasets.ClassLabel(names=LABELS))
    folder = saved(tmp_path / "d", label=label, train=[[2, 1]], validation=[[0]], test=[[1]])
    dataset = load_dataset("hub", folder, {**COLUMNS, "negative": "no_relation"})
    assert dataset.train[0].relations == ("per:spouse", "per:title")


def test_a_column_names_the_document(tmp_path):
    folder = as_json(tmp_path / "d", train=[ROW, ROW], dev=[ROW], test=[ROW])
    assert [i.document for i in load_dataset("hub", folder, {"document": "doc"}).train] == ["d1", "d1"]


def test_a_relation_of_an_entity_with_itself_is_kept(tmp_path):
    folder = as_json(tmp_path / "d", train=[{**ROW, "tail": [1, 2]}], dev=[ROW], test=[ROW])
    dataset = load_dataset("hub", folder, {})
    assert dataset.card["remarks"][0].startswith("1 of 3 instances relate an entity to itself")


def test_sentences_with_tags(tmp_path):
    row = {"sentence": "A <e1>dog</e1> ate the <e2>soup</e2>.", "relation": "ate"}
    folder = as_json(tmp_path / "d", train=[row], dev=[row], test=[row])
    dataset = load_dataset("hub", folder, {"tagged": "sentence"})
    assert dataset.test[0] == Instance("test-0", tuple(TOKENS), Span(1, 2), Span(4, 5), "ate")
