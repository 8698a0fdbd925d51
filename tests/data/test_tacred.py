from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora.tacred import RETACRED, TACRED
from bench.errors import DataError
from methods.types import Instance, Span
from tests.data.tacred_files import ldc, record, write

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "off")


def read(folder: Path, files: dict, **options: object) -> Dataset:
    return load_dataset("tacred", write(folder, files), options)


def read_one(folder: Path, one: object, **options: object) -> Instance:
    """The only instance of a training file with this record."""
    (found,) = read(folder, ldc() | {"train.json": [one]}, **options).train
    return found


def test_one_record(tmp_path):
    assert read_one(tmp_path, record("e7798fb926b9403cfcd2")) == Instance(
        "e7798fb926b9403cfcd2",
        ("Ann", "Lee", "is", "(", "the", ")", "mayor", "of", "Zürich", "."),
        Span(0, 2),  # subj_end belongs to the entity
        Span(6, 7),
        "per:title",
        "PERSON",
        "TITLE",
    )


def test_brackets_are_an_option(tmp_path):
    tokens = ["-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-", "``", "-lrb-", "x-LRB-", "a"]
    assert read_one(tmp_path, record("a", tokens=tokens)).text() == "( ) [ ] { } `` -lrb- x-LRB- a"
    assert read_one(tmp_path, record("a", tokens=tokens), brackets=False).text() == " ".join(tokens)


def test_a_whole_dataset(tmp_path):
    files = ldc(train=("a", "b", "c"), dev=("d", "e"), test=("f",))
    files["train.json"][1]["relation"] = "no_relation"
    dataset = read(tmp_path, files)
    assert [[i.id for i in part] for part in (dataset.train, dataset.dev, dataset.test)] == [
        ["a", "b", "c"], ["d", "e"], ["f"]
    ]  # fmt: skip
    assert (dataset.name, dataset.metric, dataset.schema.negative) == ("tacred", "tacred_micro_f1", "no_relation")
    assert dataset.schema.names == TACRED
    assert (len(TACRED), len(set(TACRED)), len(RETACRED), len(set(RETACRED))) == (42, 42, 40, 40)
    assert len(set(TACRED) & set(RETACRED)) == 36
    card = dataset.card
    assert card["read"] == {"train": 3, "dev": 2, "test": 1}
    assert card["sizes"] == {"train": 3, "dev": 2, "test": 1}
    assert (card["dropped"], card["removed"]) == (0, {})
    assert card["relations"]["train"]["per:title"] == 2
    assert card["remarks"][0] == "train has 3 instances, the official tacred 68124"


def test_missing_directory_and_files(tmp_path):
    with pytest.raises(DataError, match="needs --data-dir"):
        load_dataset("tacred", None, {})
    with pytest.raises(DataError, match="nowhere is not a directory"):
        load_dataset("tacred", tmp_path / "nowhere", {})
    write(tmp_path, {"train.json": [record("a")]})
    with pytest.raises(DataError, match=r"has no dev.json and no test.json: --data-dir must hold the LDC's files"):
        load_dataset("tacred", tmp_path, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subj_end": 10}, "field subj_end: 10 lies outside the 10 tokens"),
        ({"subj_start": -1}, "field subj_start: -1 lies outside"),
        ({"obj_start": 7}, "field obj_end: 6 lies before obj_start 7; the end belongs to the entity"),
        ({"obj_start": "6"}, 'field obj_start: expected a token position, found "6"'),
        ({"obj_start": 6.0}, "field obj_start: expected a token position, found 6.0"),
        ({"obj_start": True}, "field obj_start: expected a token position, found true"),
        ({"subj_start": 10**50}, r"field subj_start: 10+\S* lies outside"),
        ({"relation": "per:titel"}, "field relation: found \"per:titel\"; did you mean 'per:title'"),
        ({"relation": None}, "field relation: found null; expected one such as"),
        ({"relation": "per:identity"}, "field relation: found \"per:identity\""),
        ({"token": []}, r"field token: expected a list of strings, found \[\]"),
        ({"token": "Ann Lee"}, "field token: expected a list of strings"),
        ({"token": ["a"] * 9 + [None]}, "field token: expected a list of strings"),
        ({"token": ["a"] * 9 + ["\ud800"]}, "field token: holds half a character"),
        ({"id": ""}, "field id: expected text, found \"\""),
        ({"id": 7}, "field id: expected text, found 7"),
        ({"id": "\udc00"}, "field id: holds half a character"),
        ({"subj_type": None}, "field subj_type: expected text, found null"),
        ({"obj_type": " "}, "field obj_type: expected text"),
        ({"token": ["", "\u200b"] + ["a"] * 8}, "field subj_start: the entity has no visible character"),
        ({"token": ["", " "] + ["a"] * 8}, "field subj_start: the entity has no visible character"),
    ],
)  # fmt: skip
def test_malformed_records(tmp_path, change, message):
    with pytest.raises(DataError, match=rf"^train.json: record 2: {message}"):
        read(tmp_path, ldc() | {"train.json": [record("a"), record("b") | change]})


