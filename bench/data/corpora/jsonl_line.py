"""One row of a JSONL corpus -> Instance, in any of three formats, told apart by their keys.

Ours: `{"id", "tokens": [...], "head": [start, end), "tail": [start, end), "relation", "head_type", "tail_type",
"document"}`, spans in tokens; id, types and document are optional, and there is no other key.

OpenNRE's (https://github.com/thunlp/OpenNRE; Han et al. 2019, https://aclanthology.org/D19-3029):
`{"token": [...] or "text": "...", "h": {"name", "pos": [start, end)}, "t": {...}, "relation"}`, `pos` in tokens for
`token` and in characters (Unicode code points) for `text`; `id`, `name`, `h.type` and `document` are optional and
further keys are ignored. Text is split at blanks and at the ends of both entities, so that a span is exact where an
entity is part of a word.

With tags in the sentence, as SuRE's and ETRAG's preprocessed SemEval has them (and the Hugging Face hub):
`{"sentence" or "text": "... <e1>...</e1> ... <e2>...</e2> ...", "relation"}`; `id`, `subj_type`, `obj_type` and
`document` are optional, `subj` and `obj` name the entities, further keys are ignored; `label` may stand for `relation`.
e1 is the head. Sentences with masked entities, as BLURB has DDI (`@DRUG$ may interact with @DRUG$`), are of this format
too: the first is the head, and `@DRUG-DRUG$` is both.

A relation may be a list of several, an id a whole number; without one an instance is called SPLIT-NUMBER.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.data.corpora.reading import Reading, split_text
from bench.data.corpora.rows import cut, error, id_of, known_keys, optional_text, text_of
from bench.data.corpora.tagged import masked, untagged, without_lead
from methods.types import Instance

FIELDS = ("id", "tokens", "head", "tail", "relation", "head_type", "tail_type", "document")
_NEEDED = ("tokens", "head", "tail", "relation")


def parse_row(row: object, where: str, fallback_id: str, reading: Reading) -> Instance:
    """The instance of a row; ``fallback_id`` is the id of one without its own. Raises RowError."""
    if not isinstance(row, dict):
        raise error(where, "line", f"expected an object {{...}}, got {cut(row)}", "no object")
    if "h" in row or "t" in row:
        return _open_nre(row, where, fallback_id, reading)
    if "tokens" not in row and any(isinstance(row.get(key), str) for key in ("sentence", "text")):
        return _tagged(row, where, fallback_id, reading)
    return _native(row, where, fallback_id, reading)


def write_line(i: Instance) -> str:
    """Our format; `parse_row` reads back the same instance, but for further mentions."""
    row: dict[str, object] = {
        "id": i.id,
        "tokens": i.tokens,
        "head": [i.head.start, i.head.end],
        "tail": [i.tail.start, i.tail.end],
        "relation": i.relations if i.more_relations else i.relation,
    }
    optional = {"head_type": i.head_type, "tail_type": i.tail_type, "document": i.document}
    return json.dumps(row | {key: value for key, value in optional.items() if value}, ensure_ascii=False) + "\n"


def _native(row: Mapping[str, Any], where: str, fallback_id: str, reading: Reading) -> Instance:
    for key in _NEEDED:
        if key not in row:
            wanted = ", ".join(_NEEDED)
            message = f"missing; a line needs {wanted}, or token, h, t, relation, or a sentence with tags and relation"
            raise error(where, key, message, "missing field")
    known_keys(row, FIELDS, where)
    sentence = reading.of_tokens(row["tokens"], (row["head"], row["tail"]), ("tokens", "head", "tail"), where)
    types = _types(row, ("head_type", "tail_type"), where)
    relations = reading.relations(row["relation"], where, "relation")
    name = id_of(row.get("id"), fallback_id, where, "id")
    return reading.made(name, sentence, relations, types, _document(row, where), where)


def _open_nre(row: Mapping[str, Any], where: str, fallback_id: str, reading: Reading) -> Instance:
    for key in ("h", "t", "relation"):
        if key not in row:
            raise error(where, key, "missing; a line needs token or text, h, t and relation", "missing field")
    entities = {key: row[key] for key in ("h", "t")}
    for key, entity in entities.items():
        if not isinstance(entity, dict) or "pos" not in entity:
            message = f'expected {{"name": ..., "pos": [start, end]}}, got {cut(entity)}'
            raise error(where, key, message, "missing field")
    if ("token" in row) == ("text" in row):
        message = "give either `token` (positions count tokens) or `text` (they count characters)"
        raise error(where, "token", message, "missing field")
    places = (row["h"]["pos"], row["t"]["pos"])
    if "token" in row:
        sentence = reading.of_tokens(row["token"], places, ("token", "h.pos", "t.pos"), where)
        words = [" ".join(sentence[0][span.start : span.end]) for span in sentence[1:]]
    else:
        text = text_of(row["text"], where, "text")
        spans = reading.of_text(text, places, ("h.pos", "t.pos"), where)
        words = [text[span.start : span.end] for span in spans]
        sentence = split_text(text, *spans)
    names = [optional_text(entity.get("name"), where, f"{key}.name") for key, entity in entities.items()]
    head_type, tail_type = (optional_text(e.get("type"), where, f"{key}.type") for key, e in entities.items())
    relations = reading.relations(row["relation"], where, "relation")
    name = id_of(row.get("id"), fallback_id, where, "id")
    made = reading.made(name, sentence, relations, (head_type, tail_type), _document(row, where), where)
    ends = [(start, end + reading.inclusive) for start, end in places] if "text" in row else []
    reading.names.compare(made.id, names, words, row.get("text", ""), ends)
    return made


def _tagged(row: Mapping[str, Any], where: str, fallback_id: str, reading: Reading) -> Instance:
    relation = "label" if "label" in row and "relation" not in row else "relation"
    if relation not in row:
        raise error(where, "relation", "missing; a line needs a sentence with tags and relation", "missing field")
    field = "sentence" if "sentence" in row else "text"
    text = text_of(row[field], where, field)
    names = [optional_text(row.get(key), where, key) for key in ("subj", "obj")]
    types = _types(row, ("subj_type", "obj_type"), where)
    if field == "text" and all(names):
        text = without_lead(text, (names[0], names[1]), types)
    if found := masked(text):
        bare, head, tail, types = found
    else:
        bare, head, tail = untagged(text, where, field)
    name = id_of(row.get("id"), fallback_id, where, "id")
    relations = reading.relations(row[relation], where, relation)
    made = reading.made(name, split_text(bare, head, tail), relations, types, _document(row, where), where)
    reading.names.compare(made.id, names, [bare[span.start : span.end] for span in (head, tail)])
    return made


def _types(row: Mapping[str, Any], fields: tuple[str, str], where: str) -> tuple[str, str]:
    return optional_text(row.get(fields[0]), where, fields[0]), optional_text(row.get(fields[1]), where, fields[1])


def _document(row: Mapping[str, Any], where: str) -> str:
    return id_of(row.get("document"), "", where, "document")
