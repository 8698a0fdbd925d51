from __future__ import annotations

import copy
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.corpora.fewrel import read
from bench.data.corpora.rows import Notes
from bench.errors import DataError
from methods.types import Span
from tests.shared import DATA, needs

OFFICIAL = DATA / "fewrel"
needs_official = needs(OFFICIAL)
TEXTS = Path(__file__).resolve().parents[2] / "configs" / "verbalisations" / "fewrel.yaml"

ROW = {
    "tokens": ["The", "Iron", "Bridge", "spans", "the", "Severn", ",", "the", "Severn", "."],
    "h": ["iron bridge", "Q1", [[1, 2]]],
    "t": ["severn", "Q2", [[5], [8]]],
}


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def corpus(relations: tuple[str, ...], size: int) -> dict[str, list[object]]:
    return {relation: [{**ROW, "tokens": [*ROW["tokens"], str(n)]} for n in range(size)] for relation in relations}


def test_one_instance(tmp_path):
    (instance,) = read(write(tmp_path, "val_wiki", {"P177": [ROW]}))
    assert instance.id == "val_wiki-P177-0"
    assert instance.tokens == tuple(ROW["tokens"])
    assert (instance.head, instance.tail) == (Span(1, 3), Span(5, 6))  # the first mention of the tail
    assert instance.relation == "P177"


def change(**changes: object) -> dict[str, object]:
    return {"P177": [ROW, {**copy.deepcopy(ROW), **changes}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"^val_wiki.json: not valid JSON"),
        ('{"P177": [', r"^val_wiki.json: not valid JSON .*cut off"),
        ('{"P1": [], "P1": []}', r"the key 'P1' is given twice"),
        ("[" * 100_000, r"nested too deeply|not valid JSON"),
        ([ROW], r"^val_wiki.json: expected an object \{relation"),
        ({"P177": {}}, r"^val_wiki.json: field 'P177': expected a list of instances"),
        ({"P177": []}, r"expected a list of instances, got \[\]"),
        ({"P177": [ROW, 3]}, r"^val_wiki.json: P177\[1\]: field instance: expected an object"),
        ({"P177": [{"tokens": ["a"], "h": []}]}, r"P177\[0\]: field t: missing"),
        (change(x=1), r"P177\[1\]: field 'x': unknown"),
        (change(tokens="a b"), r"field tokens: expected a list of tokens"),
        (change(tokens=["a", 1]), r"field tokens: token 1 is 1; expected a string"),
        (change(tokens=["\ud800"]), r"field tokens: '\\ud800' is half a character"),
        (change(h=["a", "b"]), r"field h: expected \[name, id"),
        (change(h=["a", "b", []]), r"field h: expected \[name, id"),
        (change(h=["a", "b", [[]]]), r"field h: expected \[name, id"),
        (change(h=["a", "b", [[True]]]), r"field h: expected \[name, id"),
        (change(h={"a": 1, "b": 2, "c": 3}), r"field h: expected \[name, id"),
        (change(h=["a", "b", [[1, 3]]]), r"field h: the token numbers \[1, 3\] are not consecutive"),
        (change(t=["a", "b", [[9, 10]]]), r"field t: the token numbers \[9, 10\] reach beyond the 10 tokens"),
        (change(t=["a", "b", [[-1]]]), r"field t: the token numbers \[-1\] reach beyond"),
        (change(tokens=["a", " ", "\u200b", *ROW["tokens"]]), r"field head: the entity's tokens .* show nothing"),
    ],
)  # fmt: skip
def test_malformed_files(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path, "val_wiki", content))
    assert "\n" not in str(caught.value)


def test_not_utf8_and_not_readable(tmp_path):
    path = tmp_path / "val_wiki.json"
    path.write_bytes(b'{"P177\xff')
    with pytest.raises(DataError, match="not UTF-8"):
        read(path)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)


def test_split_is_fixed_and_disjoint(tmp_path):
    write(tmp_path, "val_wiki", corpus(("P177", "P26"), 11))
    sizes = {"train": 4, "dev": 2, "test": 3}
    dataset = load_dataset("fewrel", tmp_path, sizes)
    for part, size in sizes.items():
        assert Counter(i.relation for i in getattr(dataset, part)) == {"P177": size, "P26": size}
    ids = [i.id for part in sizes for i in getattr(dataset, part)]
    assert len(ids) == len(set(ids))
    assert dataset.card["unused"] == {"val_wiki": 4}
    assert dataset.card["several_mentions"] == 22
    larger = load_dataset("fewrel", tmp_path, {**sizes, "train": 6})
    assert (larger.test, larger.dev) == (dataset.test, dataset.dev)
    assert set(dataset.train) < set(larger.train)
    other = load_dataset("fewrel", tmp_path, {**sizes, "split_seed": 1})
    assert other.test != dataset.test
    assert (dataset.metric, dataset.schema.negative, dataset.test_name) == ("macro_f1_accuracy", None, "val_wiki")
    assert dataset.card["remarks"] == [
        "val_nyt.json is not there: no test set or datastore of that domain",
        "val_pubmed.json is not there: no test set or datastore of that domain",
        "val_wiki.json has 22 instances, the official one 11200",
    ]


