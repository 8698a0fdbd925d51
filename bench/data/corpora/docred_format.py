"""One file in DocRED's JSON format (Yao et al. 2019, arXiv 1906.06127) -> checked documents.

A file is a list of documents: `title`; `sents`, lists of tokens; `vertexSet`, the entities, each a list of mentions
{`name`, `type`, `sent_id`, `pos`: [start, end) within the sentence}; `labels`, facts {`h`, `t`, `r`} over entity
numbers. Other keys (`evidence`, `global_pos`, `index`) are not read.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.errors import DataError
from methods.types import Span

TYPES = ("LOC", "MISC", "NUM", "ORG", "PER", "TIME")


@dataclass(frozen=True, slots=True)
class Entity:
    """``mentions``: distinct token ranges in the document, by position; they may overlap. ``names``: the mentions'
    names as annotated, which differ from their tokens at times. ``type``: that of the first mention in the file."""

    mentions: tuple[Span, ...]
    names: frozenset[str]
    type: str


@dataclass(frozen=True, slots=True)
class Document:
    """``number``: place in the file, from 0. ``facts``: (head, tail) entity numbers -> relations, in the order of the
    relations asked for; a pair of an entity with itself is among them where it is labelled. ``repeated``: how many
    mentions and labels stood there twice and were dropped."""

    number: int
    title: str
    tokens: tuple[str, ...]
    entities: tuple[Entity, ...]
    facts: dict[tuple[int, int], tuple[str, ...]]
    repeated: Counter[str]


class _MalformedError(Exception):
    """What is wrong with which field; the file and the document are added above."""


def read(path: Path, relations: Sequence[str]) -> tuple[Document, ...]:
    """All documents of a file whose labels are ``relations``. A byte order mark is accepted.

    Raises DataError `FILE: document N (TITLE): field F: what is wrong and what to do` for the first document that
    does not keep the format (N from 0), `FILE:LINE:COLUMN: ...` for what is no JSON.
    """
    order = {name: place for place, name in enumerate(relations)}
    documents = []
    for number, raw in enumerate(_parse(path)):
        try:
            documents.append(_document(number, raw, order))
        except _MalformedError as error:
            title = raw.get("title") if isinstance(raw, dict) else None
            named = f" ({_cut(title)})" if isinstance(title, str) else ""
            raise DataError(f"{path.name}: document {number}{named}: {error}") from None
    if not documents:
        raise DataError(f"{path.name}: the file holds no document; put the published file there")
    return tuple(documents)


def _parse(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        where = f"{path.name}:{line}: byte {error.start}"
        raise DataError(f"{where}: field encoding: not UTF-8; convert the file to UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"{path.name}:{error.lineno}:{error.colno}"
        raise DataError(f"{where}: no JSON ({error.msg}); is the file cut off? Put the published file there") from None
    except (_MalformedError, ValueError, RecursionError) as error:  # a number without end, a nesting without end
        raise DataError(f"{path.name}: {error}; put the published file there") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(content, list):
        raise DataError(
            f"{path.name}: expected a list of documents, got {_kind(content)}; put the published file there"
        )
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two equal keys Python's reader would keep the last without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _MalformedError(f"field {_cut(twice)}: given twice in one object; keep one")
    return content


def _document(number: int, raw: Any, order: dict[str, int]) -> Document:
    title = _string(_get(raw, "title", str), "title")
    if not title.strip():
        raise _MalformedError("field title: empty; name the document")
    sentences: list[list[str]] = []
    for s, sentence in enumerate(_get(raw, "sents", list)):
        where = f"sents[{s}]"
        sentences.append([_string(t, f"{where}[{k}]") for k, t in enumerate(_check(sentence, list, where))])
    repeated: Counter[str] = Counter()
    entities = tuple(
        _entity(entity, f"vertexSet[{e}]", sentences, repeated) for e, entity in enumerate(_get(raw, "vertexSet", list))
    )
    found: dict[tuple[int, int], set[str]] = {}
    for f, fact in enumerate(_get(raw, "labels", list)):
        where = f"labels[{f}]"
        head, tail = (_number(_get(fact, key, int, where), len(entities), f"{where}.{key}", "entity") for key in "ht")
        relation = _get(fact, "r", str, where)
        if relation not in order:
            near = difflib.get_close_matches(relation, order, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected a property such as {next(iter(order))!r}"
            raise _MalformedError(f"field {where}.r: unknown relation {_cut(relation)}; {hint}")
        known = found.setdefault((head, tail), set())
        repeated["labels"] += relation in known
        known.add(relation)
    facts = {pair: tuple(sorted(names, key=order.__getitem__)) for pair, names in found.items()}
    tokens = tuple(token for sentence in sentences for token in sentence)
    return Document(number, title, tokens, entities, facts, repeated)


def _entity(raw: Any, where: str, sentences: Sequence[Sequence[str]], repeated: Counter[str]) -> Entity:
    starts = [0, *accumulate(len(sentence) for sentence in sentences)]
    mentions: list[Span] = []
    names, types = [], []
    for m, mention in enumerate(_check(raw, list, where)):
        place = f"{where}[{m}]"
        names.append(_string(_get(mention, "name", str, place), f"{place}.name"))
        types.append(_get(mention, "type", str, place))
        if types[-1] not in TYPES:
            raise _MalformedError(f"field {place}.type: {_cut(types[-1])} is none of {', '.join(TYPES)}")
        sentence = _number(_get(mention, "sent_id", int, place), len(sentences), f"{place}.sent_id", "sentence")
        position = _get(mention, "pos", list, place)
        length = len(sentences[sentence])
        if not (
            len(position) == 2
            and all(type(value) is int for value in position)
            and 0 <= position[0] < position[1] <= length
        ):
            expected = f"expected [start, end] with 0 <= start < end <= {length}, the length of sentence {sentence}"
            raise _MalformedError(f"field {place}.pos: {_cut(position)}; {expected}")
        mentions.append(Span(starts[sentence] + position[0], starts[sentence] + position[1]))
    if not mentions:
        raise _MalformedError(f"field {where}: an entity without mentions; list one, or remove the entity")
    distinct = sorted(set(mentions), key=lambda span: (span.start, span.end))
    repeated["mentions"] += len(mentions) - len(distinct)
    return Entity(tuple(distinct), frozenset(names), types[0])


def _get(raw: Any, key: str, kind: type, where: str = "") -> Any:
    """``raw[key]``, which must be a ``kind``; ``where`` is the path of ``raw``."""
    path = f"{where}.{key}" if where else key
    if not isinstance(raw, dict):
        raise _MalformedError(f"field {where or 'document'}: expected an object, got {_kind(raw)}")
    if key not in raw:
        hint = "; the blind test file of DocRED has none: use Re-DocRED's" if key == "labels" else ""
        raise _MalformedError(f"field {path}: missing{hint or '; take the document from the published file'}")
    return _check(raw[key], kind, path)


def _check(value: Any, kind: type, path: str) -> Any:
    if type(value) is not kind:  # isinstance would take true for 1
        expected = {list: "a list", str: "a string", int: "a whole number"}[kind]
        raise _MalformedError(f"field {path}: expected {expected}, got {_kind(value)}")
    return value


def _string(value: Any, path: str) -> str:
    text: str = _check(value, str, path)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _MalformedError(
                f"field {path}: half of a surrogate pair in {_cut(text)}; write the character"
            ) from None
    return text


def _number(value: int, count: int, path: str, what: str) -> int:
    if not 0 <= value < count:
        raise _MalformedError(f"field {path}: there is no {what} {value}; the document has {count}, counted from 0")
    return value


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {_cut(value)}"


def _cut(value: Any) -> str:
    """A short, printable form of any value, on one line."""
    text = ascii(value) if not (isinstance(value, str) and value.isprintable()) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
