"""One line of a JSONL corpus -> Instance, in either of two formats, told apart by their keys.

Ours: `{"id", "tokens": [...], "head": [start, end), "tail": [start, end), "relation", "head_type", "tail_type"}`,
spans in tokens, types optional, no other key.

OpenNRE's (https://github.com/thunlp/OpenNRE; Han et al. 2019, https://aclanthology.org/D19-3029):
`{"token": [...] or "text": "...", "h": {"name", "pos": [start, end)}, "t": {...}, "relation"}`, `pos` in tokens for
`token` and in characters (Unicode code points) for `text`; `id`, `name` and `h.type` are optional and further keys are
ignored. Text is split at blanks and at the ends of both entities, so that a span is exact where an entity is part of
a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.data.corpora.rows import (
    Notes,
    cut,
    error,
    instance,
    known_keys,
    optional_text,
    parse_json,
    shows,
    span_of,
    text_of,
    tokens_of,
)  # fmt: skip
from methods.types import Instance, Span

FIELDS = ("id", "tokens", "head", "tail", "relation", "head_type", "tail_type")


def parse_line(line: str, where: str, fallback_id: str, notes: Notes) -> Instance:
    """The instance of a line; ``fallback_id`` is the id of an OpenNRE instance without one.

    ``notes`` counts what is odd (bench.data.corpora.rows). Raises DataError.
    """
    row = parse_json(line, where)
    if not isinstance(row, dict):
        raise error(where, "line", f"expected an object {{...}}, got {cut(row)}")
    if "h" in row or "t" in row:
        return _open_nre(row, where, fallback_id, notes)
    return _native(row, where, notes)


def write_line(i: Instance) -> str:
    """Our format; `parse_line` reads back the same instance."""
    row: dict[str, object] = {
        "id": i.id,
        "tokens": i.tokens,
        "head": [i.head.start, i.head.end],
        "tail": [i.tail.start, i.tail.end],
        "relation": i.relation,
    }
    row |= {key: value for key, value in (("head_type", i.head_type), ("tail_type", i.tail_type)) if value}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _native(row: Mapping[str, Any], where: str, notes: Notes) -> Instance:
    for key in FIELDS[:5]:
        if key not in row:
            raise error(where, key, f"missing; a line needs {', '.join(FIELDS[:5])}, or token, h, t, relation")
    known_keys(row, FIELDS, where)
    tokens = tokens_of(row["tokens"], where, "tokens")
    return instance(
        text_of(row["id"], where, "id"),
        tokens,
        span_of(row["head"], len(tokens), where, "head"),
        span_of(row["tail"], len(tokens), where, "tail"),
        text_of(row["relation"], where, "relation"),
        (
            optional_text(row.get("head_type"), where, "head_type"),
            optional_text(row.get("tail_type"), where, "tail_type"),
        ),
        where,
        notes,
    )


def _open_nre(row: Mapping[str, Any], where: str, fallback_id: str, notes: Notes) -> Instance:
    for key in ("h", "t", "relation"):
        if key not in row:
            raise error(where, key, "missing; a line needs token or text, h, t and relation")
    entities = {key: row[key] for key in ("h", "t")}
    for key, entity in entities.items():
        if not isinstance(entity, dict) or "pos" not in entity:
            raise error(where, key, f'expected {{"name": ..., "pos": [start, end]}}, got {cut(entity)}')
    if ("token" in row) == ("text" in row):
        raise error(where, "token", "give either `token` (positions count tokens) or `text` (they count characters)")
    if "token" in row:
        tokens = tokens_of(row["token"], where, "token")
        head, tail = (span_of(entity["pos"], len(tokens), where, f"{k}.pos") for k, entity in entities.items())
        words = [" ".join(tokens[span.start : span.end]) for span in (head, tail)]
    else:
        text = text_of(row["text"], where, "text")
        first, second = (
            span_of(entity["pos"], len(text), where, f"{k}.pos", "characters") for k, entity in entities.items()
        )
        words = [text[span.start : span.end] for span in (first, second)]
        for key, word in zip(entities, words, strict=True):
            if not shows(word):
                raise error(where, f"{key}.pos", f"the entity's text {word!r} shows nothing")
        tokens, head, tail = split_text(text, first, second)
    names = [optional_text(entity.get("name"), where, f"{key}.name") for key, entity in entities.items()]
    notes["misnamed"] += any(n and _letters(n) != _letters(w) for n, w in zip(names, words, strict=True))
    types = [optional_text(entity.get("type"), where, f"{key}.type") for key, entity in entities.items()]
    given = row.get("id")
    name = str(given) if isinstance(given, int) and not isinstance(given, bool) else optional_text(given, where, "id")
    relation = text_of(row["relation"], where, "relation")
    return instance(name or fallback_id, tokens, head, tail, relation, (types[0], types[1]), where, notes)


def split_text(text: str, head: Span, tail: Span) -> tuple[tuple[str, ...], Span, Span]:
    """(tokens, head, tail in tokens): split at blanks and at the ends of both spans, which count characters.

    Both spans must hold something that is no blank.
    """
    ends = sorted({0, head.start, head.end, tail.start, tail.end, len(text)})
    tokens: list[str] = []
    before: dict[int, int] = {}  # characters -> tokens that begin earlier
    for start, end in zip(ends, [*ends[1:], len(text)], strict=True):
        before[start] = len(tokens)
        tokens += text[start:end].split()
    spans = [Span(before[span.start], before[span.end]) for span in (head, tail)]
    return tuple(tokens), spans[0], spans[1]


def _letters(text: str) -> str:
    """A name as it can be compared: corpora lower-case names and lose the blanks between tokens."""
    return "".join(text.casefold().split())
