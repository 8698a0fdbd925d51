"""DocRED's JSON: what is read, what is refused, and that nothing is read wrongly without a word."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.corpora.docred_format import Document, read
from bench.data.corpora.redocred import RELATIONS
from bench.errors import DataError
from methods.types import Span
from tests.data.documents import ada, mention, write, zoe

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def read_json(folder: Path, content: Any) -> tuple[Document, ...]:
    return read(write(folder / "F.json", content), RELATIONS)


def read_bytes(folder: Path, content: bytes) -> tuple[Document, ...]:
    path = folder / "F.json"
    path.write_bytes(content)
    return read(path, RELATIONS)


def test_documents_by_hand(tmp_path: Path) -> None:
    first, second = read_json(tmp_path, [ada(), zoe()])
    assert (first.number, second.number) == (0, 1)
    assert first.title == "Ada – “Byron’s” child"
    assert first.tokens[12:16] == ("She", "liked", "the", "University")
    person, city, school = first.entities
    assert person.mentions == (Span(0, 1), Span(6, 8), Span(19, 20))  # by position; sentence 1 starts at token 12
    assert person.names == {"Ada", "Ada Byron"}
    assert city.mentions == (Span(10, 11), Span(17, 18))
    assert school.mentions == (Span(15, 18),)
    assert [e.type for e in first.entities] == ["PER", "LOC", "ORG"]
    assert first.facts == {(0, 1): ("P20", "P551"), (2, 1): ("P131",)}  # in the order of RELATIONS, P20 first
    assert second.entities[2].names == {"London"}
    assert second.tokens[4] == "倫敦"


def test_repetitions_are_dropped_and_counted(tmp_path: Path) -> None:
    document = ada()
    document["vertexSet"][1].append(mention("Londres", 0, 10, 11, "LOC"))
    document["labels"] += [{"h": 2, "t": 1, "r": "P131"}] * 2
    (found,) = read_json(tmp_path, [document])
    assert found.entities[1].mentions == (Span(10, 11), Span(17, 18))
    assert found.entities[1].names == {"London", "Londres"}
    assert found.facts[2, 1] == ("P131",)
    assert found.repeated == {"mentions": 1, "labels": 2}


def test_harmless_variants(tmp_path: Path) -> None:
    plain = read_json(tmp_path, [ada()])
    text = json.dumps([ada()], indent=1)  # with \u escapes, over many lines
    assert read_bytes(tmp_path, text.encode()) == plain
    assert read_bytes(tmp_path, b"\xef\xbb\xbf" + text.encode()) == plain
    assert read_bytes(tmp_path, text.replace("\n", "\r\n").encode()) == plain
    document = ada()
    document["sents"].append([])
    document["sents"][0][1] = "\u00a0"  # as the published files have
    (found,) = read_json(tmp_path, [document])
    assert len(found.tokens) == len(plain[0].tokens)


def changed(*path: Any, value: Any = None, drop: bool = False) -> list[Any]:
    """[zoe, ada] with one value of the second document replaced or dropped."""
    content = [zoe(), ada()]
    target: Any = content[1]
    for step in path[:-1]:
        target = target[step]
    if drop:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return content


MISTAKES = {
    "no title": (changed("title", drop=True), "field title: missing"),
    "blank title": (changed("title", value=" "), "field title: empty"),
    "number title": (changed("title", value=7), "field title: expected a string, got int 7"),
    "no sents": (changed("sents", drop=True), "field sents: missing"),
    "text sents": (changed("sents", value="a b"), "field sents: expected a list, got str 'a b'"),
    "text sentence": (changed("sents", 1, value="a b"), r"field sents\[1\]: expected a list"),
    "null token": (changed("sents", 0, 3, value=None), r"field sents\[0\]\[3\]: expected a string, got NoneType None"),
    "half a character": (changed("sents", 0, 3, value="\ud83d"), r"sents\[0\]\[3\]: half of a surrogate pair"),
    "no labels": (changed("labels", drop=True), "field labels: missing; the blind test file of DocRED has none"),
    "label list": (changed("labels", 0, value=[0, 1]), r"field labels\[0\]: expected an object, got list"),
    "no head": (changed("labels", 0, "h", drop=True), r"field labels\[0\].h: missing"),
    "true head": (changed("labels", 0, "h", value=True), r"labels\[0\].h: expected a whole number, got bool True"),
    "float tail": (changed("labels", 0, "t", value=1.0), r"labels\[0\].t: expected a whole number, got float 1.0"),
    "tail beyond": (changed("labels", 0, "t", value=3), r"labels\[0\].t: there is no entity 3; the document has 3"),
    "head below": (changed("labels", 1, "h", value=-1), r"labels\[1\].h: there is no entity -1"),
    "typo": (changed("labels", 0, "r", value="P5511"), r"labels\[0\].r: unknown relation 'P5511'; did you mean 'P551'"),
    "no property": (
        changed("labels", 0, "r", value="zzz"),
        r"unknown relation 'zzz'; expected a property such as 'P6'",
    ),
    "no entities": (changed("vertexSet", drop=True), "field vertexSet: missing"),
    "entity object": (changed("vertexSet", 0, value={}), r"vertexSet\[0\]: expected a list, got dict"),
    "empty entity": (changed("vertexSet", 2, value=[]), r"vertexSet\[2\]: an entity without mentions"),
    "no name": (changed("vertexSet", 0, 1, "name", drop=True), r"vertexSet\[0\]\[1\].name: missing"),
    "type": (changed("vertexSet", 0, 1, "type", value="PERSON"), r"vertexSet\[0\]\[1\].type: 'PERSON' is none of LOC"),
    "sentence": (
        changed("vertexSet", 0, 0, "sent_id", value=2),
        r"vertexSet\[0\]\[0\].sent_id: there is no sentence 2",
    ),
    "below": (changed("vertexSet", 0, 0, "sent_id", value=-1), r"sent_id: there is no sentence -1"),
    "beyond": (changed("vertexSet", 0, 0, "pos", value=[11, 13]), r"pos: \[11, 13\]; expected .* end <= 12"),
    "empty span": (changed("vertexSet", 0, 0, "pos", value=[7, 7]), r"pos: \[7, 7\]; expected \[start, end\]"),
    "negative": (changed("vertexSet", 0, 0, "pos", value=[-1, 1]), r"pos: \[-1, 1\]"),
    "one end": (changed("vertexSet", 0, 0, "pos", value=[7]), r"pos: \[7\]"),
    "text ends": (changed("vertexSet", 0, 0, "pos", value=["7", "8"]), r"pos: \['7', '8'\]"),
    "true ends": (changed("vertexSet", 0, 0, "pos", value=[False, True]), r"pos: \[False, True\]"),
}


@pytest.mark.parametrize(("content", "message"), MISTAKES.values(), ids=MISTAKES)
def test_malformed_documents(tmp_path: Path, content: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_bytes(tmp_path, json.dumps(content).encode())
    assert str(caught.value).startswith("F.json: document 1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", r"F.json:1:1: no JSON"),
        (b"\n[{", r"F.json:2:3: no JSON .*cut off"),
        (b"{}", "F.json: expected a list of documents, got dict {}"),
        (b"[]", "F.json: the file holds no document"),
        (b"[3]", "F.json: document 0: field document: expected an object, got int 3"),
        (b"[null]", "F.json: document 0: field document: expected an object"),
        (b'[\n"\xff"]', "F.json:2: byte 3: field encoding: not UTF-8"),
        (b"[" * 100_000, "F.json: .*; put the published file there"),
        (b"[" + b"9" * 5_000 + b"]", "F.json: Exceeds the limit"),
        (b'[{"title": "a", "title": "b"}]', "F.json: field 'title': given twice in one object"),
    ],
)
def test_malformed_files(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_bytes(tmp_path, raw)


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, RELATIONS)


def test_a_file_of_one_long_line(tmp_path: Path) -> None:
    document = ada()
    document["sents"].append(["ß" * 1000] * 5000)  # ten megabytes
    (found,) = read_json(tmp_path, [document])
    assert len(found.tokens) == 24 + 5000
    document["labels"][0]["r"] = "P" * 10_000_000
    with pytest.raises(DataError, match=r"labels\[0\].r: unknown relation 'PPP") as caught:
        read_json(tmp_path, [document])
    assert len(str(caught.value)) < 300


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    sentences = draw(st.lists(st.lists(text, min_size=1, max_size=6), min_size=1, max_size=3))

    def one() -> dict[str, Any]:
        place = draw(st.integers(0, len(sentences) - 1))
        start = draw(st.integers(0, len(sentences[place]) - 1))
        end = draw(st.integers(start + 1, len(sentences[place])))
        return mention(draw(text), place, start, end, draw(st.sampled_from(["PER", "LOC", "TIME"])))

    entities = [[one() for _ in range(draw(st.integers(1, 3)))] for _ in range(draw(st.integers(0, 4)))]
    number = st.integers(0, len(entities) - 1)
    label = st.fixed_dictionaries({"h": number, "t": number, "r": st.sampled_from(RELATIONS)})
    return {
        "title": "t" + draw(text),
        "sents": sentences,
        "vertexSet": entities,
        "labels": draw(st.lists(label, max_size=5)) if entities else [],
    }


def says(document: Document, raw: dict[str, Any]) -> None:
    """``document`` holds what ``raw`` says, worked out in another way."""
    assert document.title == raw["title"]
    assert list(document.tokens) == [token for sentence in raw["sents"] for token in sentence]
    assert len(document.entities) == len(raw["vertexSet"])
    for entity, mentions in zip(document.entities, raw["vertexSet"], strict=True):
        spans = set()
        for m in mentions:
            before = sum(len(s) for s in raw["sents"][: m["sent_id"]])
            spans.add((before + m["pos"][0], before + m["pos"][1]))
        assert [(s.start, s.end) for s in entity.mentions] == sorted(spans)
        assert entity.names == {m["name"] for m in mentions}
        assert entity.type == mentions[0]["type"]
    facts = {(h, t, r) for (h, t), names in document.facts.items() for r in names}
    assert facts == {(f["h"], f["t"], f["r"]) for f in raw["labels"]}
    for names in document.facts.values():
        assert sorted(names, key=RELATIONS.index) == list(names)


@given(st.lists(documents(), min_size=1, max_size=3))
@settings(relaxed, max_examples=60)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, raw: list[dict[str, Any]]) -> None:
    found = read_json(tmp_path_factory.getbasetemp(), raw)
    assert len(found) == len(raw)
    for document, expected in zip(found, raw, strict=True):
        says(document, expected)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of every value within nested lists and dictionaries."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in [(*path, key), *places(inner, (*path, key))]]


odd = st.sampled_from([None, True, -1, 99, 1.5, "", "x", [], {}, [1], {"h": 0}, 10**30, "\ud800", float("inf")])


@given(data=st.data())
@settings(relaxed, max_examples=150)
def test_a_corrupted_value_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content: Any = [zoe(), ada()]
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from(places(content)))
        target = content
        for step in path:
            target = target[step]
        if data.draw(st.booleans()):
            del target[last]
        else:
            target[last] = copy.deepcopy(data.draw(odd))
    check(tmp_path_factory.getbasetemp(), json.dumps(content).encode(), content)


@given(data=st.data())
@settings(relaxed, max_examples=150)
def test_corrupted_bytes_are_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    raw = bytearray(json.dumps([zoe(), ada()], ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw) - 1))
        end = min(len(raw), start + data.draw(st.integers(0, 40)))
        raw[start:end] = data.draw(
            st.sampled_from([b"", bytes(raw[start:end]) * 2, b"\n", b'"', b"[", b"}", b"\xff", b"9"])
        )
        if data.draw(st.booleans()):
            del raw[data.draw(st.integers(0, len(raw))) :]  # cut off
        if not raw:
            break
    check(tmp_path_factory.getbasetemp(), bytes(raw))


def check(folder: Path, raw: bytes, content: Any = None) -> None:
    """Either a DataError of one line, or documents that say what the file says."""
    try:
        found, refusal = read_bytes(folder, raw), None
    except DataError as error:
        found, refusal = (), str(error)
    assert refusal is None or re.fullmatch(r"F\.json:.+", refusal)  # no line break either
    if refusal:
        return
    content = json.loads(raw) if content is None else content
    assert len(found) == len(content)
    for document, expected in zip(found, content, strict=True):
        says(document, expected)
