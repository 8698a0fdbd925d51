from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora import semeval
from bench.data.corpora.jsonl import write
from bench.data.corpora.jsonl_line import write_line
from bench.errors import DataError
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build
from tests.data.jsonl_rows import NATIVE, TOKENS, change
from tests.shared import DATA, needs

SEMEVAL, FEWREL = DATA / "semeval2010", DATA / "fewrel"


def rows(prefix: str, relations: str) -> list[dict[str, Any]]:
    """Each of another sentence."""
    tokens: Any = NATIVE["tokens"]
    return [
        change(NATIVE, id=f"{prefix}{n}", relation=r, tokens=[*tokens, f"{prefix}{n}"])
        for n, r in enumerate(relations.split())
    ]


def folder_of(path: Path, **files: object) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        if isinstance(content, list):
            path.joinpath(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
        else:
            path.joinpath(name.replace("_", ".")).write_text(str(content))
    return path


def test_a_folder_without_a_dev_set(tmp_path):
    folder = folder_of(tmp_path / "c", train=rows("a", "r " * 10 + "per:s " * 10 + "NA"), test=rows("b", "r t"))
    dataset = load_dataset("jsonl", folder, {"dev_share": 0.2, "negative": "NA"})
    assert dataset.card["sizes"] == {"train": 17, "dev": 4, "test": 2}
    assert dataset.card["read"] == {"train.jsonl": 21, "test.jsonl": 2}
    assert dataset.card["held_out"] == ["dev: 0.2 of train, stratified by relation, fixed by the salt 'jsonl-dev'"]
    assert (dataset.name, dataset.metric, dataset.schema.negative) == ("jsonl", "tacred_micro_f1", "NA")
    assert dataset.schema.names == ("NA", "per:s", "r", "t")
    assert dataset.schema.verbalisations["per:s"] == "s of head"
    made, untrained = dataset.card["remarks"]
    assert made.startswith("4 of 4 verbalisations were generated from relation names (such as 'NA': 'no relation of")
    assert untrained == "1 relations have no training instance: t"
    assert load_dataset("jsonl", folder, {"dev_salt": "other", "dev_share": 0.2}).dev != dataset.dev
    assert load_dataset("jsonl", folder, {}).metric == "macro_f1_accuracy"


def test_files_by_other_names(tmp_path):
    folder = folder_of(tmp_path / "c", all_txt=json.dumps(TOKENS), val=rows("v", "ate"), test=rows("t", "ate"))
    dataset = load_dataset("jsonl", folder, {"train": "all.txt", "dev": "val.jsonl"})
    assert dataset.card["sizes"] == {"train": 1, "dev": 1, "test": 1}
    with pytest.raises(DataError, match=r"has no train.jsonl \(there: all.txt, test.jsonl, val.jsonl\)"):
        load_dataset("jsonl", folder, {})
    for name in ("../train.jsonl", "/etc/passwd", ".hidden", "a/b"):
        with pytest.raises(DataError, match="is no plain file name"):
            load_dataset("jsonl", folder, {"train": name})


def test_what_is_missing_or_contradicts(tmp_path):
    with pytest.raises(DataError, match=r"'jsonl' needs --data-dir"):
        load_dataset("jsonl", None, {})
    with pytest.raises(DataError, match="is not a directory"):
        load_dataset("jsonl", tmp_path / "nowhere", {})
    folder = folder_of(tmp_path / "c", train=rows("a", "r " * 10))
    with pytest.raises(DataError, match=r"has no test set: put test.jsonl there, or set test_share to hold out"):
        load_dataset("jsonl", folder, {})
    dataset = load_dataset("jsonl", folder, {"test_share": 0.3})
    assert dataset.card["sizes"] == {"train": 6, "dev": 1, "test": 3}
    assert len({i.id for i in (*dataset.train, *dataset.dev, *dataset.test)}) == 10
    with pytest.raises(DataError, match=r"test_share = 0.01 holds out no instance"):
        load_dataset("jsonl", folder, {"test_share": 0.01})
    folder_of(folder, test=rows("b", "r"), dev=rows("d", "r"))
    with pytest.raises(DataError, match=r"option test_share = 0.3 has no effect: there is a test set"):
        load_dataset("jsonl", folder, {"test_share": 0.3})
    with pytest.raises(DataError, match=r"option dev_share = 0.2 has no effect: there is a dev set"):
        load_dataset("jsonl", folder, {"dev_share": 0.2})
    with pytest.raises(DataError, match=r"the negative class 'no' is no relation of the corpus; it has r"):
        load_dataset("jsonl", folder, {"negative": "no"})
    folder_of(folder, test=rows("a", "r"))
    with pytest.raises(DataError, match=r"test.jsonl:1: field id: 'a0' was used at train.jsonl:1 already"):
        load_dataset("jsonl", folder, {})
    folder_of(folder, test=[])
    with pytest.raises(DataError, match="the split 'test' is empty"):
        load_dataset("jsonl", folder, {})


def test_what_a_reader_should_know(tmp_path):
    odd = change(TOKENS, id="odd", h={"name": "cat", "pos": [1, 3]}, t={"pos": [2, 5]}, token=["A", " ", "b", "c", "d"])
    folder = folder_of(tmp_path / "c", train=[odd, NATIVE], test=rows("b", "ate"))
    dataset = load_dataset("jsonl", folder, {"verbalisations": "semeval"})
    assert dataset.card["remarks"][0] == "1 of 3 instances have a head and a tail that share tokens (kept)"
    assert dataset.card["remarks"][1].startswith("1 of 3 instances have an entity whose name is not the words")
    assert dataset.card["blank_tokens"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"r": 0, "r": 1}', r"rel2id.json: not valid JSON"),
        ('["r"]', r"rel2id.json: expected an object \{relation: number\}"),
        ('{"r": true}', r"rel2id.json: expected an object"),
        ('{"r": 0, "s": 0}', r"rel2id.json: two relations have the same number"),
        ('{"s": 0}', r"rel2id.json: relation 'r' occurs in the corpus but is not listed"),
        ("\xff", r"rel2id.json: "),
    ],
)
def test_relation_files(tmp_path, content, message):
    folder = folder_of(tmp_path / "c", train=rows("a", "r"), test=rows("b", "r"))
    (folder / "rel2id.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        load_dataset("jsonl", folder, {})
    (folder / "rel2id.json").write_text('{"z": 7, "r": 3}')
    assert load_dataset("jsonl", folder, {}).schema.names == ("r", "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nam: x", r"dataset.yaml: field nam: Extra inputs are not permitted"),
        ("name: ../x", r"dataset.yaml: field name: String should match"),
        ("extra_tests: [../x]", r"option extra_tests: '../x.jsonl' is no plain file name"),
        ("extra_tests: [none]", r"has no none.jsonl"),
        ("type_constraints: [[A, B, [none]]]", r"dataset.yaml: field type_constraints: 'none' is no relation"),
        ("[", r"dataset.yaml: not a YAML mapping"),
    ],
)
def test_description_files(tmp_path, content, message):
    folder = folder_of(tmp_path / "c", train=rows("a", "r"), test=rows("b", "r"), dataset_yaml=content)
    with pytest.raises(DataError, match=message):
        load_dataset("jsonl", folder, {})