def test_missing_fields(tmp_path):
    needed = {"id", "relation", "token", "subj_start", "subj_end", "obj_start", "obj_end", "subj_type", "obj_type"}
    for field in record("a"):
        one = record("a")
        del one[field]
        if field in needed:
            with pytest.raises(DataError, match=rf"^train.json: record 1: field {field}: .*found none"):
                read_one(tmp_path, one)
        else:
            assert read_one(tmp_path, one).id == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train.json:1: the file is empty"),
        (b" \n", "train.json:1: the file is empty"),
        (b"[]", "train.json:1: expected a list of records, found an empty list"),
        (b'{"id": "a"}', "train.json:1: expected a list of records, found an object"),
        (b"7", "train.json:1: expected a list of records, found a number"),
        (b"[7]", "train.json: record 1: expected an object, found a number"),
        (b'[{"id": "a", "id": "b"}]', "train.json: record 1: field 'id': is given twice"),
        (b'[\n{"id": "a"', r"train.json:2: column 11: no valid JSON .*cut off"),
        (b'[\n\n"s\xfc"]', "train.json:3: field encoding: not UTF-8"),
        (b"[" * 100_000, "train.json:1: nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "train.json:1: no valid JSON"),
        (json.dumps([record("a"), record("a")]).encode(), "train.json: record 2: field id: 'a' was used by record 1"),
        (json.dumps([record("a"), record("c")]).encode(), "dev.json: record 1: field id: 'c' stands in train.json too"),
    ],
)
def test_malformed_files(tmp_path, content, message):
    write(tmp_path, ldc())
    (tmp_path / "train.json").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("tacred", tmp_path, {})
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_harmless(tmp_path):
    write(tmp_path, ldc())
    (tmp_path / "train.json").write_bytes(b"\xef\xbb\xbf" + json.dumps([record("a")]).encode())
    assert [i.id for i in load_dataset("tacred", tmp_path, {}).train] == ["a"]


def test_what_is_legal_if_odd(tmp_path):
    """Overlapping entities, an empty token and one of ten million characters are read as they stand; overlaps count."""
    overlapping = record("a", obj_start=1, obj_end=3)
    dataset = read(tmp_path, ldc() | {"train.json": [overlapping, record("b")]})
    assert (dataset.train[0].head, dataset.train[0].tail) == (Span(0, 2), Span(1, 4))
    assert dataset.card["overlapping"] == {"train": 1, "dev": 0, "test": 0}
    assert "head and tail overlap in 1 instances" in dataset.card["remarks"]
    tokens = ["Ann", "Lee", "", "\u00a0", "x" * 10_000_000, "\n", "a b", "<e1>", "学生", "."]
    assert read_one(tmp_path, record("a", tokens=tokens)).tokens == tuple(tokens)


token = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
visible = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)


@st.composite
def records(draw: st.DrawFn) -> dict:
    tokens = draw(st.lists(token, max_size=8)) + draw(st.lists(visible, min_size=1, max_size=6))
    tokens = draw(st.permutations(tokens))
    position = st.integers(0, len(tokens) - 1)
    spans = [sorted((draw(position), draw(position))) for _ in range(2)]
    for start, _ in spans:
        tokens[start] += draw(visible)
    return record(
        draw(visible), draw(st.sampled_from(TACRED)), tokens,
        subj_start=spans[0][0], subj_end=spans[0][1], obj_start=spans[1][0], obj_end=spans[1][1],
        subj_type=draw(visible), obj_type=draw(visible),
    )  # fmt: skip


def as_written(one: dict) -> Instance:
    head, tail = (Span(one[f"{role}_start"], one[f"{role}_end"] + 1) for role in ("subj", "obj"))
    return Instance(one["id"], tuple(one["token"]), head, tail, one["relation"], one["subj_type"], one["obj_type"])


