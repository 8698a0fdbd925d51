"""Values of unknown quality -> Instance: the checks that corpora in JSON and in tables share.

Every refusal is a RowError `WHERE: field NAME: what is wrong and what to do`; WHERE names a file with a line, or a
row. What is no mistake but a reader should know of is counted (`Notes`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.errors import DataError
from bench.names import HIDDEN
from methods.types import Instance, Span

_MARKS = "\u034f\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e0fff"  # change how others look
_SHOWN = re.compile(f"[^{HIDDEN}{_MARKS}]")
NOT_JSON, BLANK_ENTITY = "not JSON", "entity that shows nothing"
_LITERAL = re.compile(r"\s*[\[({]+\s*u?'")  # {'token': ['A', ...

# Counted per corpus: "overlapping" (head and tail share tokens), "same_span" (they are the same ones), "blank_tokens"
# (instances with a token that shows nothing; kept, so that positions stay those of the file), "several_relations" (all
# but the first are left out), "repeated_relations".
Notes = Counter[str]


class RowError(DataError):
    """A line or row that cannot be used; ``kind`` says in a few words what is wrong, the same for all that have it."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def error(where: str, field: str, message: str, kind: str = "") -> RowError:
    return RowError(f"{where}: field {field}: {message}", kind or f"unfit {field}")


def cut(value: object) -> str:
    """At most 60 characters of a value, for a message."""
    text = repr(value[:60] if isinstance(value, str | list) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def parse_json(text: str, where: str) -> Any:
    """Strict JSON: no key twice in an object. Raises RowError."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise RowError(f"{where}: nested too deeply", NOT_JSON) from None
    except ValueError as problem:
        if _LITERAL.match(text):
            raise RowError(
                f"{where}: looks like a Python literal, not JSON; write it with json.dumps", NOT_JSON
            ) from None
        raise RowError(f"{where}: not valid JSON ({problem}); is the line or the file cut off?", NOT_JSON) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def text_of(value: object, where: str, field: str) -> str:
    """A string that shows something and can be written as UTF-8."""
    if not isinstance(value, str) or not shows(value):
        raise error(where, field, f"expected a text, got {cut(value)}", f"no text as {field}")
    _encodable(value, where, field)
    return value


def optional_text(value: object, where: str, field: str) -> str:
    """As `text_of`; absent or None or empty is ''."""
    return "" if value is None or value == "" else text_of(value, where, field)


def tokens_of(value: object, where: str, field: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise error(where, field, f"expected a list of tokens, got {cut(value)}")
    tokens = tuple(value)
    for number, token in enumerate(tokens):
        if not isinstance(token, str):
            raise error(where, field, f"token {number} is {cut(token)}; expected a string")
    _encodable(" ".join(tokens), where, field)
    return tokens


def id_of(value: object, fallback: str, where: str, field: str) -> str:
    """A text or a whole number; ``fallback`` where there is none."""
    if type(value) is int:
        return str(value)
    return optional_text(value, where, field) or fallback


def span_of(
    value: object, length: int, where: str, field: str, unit: str = "tokens", *, inclusive: bool = False
) -> Span:
    """``value`` as a span within ``length`` ``unit``: half-open [start, end), or with its last one where
    ``inclusive``."""
    form = "[start, last]" if inclusive else "[start, end)"
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 2:
        raise error(where, field, f"expected {form}, two numbers, got {cut(value)}", "no span")
    for number in value:
        if not isinstance(number, int) or isinstance(number, bool):
            raise error(where, field, f"expected whole numbers, got {cut(list(value))}", "no span")
    start, end = value[0], value[1] + inclusive
    if 0 <= start < end <= length:
        return Span(start, end)
    if inclusive:
        raise error(where, field, f"[{cut(start)}, {cut(value[1])}] is no span within {length} {unit}", "span outside")
    empty = start == end
    hint = (
        f"; the end is exclusive: if it is the entity's last {unit[:-1]}, set the option inclusive "
        "(--set dataset.inclusive=true)"
    )
    message = f"[{cut(start)}, {cut(end)}) is no span within {length} {unit}{hint if empty else ''}"
    raise error(where, field, message, "empty span" if empty else "span outside")


def relations_of(value: object, where: str, field: str, notes: Notes) -> tuple[str, ...]:
    """A relation, or a list of some; one that is given twice is counted."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return (text_of(value, where, field),)
    if not value:
        raise error(
            where, field, "an empty list; name a relation, the negative class where there is none", "no relation"
        )
    names = tuple(dict.fromkeys(text_of(name, where, field) for name in value))
    notes["repeated_relations"] += len(names) < len(value)
    return names


def instance(
    name: str,
    tokens: tuple[str, ...],
    head: Span,
    tail: Span,
    relations: Sequence[str],
    types: tuple[str, str],
    where: str,
    notes: Notes,
    document: str = "",
) -> Instance:
    """Raises RowError for an entity that shows nothing; counts what is odd."""
    first, *more = relations
    made = Instance(name, tokens, head, tail, first, *types, more_relations=tuple(more), document=document)
    for field, span in (("head", head), ("tail", tail)):
        if not shows(made.text(span)):
            message = f"the entity's tokens {cut(list(tokens[span.start : span.end]))} show nothing"
            raise error(where, field, message, BLANK_ENTITY)
    notes["same_span"] += head == tail
    notes["overlapping"] += head != tail and head.start < tail.end and tail.start < head.end
    notes["blank_tokens"] += not all(map(shows, tokens))
    return made


def check_unique(where_of: dict[str, str], name: str, where: str) -> None:
    """Remember where an id was used. Raises DataError if it was used before."""
    if name in where_of:
        raise error(
            where,
            "id",
            f"{cut(name)} was used at {where_of[name]} already; ids are unique over all files",
            "id used before",
        )
    where_of[name] = where


def known_keys(row: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raises DataError for a key that is not among ``known``: a misspelt one would be ignored."""
    names = list(known)
    for key in row:
        if key not in names:
            raise error(where, cut(key), f"unknown; the fields are {', '.join(names)}", "unknown field")


def shows(text: str) -> bool:
    """Whether anything in the text can be seen: not control, format, separator and blank characters alone."""
    return _SHOWN.search(text) is not None


def note_remarks(notes: Notes, total: int) -> list[str]:
    """Sentences for the corpus's card."""
    said = {
        "overlapping": "instances have a head and a tail that share tokens (kept)",
        "same_span": "instances relate an entity to itself: head and tail are the same span (kept)",
        "several_relations": "instances have several relations, of which the first one given counts "
        "(several_relations=first)",
        "repeated_relations": "instances name a relation twice (counted once)",
    }
    return [f"{notes[key]} of {total} {text}" for key, text in said.items() if notes[key]]


def _encodable(text: str, where: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        # JSON can write half of a surrogate pair, which is no character.
        raise error(
            where, field, f"{problem.object[problem.start]!r} is half a character; repair the text", "half a character"
        ) from None