def assert_same(found: Dataset, expected: Dataset) -> None:
    for part in ("name", "metric", "schema", "train", "dev", "test", "test_name", "extra_tests", "datastores"):
        assert getattr(found, part) == getattr(expected, part), part
    assert found.content_hash == expected.content_hash


def miniature_semeval(folder: Path) -> Path:
    folder.mkdir()
    for file, count in ((semeval.TRAIN_FILE, 60), (semeval.TEST_FILE, 9)):
        relations = [semeval.RELATIONS[n * n % 19] for n in range(count)]
        records = (
            f'{n}\t"Der <e1>Öl-dog</e1>, ({n}) <e2>"soup"</e2>."\n{r}\nComment:\n\n' for n, r in enumerate(relations)
        )
        (folder / file).write_text("".join(records), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "corpus",
    [
        "miniature",
        pytest.param("semeval", marks=needs(SEMEVAL)),
        pytest.param("fewrel", marks=needs(FEWREL)),
        "synthetic",
        "templates",
    ],
)
def test_a_written_corpus_is_the_same_corpus(tmp_path, corpus):
    if corpus in ("miniature", "templates"):
        options = {"verbalisation": "template"} if corpus == "templates" else {}
        original = load_dataset("semeval", miniature_semeval(tmp_path / "m"), options)
    elif corpus == "synthetic":
        original = load_dataset("synthetic", None, {"train": 100, "dev": 50, "test": 50})
    else:
        original = load_dataset(corpus, SEMEVAL if corpus == "semeval" else FEWREL, {})
    write(original, tmp_path / "out")
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), original)