@given(rows=st.lists(records(), min_size=1, max_size=4, unique_by=lambda row: row["id"]))
@relaxed
def test_what_is_written_is_read_back(tmp_path, rows):
    dev, test = record("the dev one"), record("the test one")
    dataset = read(
        tmp_path, {"train.json": rows, "dev.json": [dev], "test.json": [test]}, brackets=False
    )  # fmt: skip
    assert list(dataset.train) == [as_written(row) for row in rows]


VALUES = [None, True, -1, 0, 5, 9, 10, 99, 1.5, "", "x", "\ud800", [], ["a"], {}, ["\ud800"] * 10, "no_relation"]


@given(data=st.data())
@relaxed
def test_a_damaged_record_is_refused_or_read_as_it_stands(tmp_path, data):
    rows = [record("a"), record("b", "per:age"), record("c", "no_relation")]
    for _ in range(data.draw(st.integers(1, 2))):
        row = data.draw(st.sampled_from(rows))
        field = data.draw(st.sampled_from([name for name in row if not name.startswith("stanford")] or ["id"]))
        if data.draw(st.booleans()):
            row[field] = copy.copy(data.draw(st.sampled_from(VALUES)))
        else:
            del row[field]
    files = {"train.json": rows, "dev.json": [record("dev")], "test.json": [record("test")]}
    try:
        found, refusal = read(tmp_path, files, brackets=False).train, None
    except DataError as error:
        found, refusal = (), str(error)
    if refusal:
        assert re.fullmatch(r"train\.json: record [123]: field [a-z_]+: .+", refusal)
    else:
        assert list(found) == [as_written(row) for row in rows]


@given(data=st.data())
@relaxed
def test_damaged_bytes_are_refused_or_read_as_they_stand(tmp_path, data):
    """Bytes are cut, doubled or replaced: either one line of error, or what the standard parser finds there."""
    write(tmp_path, ldc(dev=("dev",), test=("test",)))
    raw = bytearray(json.dumps([record("a"), record("b", "per:age")], ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 2))):
        start = data.draw(st.integers(0, len(raw) - 1))
        end = min(len(raw), start + data.draw(st.integers(1, 40)))
        raw[start:end] = data.draw(
            st.sampled_from([b"", bytes(raw[start:end]) * 2, b"\n", b'"', b"]", b"7", b"\xff", b"\xc3\xa9"])
        )
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw))) :]
    (tmp_path / "train.json").write_bytes(raw)
    try:
        found, refusal = load_dataset("tacred", tmp_path, {"brackets": False}).train, None
    except DataError as error:
        found, refusal = (), str(error)
    if refusal:
        assert re.fullmatch(r"train\.json(:\d+|: record \d+): .+", refusal)
    else:
        assert list(found) == [as_written(row) for row in json.loads(raw)]


def test_the_cache_gives_the_same_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    files = ldc(train=("a", "b")) | {"train.json": [record("a", tokens=["Ann", "\ud83d\ude00", "-LRB-", *"bcdefgh"])]}
    first = read(tmp_path / "data", files)
    monkeypatch.setattr("bench.data.corpora.tacred._parse", lambda *_, **__: pytest.fail("parsed again"))
    second = load_dataset("tacred", tmp_path / "data", {})
    assert second == first
    assert second.content_hash == first.content_hash
    with pytest.raises(pytest.fail.Exception):  # another option is another entry
        load_dataset("tacred", tmp_path / "data", {"brackets": False})


def test_the_cache_serves_both_kinds_of_texts(tmp_path, monkeypatch):
    """What is parsed has no texts: one entry, and the texts that are asked for."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    plain = read(tmp_path / "data", ldc())
    told = load_dataset("tacred", tmp_path / "data", {"verbalisation": "template"})
    assert [d.schema.verbalisations["per:age"] for d in (plain, told)] == ["aged tail", "{head} is aged {tail}"]
    assert [d.schema.template for d in (plain, told)] == [False, True]


def test_types_admit_what_a_file_says(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    plain = read(tmp_path / "data", ldc())
    (tmp_path / "types.json").write_text('{"PERSON|TITLE": ["per:title"]}', encoding="utf-8")
    told = load_dataset("tacred", tmp_path / "data", {"type_constraints": str(tmp_path / "types.json")})
    assert told.schema.type_constraints == {("PERSON", "TITLE"): {"per:title"}}
    assert told.schema.admitted(told.test).sum() == 2  # with the negative class
    assert told.content_hash != plain.content_hash
