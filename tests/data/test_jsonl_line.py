from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.corpora.jsonl import read
from bench.data.corpora.jsonl_line import write_line
from bench.data.corpora.reading import split_text
from bench.errors import DataError
from methods.types import Instance, Span
from tests.data.jsonl_rows import NATIVE, TEXT, TOKENS, change

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_rows(folder: Path, *rows: object) -> tuple[Instance, ...]:
    path = folder / "train.jsonl"
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return read(path)


def test_the_three_forms_of_a_line(tmp_path):
    native, tokens, text = read_rows(tmp_path, NATIVE, TOKENS, TEXT)
    sentence = ("A", "dog", "ate", "the", "soup", ".")
    assert native == Instance("7", sentence, Span(1, 2), Span(4, 5), "ate", "ANIMAL", "")
    assert tokens == Instance("train-2", sentence, Span(1, 2), Span(3, 5), "ate")
    assert text == Instance("train-3", ("A", "dog", "'s", "soup", "."), Span(1, 2), Span(3, 4), "ate", "", "FOOD")


@pytest.mark.parametrize(
    ("text", "head", "tail", "tokens", "spans"),
    [
        ("soup is soup soup", (8, 12), (0, 4), "soup is soup soup", ((2, 3), (0, 1))),
        ('("U.S." vs. A.B.)', (2, 6), (12, 16), '(" U.S. " vs. A.B. )', ((1, 2), (4, 5))),
        ("anti-Norman war", (5, 11), (12, 15), "anti- Norman war", ((1, 2), (2, 3))),
        ("ab", (0, 1), (1, 2), "a b", ((0, 1), (1, 2))),
        ("the  big dog x", (3, 12), (13, 14), "the big dog x", ((1, 3), (3, 4))),
        ("e\u0301a z", (0, 3), (4, 5), "e\u0301a z", ((0, 1), (1, 2))),
        ("e\u0301a z", (0, 1), (4, 5), "e \u0301a z", ((0, 1), (2, 3))),
        ("\U0001f600x y", (0, 1), (3, 4), "\U0001f600 x y", ((0, 1), (2, 3))),
        ("של ירושלים בירת", (3, 10), (11, 15), "של ירושלים בירת", ((1, 2), (2, 3))),
        ("University of Tokyo", (0, 19), (14, 19), "University of Tokyo", ((0, 3), (2, 3))),
        ("abcd", (0, 3), (2, 4), "ab c d", ((0, 2), (1, 3))),
        ("a\u00a0b\u2003c", (0, 3), (4, 5), "a b c", ((0, 2), (2, 3))),
    ],
)
def test_characters_to_tokens(text, head, tail, tokens, spans):
    assert split_text(text, Span(*head), Span(*tail)) == (tuple(tokens.split()), Span(*spans[0]), Span(*spans[1]))