@pytest.mark.parametrize("options", [{}, {"verbalisation": "template"}])
def test_generated_texts_are_the_same_texts_when_written(tmp_path, options):
    """Names of relations that hold braces, too, and two that read alike."""
    train = [change(NATIVE, id=str(n), relation=r) for n, r in enumerate(("{head}", "head", "a_{x}_of", "b (e1,e2)"))]
    original = load_dataset("jsonl", folder_of(tmp_path / "c", train=train, test=rows("b", "r"), dev=[]), options)
    write(original, tmp_path / "out")
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), original)


def test_a_file_in_the_folder_binds_the_option(tmp_path):
    write(load_dataset("semeval", miniature_semeval(tmp_path / "m"), {}), tmp_path / "out")
    with pytest.raises(
        DataError, match=r"verbalisations.yaml holds phrases, but the option verbalisation is 'template'"
    ):
        load_dataset("jsonl", tmp_path / "out", {"verbalisation": "template"})
    told = load_dataset("jsonl", tmp_path / "out", {"verbalisation": "template", "verbalisations": "semeval"})
    assert told.schema.verbalisations["Other"] == "{head} has some other relation to {tail}"


def test_a_conversion_by_hand_with_options_is_the_same_corpus(tmp_path):
    """No dev file, no description: the options name the negative class, the metric, the texts and the salt."""
    original = load_dataset("semeval", miniature_semeval(tmp_path / "m"), {})
    folder = tmp_path / "own"
    folder.mkdir()
    for split, file in (("train", semeval.TRAIN_FILE), ("test", semeval.TEST_FILE)):
        lines = map(write_line, semeval.read(tmp_path / "m" / file, split))
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "rel2id.json").write_text(json.dumps({name: n for n, name in enumerate(semeval.RELATIONS)}))
    options = {"corpus": "semeval", "negative": "Other", "metric": "semeval_macro_f1", "verbalisations": "semeval"}
    assert_same(load_dataset("jsonl", folder, options | {"dev_salt": "semeval-dev"}), original)


def test_results_agree(mini, mini_preset):
    """The same cells with the same results, whichever way the corpus was read."""
    original = load_dataset("semeval", miniature_semeval(mini / "m"), {})
    write(original, mini / "out")
    config = build(str(mini_preset), ratios="0.5,1", draws="0")
    results = []
    for dataset in (original, load_dataset("jsonl", mini / "out", {})):
        records = [(spec.cell_id, *execute(spec, dataset)) for spec in plan(config, dataset)]
        results.append([(cell_id, record.metrics, lines) for cell_id, record, lines, _ in records])
    assert results[0] == results[1]
    assert len(results[0]) == 4


def test_writing(tmp_path):
    dataset = load_dataset("jsonl", folder_of(tmp_path / "c", train=rows("a", "r s"), test=rows("b", "r")), {})
    paths = write(dataset, tmp_path / "out")
    assert [path.name for path in paths] == [
        "train.jsonl", "dev.jsonl", "test.jsonl", "rel2id.json", "verbalisations.yaml", "dataset.yaml"
    ]  # fmt: skip
    assert yaml.safe_load((tmp_path / "out" / "dataset.yaml").read_text()) == {"metric": "macro_f1_accuracy"}
    assert dataset.card["remarks"][1] == "the dev set is empty"
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), dataset)
    with pytest.raises(DataError, match="is not empty: name a new folder"):
        write(dataset, tmp_path / "out")
    with pytest.raises(DataError, match="cannot be written"):
        write(dataset, paths[0] / "below")