def test_other_domains_are_disjoint_halves(tmp_path):
    write(tmp_path, "val_wiki", corpus(("P177", "P26"), 9))
    write(tmp_path, "val_nyt", corpus(("P26", "P509"), 5))
    write(tmp_path, "val_pubmed", corpus(("occurs_in",), 4))
    dataset = load_dataset("fewrel", tmp_path, {"train": 3, "dev": 3, "test": 3})
    assert Counter(i.relation for i in dataset.extra_tests["val_nyt"]) == {"P26": 3, "P509": 3}
    assert Counter(i.relation for i in dataset.datastores["val_nyt"]) == {"P26": 2}
    assert Counter(i.relation for i in dataset.datastores["val_pubmed"]) == {"occurs_in": 4}
    assert not set(dataset.extra_tests["val_nyt"]) & set(dataset.datastores["val_nyt"])
    assert dataset.schema.names == ("P177", "P26")
    assert dataset.schema.verbalisations["occurs_in"] == "setting of disorder tail"


def test_what_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"needs --data-dir.*val_wiki.json"):
        load_dataset("fewrel", None, {})
    with pytest.raises(DataError, match=r"is not a directory: --data-dir must hold FewRel's val_wiki.json"):
        load_dataset("fewrel", tmp_path / "nowhere", {})
    with pytest.raises(DataError, match=r"has no val_wiki.json"):
        load_dataset("fewrel", tmp_path, {})
    write(tmp_path, "val_wiki", corpus(("P26",), 5))
    with pytest.raises(DataError, match=r"relation P26 has 5 instances, but the options ask for 500 \+ 100 \+ 100"):
        load_dataset("fewrel", tmp_path, {})
    sizes = {"train": 1, "dev": 1, "test": 1}
    write(tmp_path, "pid2name", {"P27": ["citizenship", ""]})
    with pytest.raises(DataError, match=r"pid2name.json: field P26: not listed"):
        load_dataset("fewrel", tmp_path, sizes)
    write(tmp_path, "pid2name", {"P26": "spouse"})
    with pytest.raises(DataError, match=r"pid2name.json: field P26: expected \[name, description\]"):
        load_dataset("fewrel", tmp_path, sizes)
    write(tmp_path, "val_wiki", corpus(("P99999",), 5))
    with pytest.raises(DataError, match=r"relation 'P99999' needs a text"):
        load_dataset("fewrel", tmp_path, sizes)


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(data=st.data())
@settings(relaxed, max_examples=150)
def test_corruption_is_refused_or_harmless(tmp_path_factory, data):
    """Characters are cut, doubled or replaced: either one clear DataError, or what the JSON now says."""
    text = json.dumps({"P177": [ROW, ROW], "P26": [ROW]})
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.sampled_from(["", "1", "[", "]", '"', ",", "null", "\\ud800"])) + text[end:]
    try:
        instances, refusal = read(write(tmp_path_factory.getbasetemp(), "val_wiki", text)), None
    except DataError as error:
        instances, refusal = (), str(error)
    assert refusal is None or re.match(r"val_wiki\.json: .+", refusal)
    if refusal:
        return
    rows = [(relation, row) for relation, rows in json.loads(text).items() for row in rows]
    for instance, (relation, row) in zip(instances, rows, strict=True):
        assert (instance.relation, list(instance.tokens)) == (relation, row["tokens"])
        assert list(range(instance.head.start, instance.head.end)) == row["h"][2][0]
        assert list(range(instance.tail.start, instance.tail.end)) == row["t"][2][0]


def test_texts_differ_in_their_first_word():
    texts = yaml.safe_load(TEXTS.read_text())
    assert len({text.split()[0] for text in texts.values()}) == len(texts) == 43
    assert all(text.endswith(" tail") for text in texts.values())


@needs_official
def test_the_official_corpus():
    dataset = load_dataset("fewrel", OFFICIAL, {})
    assert dataset.card["read"] == {"val_wiki.json": 11200, "val_nyt.json": 2500, "val_pubmed.json": 1000}
    assert dataset.card["sizes"] == {"train": 8000, "dev": 1600, "test": 1600}
    assert set(dataset.card["relations"]["test"].values()) == {100}
    assert len(dataset.schema.names) == 16
    shared = {i.relation for i in dataset.extra_tests["val_nyt"]} & set(dataset.schema.names)
    assert shared == {"P413", "P463", "P921", "P2094", "P410", "P40", "P412", "P25"}
    assert len({i.relation for i in dataset.extra_tests["val_nyt"]}) == 25
    assert Counter(i.relation for i in dataset.datastores["val_nyt"]) == dict.fromkeys(shared, 50)
    unseen = {i.relation for i in dataset.datastores["val_pubmed"]}
    assert (len(unseen), len(dataset.datastores["val_pubmed"])) == (10, 1000)
    assert not unseen & set(dataset.schema.names)
    assert dataset.card["relation_names"]["P177"] == "crosses"
    assert set(yaml.safe_load(TEXTS.read_text())) == set(dataset.schema.verbalisations)
    assert dataset.card["remarks"] == []
    first = next(i for part in (dataset.train, dataset.dev, dataset.test) for i in part if i.id == "val_wiki-P177-0")
    assert (first.text(first.head), first.text(first.tail)) == ("Cape Girardeau Bridge", "Mississippi River")


def test_a_relation_of_an_entity_with_itself_is_kept_and_counted(tmp_path):
    content = change(t=["a", "b", [[1, 2]]])
    notes = Notes()
    last = read(write(tmp_path, "val_wiki", content), notes)[-1]
    assert (last.head, notes["same_span"]) == (last.tail, 1)