@given(data=st.data())
@settings(relaxed, max_examples=200)
def test_characters_to_tokens_keep_exactly_the_entity(data):
    text = data.draw(st.text(st.sampled_from("ab \u0301\U0001f600ש.\t"), min_size=2, max_size=14))
    ends = st.integers(0, len(text)).flatmap(lambda a: st.tuples(st.just(a), st.integers(0, len(text))))
    head, tail = (data.draw(ends.map(sorted).filter(lambda s: text[s[0] : s[1]].strip())) for _ in "ht")
    tokens, *spans = split_text(text, Span(*head), Span(*tail))
    assert "".join(tokens) == "".join(text.split())
    for span, (start, end) in zip(spans, (head, tail), strict=True):
        assert "".join(tokens[span.start : span.end]) == "".join(text[start:end].split())
        assert "".join(tokens[: span.start]) == "".join(text[:start].split())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'{"id": "7"', r"^train.jsonl:2: not valid JSON .*cut off"),
        (b'{"id": "\xff"}', r"^train.jsonl:2: field encoding: not UTF-8"),
        (b'{"id": "7", "id": "8"}', r"^train.jsonl:2: not valid JSON .*the key 'id' is given twice"),
        (b"[" * 100_000, r"^train.jsonl:2: "),
        (b"NaN", r"^train.jsonl:2: field line: expected an object"),
        ([1], r"^train.jsonl:2: field line: expected an object \{...\}, got \[1\]"),
        ({}, r"^train.jsonl:2: field tokens: missing; a line needs tokens, head, tail, relation, or token, h, t"),
        (NATIVE, r"^train.jsonl:2: field id: '7' was used at train.jsonl:1 already"),
        (change(NATIVE, relation="absent"), r"field relation: missing"),
        (change(NATIVE, relation=" "), r"field relation: expected a text, got ' '"),
        (change(NATIVE, relation=3), r"field relation: expected a text, got 3"),
        (change(NATIVE, head_typ="X"), r"field 'head_typ': unknown; the fields are id, tokens"),
        (change(NATIVE, head_type=1), r"field head_type: expected a text, got 1"),
        (change(NATIVE, id=7.5), r"field id: expected a text, got 7.5"),
        (change(NATIVE, id=True), r"field id: expected a text, got True"),
        (change(NATIVE, relation=[]), r"field relation: an empty list; name a relation"),
        (change(NATIVE, relation=["ate", 3]), r"field relation: expected a text, got 3"),
        (change(NATIVE, tokens=[]), r"field tokens: expected a list of tokens, got \[\]"),
        (change(NATIVE, tokens="A dog"), r"field tokens: expected a list of tokens, got 'A dog'"),
        (change(NATIVE, tokens=["a", None]), r"field tokens: token 1 is None"),
        (change(NATIVE, tokens=["\udc00"] * 6), r"field tokens: .* is half a character"),
        (change(NATIVE, head=[1]), r"field head: expected \[start, end\), two numbers, got \[1\]"),
        (change(NATIVE, head=[1.0, 2]), r"field head: expected whole numbers, got \[1.0, 2\]"),
        (change(NATIVE, head=[False, True]), r"field head: expected whole numbers"),
        (change(NATIVE, head="12"), r"field head: expected \[start, end\)"),
        (change(NATIVE, head=[2, 1]), r"field head: \[2, 1\) is no span within 6 tokens"),
        (change(NATIVE, head=[2, 2]), r"field head: \[2, 2\) is no span within 6 tokens; the end is exclusive: .*incl"),
        (change(NATIVE, head=[-1, 1]), r"field head: \[-1, 1\) is no span"),
        (change(NATIVE, tail=[5, 7]), r"field tail: \[5, 7\) is no span within 6 tokens"),
        (change(NATIVE, tokens=["A", "\u200b", "c", "d", "e"]), r"field head: the entity's tokens .* show nothing"),
        (change(TOKENS, h="dog"), r'field h: expected \{"name": ..., "pos": \[start, end\]\}, got \'dog\''),
        (change(TOKENS, t={"name": "soup"}), r"field t: expected"),
        (change(TOKENS, t="absent"), r"field t: missing"),
        (change(TOKENS, relation="absent"), r"field relation: missing"),
        (change(TOKENS, text="A dog"), r"field token: give either `token` .* or `text`"),
        (change(TOKENS, token="absent"), r"field token: give either"),
        (change(TOKENS, h={"pos": [1, 9]}), r"field h.pos: \[1, 9\) is no span within 6 tokens"),
        (change(TEXT, h={"pos": [1, 19]}), r"field h.pos: \[1, 19\) is no span within 13 characters"),
        (change(TEXT, h={"pos": [1, 2]}), r"field h.pos: the entity's text ' ' shows nothing"),
        (change(TEXT, text=3), r"field text: expected a text, got 3"),
        (change(TEXT, h={"name": 3, "pos": [2, 5]}), r"field h.name: expected a text, got 3"),
        (change(TEXT, id=[1]), r"field id: expected a text, got \[1\]"),
    ],
)  # fmt: skip
def test_malformed_lines(tmp_path, row, message):
    with pytest.raises(DataError, match=message) as caught:
        read_rows(tmp_path, NATIVE, row)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_harmless_variants(tmp_path):
    plain = read_rows(tmp_path, NATIVE)
    line = json.dumps(NATIVE).encode()
    for variant in (b"\xef\xbb\xbf" + line, line + b"\r", b"\n  \n" + line + b"\n\n", b"  " + line):
        assert read_rows(tmp_path, variant) == plain
    assert read_rows(tmp_path, change(TOKENS, id=5))[0].id == "5"
    # Only \n ends a line: these stand inside a token.
    odd = change(NATIVE, tokens=["A", "d\u2028g", "\x85x", "the", "s\x0cp", "."])
    assert read_rows(tmp_path, json.dumps(odd, ensure_ascii=False).encode())[0].tokens == tuple(odd["tokens"])


