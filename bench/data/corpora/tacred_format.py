"""TACRED's JSON as the LDC distributes it (LDC2018T24), and the published revisions of its labels.

A file is a list of records with `id`, `relation`, `token`, `subj_start`, `subj_end`, `obj_start`, `obj_end` (token
ranges that INCLUDE their end), `subj_type`, `obj_type`; `docid` and `stanford_*` are not read. The subject becomes the
head and the object the tail. A revision of labels is a list of `{"id": ..., "relation": ...}` (TACRED Revisited, Alt
et al. 2020, arXiv 2004.14855) or a mapping of id to relation (Re-TACRED, Stoica et al. 2021, arXiv 2104.08398).

Errors are `FILE:LINE: ...` for what is no JSON and `FILE: record NUMBER: field ...` (counted from 1) for the rest.
Head and tail may overlap (the caller counts them); a token may be empty or long, an entity without any visible
character is an error.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from bench.data.corpora.rows import shows
from bench.errors import DataError
from methods.types import Instance, Span

# What CoreNLP's Penn Treebank tokeniser writes for brackets.
BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_UNREAD = frozenset({"stanford_pos", "stanford_ner", "stanford_head", "stanford_deprel"})
_TWICE = "\0twice"  # marks an object with a repeated key; no key of the format
Record = dict[str, Any]
Numbered = dict[str, tuple[int, Record]]  # id -> number in its file, counted from 1, and record


def parse_json(file: str, content: bytes) -> Any:
    """The JSON of one file without the linguistic annotation, which is most of it.

    A byte order mark is accepted. Raises DataError for what is not UTF-8 or no JSON.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{file}:{line}: field encoding: not UTF-8; convert the file to UTF-8") from None
    if not text.strip():
        raise DataError(f"{file}:1: the file is empty; put the official file there")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}: column {error.colno}"
        raise DataError(f"{where}: no valid JSON ({error.msg}); is the file cut off or damaged?") from None
    except RecursionError:
        raise DataError(f"{file}:1: nested too deeply to be TACRED's JSON; is it the right file?") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{file}:1: no valid JSON ({_cut(str(error))}); is the file damaged?") from None


def _object(pairs: list[tuple[str, Any]]) -> Record:
    """Called for every object while it is parsed, so that the annotation of no two records is in memory at once."""
    kept = [pair for pair in pairs if pair[0] not in _UNREAD]
    record = dict(kept)
    if len(record) < len(kept):
        keys = [key for key, _ in kept]
        record[_TWICE] = next(key for key in keys if keys.count(key) > 1)
    return record


def records_by_id(file: str, rows: Any) -> Numbered:
    """Id -> (number, record) in the order of the file. Raises DataError for what is no list of objects with
    different ids; `instance` looks at the other fields."""
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{file}:1: expected a list of records, found {_kind(rows)}; is it the official file?")
    records: Numbered = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(f"{file}: record {number}: expected an object, found {_kind(row)}")
        if _TWICE in row:
            _fail(file, number, _cut(repr(row[_TWICE])), "is given twice; keep one")
        name = _text(file, number, row, "id")
        if name in records:
            _fail(file, number, "id", f"{_cut(repr(name))} was used by record {records[name][0]}; ids must differ")
        records[name] = (number, row)
    return records


def whole_records(rows: Any) -> bool:
    """Whether a revision holds whole records, not labels only."""
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and "token" in rows[0]


def revised_labels(file: str, rows: Any, relations: Sequence[str]) -> dict[str, Record]:
    """Id -> the fields that a revision changes, `relation` at least. Raises DataError for another form and for an
    unknown relation."""
    if isinstance(rows, dict) and rows:
        if _TWICE in rows:
            raise DataError(f"{file}:1: id {_cut(repr(rows[_TWICE]))} is given twice; keep one")
        patches = {name: (number, {"relation": label}) for number, (name, label) in enumerate(rows.items(), 1)}
    else:
        patches = records_by_id(file, rows)
    for number, patch in patches.values():
        _relation(file, number, patch, relations)
    return {name: patch for name, (_, patch) in patches.items()}


def instance(file: str, number: int, record: Record, relations: Sequence[str], words: dict[str, str]) -> Instance:
    """One record as an instance. ``words`` maps a token to what is put in its place (BRACKETS, or nothing) and
    collects every token, so that equal ones share memory. Raises DataError."""
    tokens = record.get("token")
    if not isinstance(tokens, list) or not tokens or set(map(type, tokens)) != {str}:
        _fail(file, number, "token", f"expected a list of strings, {_found(record, 'token')}")
    _check_unicode(file, number, "token", "".join(tokens))
    tokens = tuple(map(words.setdefault, tokens, tokens))
    return Instance(
        id=_text(file, number, record, "id"),
        tokens=tokens,
        head=_span(file, number, record, "subj", tokens),
        tail=_span(file, number, record, "obj", tokens),
        relation=_relation(file, number, record, relations),
        head_type=words.setdefault(kind := _text(file, number, record, "subj_type"), kind),
        tail_type=words.setdefault(kind := _text(file, number, record, "obj_type"), kind),
    )


def _span(file: str, number: int, record: Mapping[str, Any], role: str, tokens: Sequence[str]) -> Span:
    start, end = (_position(file, number, record, f"{role}_{side}", len(tokens)) for side in ("start", "end"))
    if end < start:
        _fail(file, number, f"{role}_end", f"{end} lies before {role}_start {start}; the end belongs to the entity")
    if not any(map(shows, tokens[start : end + 1])):
        _fail(file, number, f"{role}_start", "the entity has no visible character")
    return Span(start, end + 1)


def _position(file: str, number: int, record: Mapping[str, Any], field: str, length: int) -> int:
    value = record.get(field)
    if type(value) is not int:  # True is no position
        _fail(file, number, field, f"expected a token position, {_found(record, field)}")
    if not 0 <= value < length:
        _fail(file, number, field, f"{_cut(str(value))} lies outside the {length} tokens (counted from 0)")
    return value


def _relation(file: str, number: int, record: Mapping[str, Any], relations: Sequence[str]) -> str:
    name = record.get("relation")
    if isinstance(name, str) and name in relations:
        return name
    near = difflib.get_close_matches(name[:100], relations, n=1) if isinstance(name, str) else []
    hint = f"did you mean {near[0]!r}?" if near else f"expected one such as {relations[1]!r} or {relations[0]!r}"
    _fail(file, number, "relation", f"{_found(record, 'relation')}; {hint}")


def _text(file: str, number: int, record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not shows(value):
        _fail(file, number, field, f"expected text, {_found(record, field)}")
    _check_unicode(file, number, field, value)
    return value


def _check_unicode(file: str, number: int, field: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON can spell half of a surrogate pair: "\\ud800"
        _fail(file, number, field, "holds half a character (a lone surrogate); repair the text")


def _found(record: Mapping[str, Any], field: str) -> str:
    return f"found {_cut(json.dumps(record[field]))}" if field in record else "found none"


def _kind(value: object) -> str:
    return {
        dict: "an object" if value else "an empty object",
        list: "a list" if value else "an empty list",
        str: "text",
        type(None): "null",
    }.get(type(value), "a number or boolean")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _fail(file: str, number: int, field: str, message: str) -> NoReturn:
    raise DataError(f"{file}: record {number}: field {field}: {message}")
