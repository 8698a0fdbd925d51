"""Published shapes of rows that hold several instances -> one row of `jsonl_line` for each of them.

CrossRE (Bassignana and Plank 2022, https://aclanthology.org/2022.findings-emnlp.263): a sentence with its entities and
relations, `{"doc_key", "sentence": [...], "ner": [[start, last, type]], "relations": [[start, last, start, last,
relation, ...]]}`; SciERC's documents (Luan et al. 2018, https://aclanthology.org/D18-1360) have `sentences` in its
place, with lists for each and positions that count the tokens of the document. A pair of entities is an instance; it
has all the relations that are given for it.

DialogRE (Yu et al. 2020, https://aclanthology.org/2020.acl-main.444): `[[turn, ...], [{"x", "y", "x_type", "y_type",
"r": [...]}, ...]]`. The text is all turns; the position of an entity is where its name stands first as a whole word.

An instance is called after `doc_key`, or after the row, and its number there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bench.data.corpora.rows import cut, error, id_of

Rows = list[dict[str, Any]]


def several(row: object, where: str, fallback_id: str) -> Rows | None:
    """The rows of a row of one of these shapes, with half-open positions; None for any other. Raises RowError."""
    if (
        isinstance(row, Mapping)
        and "relations" in row
        and ("sentences" in row or isinstance(row.get("sentence"), list))
    ):
        return _sentences(row, where, fallback_id)
    if isinstance(row, list) and len(row) == 2 and all(isinstance(part, list) for part in row):
        return _dialogue(row[0], row[1], where, fallback_id)
    return None


def _sentences(row: Mapping[str, Any], where: str, fallback_id: str) -> Rows:
    keys = ("sentences", "ner", "relations") if "sentences" in row else ("sentence", "ner", "relations")
    parts = [row.get(key, []) for key in keys]
    if "sentences" not in row:
        parts = [[part] for part in parts]
    if not all(isinstance(part, list) for part in parts) or not len(parts[0]) == len(parts[1]) == len(parts[2]):
        raise error(
            where, keys[0], f"expected as many lists of {' and of '.join(keys[1:])} as sentences", "unfit lists"
        )
    name, rows, offset = id_of(row.get("doc_key"), fallback_id, where, "doc_key"), Rows(), 0
    for tokens, entities, relations in zip(*parts, strict=True):
        for spans, names in _pairs(relations, where).items():
            head, tail = spans[:2], spans[2:]
            made = {"id": f"{name}-{len(rows)}", "tokens": tokens, "relation": names}
            for role, (start, last) in (("head", head), ("tail", tail)):
                made[role] = [start - offset, last + 1 - offset]
                made[f"{role}_type"] = _type(entities, start, last)
            rows.append(made)
        offset += len(tokens) if isinstance(tokens, list) else 0
    return rows


def _pairs(relations: object, where: str) -> dict[tuple[int, ...], list[str]]:
    """(start, last) of head and tail -> the relations of the pair."""
    found: dict[tuple[int, ...], list[str]] = {}
    for one in relations if isinstance(relations, list) else [relations]:
        if not isinstance(one, list) or len(one) < 5 or not all(type(number) is int for number in one[:4]):
            message = f"expected [start, last, start, last, relation, ...], got {cut(one)}"
            raise error(where, "relations", message, "unfit lists")
        found.setdefault(tuple(one[:4]), []).append(one[4])
    return found


def _type(entities: object, start: int, last: int) -> str:
    """The type of the entity at a position; '' where none is given for it."""
    known = entities if isinstance(entities, list) else []
    types = (one[2] for one in known if isinstance(one, list) and one[:2] == [start, last] and len(one) > 2)
    return next((kind for kind in types if isinstance(kind, str)), "")


def _dialogue(turns: list[Any], facts: list[Any], where: str, fallback_id: str) -> Rows:
    if not turns or not all(isinstance(turn, str) for turn in turns):
        raise error(where, "turns", f"expected a list of texts, got {cut(turns)}", "unfit lists")
    text, rows = " ".join(turns), Rows()
    for number, fact in enumerate(facts):
        if not isinstance(fact, Mapping) or not all(isinstance(fact.get(key), str) and fact[key] for key in ("x", "y")):
            raise error(where, "x", f"expected an object with the names x and y, got {cut(fact)}", "unfit lists")
        entities = {
            key: {"name": fact[role], "pos": _mention(text, fact[role]), "type": fact.get(f"{role}_type")}
            for key, role in (("h", "x"), ("t", "y"))
        }
        rows.append({"id": f"{fallback_id}-{number}", "text": text, "relation": fact.get("r"), **entities})
    return rows


def _mention(text: str, name: str) -> list[int] | str:
    """Where a name stands first as a whole word, else anywhere; a sentence that says so where it does not stand."""
    whole = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    start = whole.start() if whole else text.find(name)
    return [start, start + len(name)] if start >= 0 else f"{name[:40]} does not stand in the text"