def test_a_line_of_ten_megabytes(tmp_path):
    tokens = ["word"] * 1_500_000
    (instance,) = read_rows(tmp_path, change(NATIVE, tokens=tokens, tail=[1_499_999, 1_500_000]))
    assert (tmp_path / "train.jsonl").stat().st_size > 10_000_000
    assert instance.tail == Span(1_499_999, 1_500_000)
    with pytest.raises(DataError, match=r"train.jsonl:1: field tokens: expected a list of tokens") as caught:
        read_rows(tmp_path, change(NATIVE, tokens="x" * 10_000_000))
    assert len(str(caught.value)) < 200


text = st.text(min_size=1, max_size=5).filter(lambda t: any(c.isprintable() and not c.isspace() for c in t))


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    tokens = draw(st.lists(text, min_size=2, max_size=6))
    starts = draw(st.lists(st.integers(0, len(tokens) - 1), min_size=2, max_size=2, unique=True))
    head, tail = (Span(start, draw(st.integers(start + 1, len(tokens)))) for start in starts)
    types = draw(st.lists(st.sampled_from(["", "PERSON", "Ö ß"]), min_size=2, max_size=2))
    return Instance(draw(text), tuple(tokens), head, tail, draw(text), *types)


@given(found=st.lists(instances(), min_size=1, max_size=3, unique_by=lambda i: i.id))
@settings(relaxed, max_examples=100)
def test_round_trip(tmp_path_factory, found):
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    path.write_text("".join(map(write_line, found)), encoding="utf-8", newline="\n")
    assert read(path) == tuple(found)


def rows_of(raw: bytes) -> list[Any]:
    if raw.strip().startswith(b"["):
        return list(json.loads(raw))
    return [json.loads(line) for line in raw.split(b"\n") if line.strip()]


@given(data=st.data(), row=st.sampled_from([NATIVE, TOKENS, TEXT]))
@settings(relaxed, max_examples=300)
def test_corruption_is_refused_or_harmless(tmp_path_factory, data, row):
    """Bytes are cut, doubled or replaced: one clear DataError, or the instance that the JSON now says."""
    raw = bytearray(json.dumps(row).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        end = start + data.draw(st.integers(0, 12))
        raw[start:end] = data.draw(st.sampled_from([b"", b"1", b"9", b"[", b"]", b'"', b",", b"null", b"\xff", b"\n"]))
    path = tmp_path_factory.getbasetemp() / "corrupt.jsonl"
    path.write_bytes(bytes(raw))
    try:
        found, refusal = read(path), None
    except DataError as error:
        found, refusal = (), str(error)
    assert refusal is None or re.match(r"(unusable lines: \d+ of )?corrupt\.jsonl.+", refusal)
    for instance, said in zip(found, rows_of(bytes(raw)) if refusal is None else [], strict=True):
        assert list(instance.relations) == (said["relation"] if "[" in str(said["relation"]) else [said["relation"]])
        positions = [said["h"]["pos"], said["t"]["pos"]] if "h" in said else [said["head"], said["tail"]]
        for span, (start, end) in zip((instance.head, instance.tail), positions, strict=True):
            if "text" in said:
                assert "".join(instance.tokens[span.start : span.end]) == "".join(said["text"][start:end].split())
            else:
                assert list(instance.tokens) == said.get("tokens", said.get("token"))
                assert [span.start, span.end] == [start, end]
