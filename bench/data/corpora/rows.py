"""Values of unknown quality -> Instance: the checks that corpora in JSON and in tables share.

Every refusal is a DataError `WHERE: field NAME: what is wrong and what to do`; WHERE names a file with a line, or a
row. What is no mistake but a reader should know of is counted (`Notes`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.errors import DataError
from methods.types import Instance, Span

# Counted per corpus: "overlapping" (head and tail share tokens), "blank_tokens" (instances with a token that shows
# nothing; kept, so that positions stay those of the file), "misnamed" (an entity's name is not its words).
Notes = Counter[str]


def error(where: str, field: str, message: str) -> DataError:
    return DataError(f"{where}: field {field}: {message}")


def cut(value: object) -> str:
    """At most 60 characters of a value, for a message."""
    text = repr(value[:60] if isinstance(value, str | list) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def parse_json(text: str, where: str) -> Any:
    """Strict JSON: no key twice in an object. Raises DataError."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise DataError(f"{where}: nested too deeply") from None
    except ValueError as problem:
        raise DataError(f"{where}: not valid JSON ({problem}); is the line or the file cut off?") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def text_of(value: object, where: str, field: str) -> str:
    """A string that shows something and can be written as UTF-8."""
    if not isinstance(value, str) or not shows(value):
        raise error(where, field, f"expected a text, got {cut(value)}")
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


def span_of(value: object, length: int, where: str, field: str, unit: str = "tokens") -> Span:
    """``value`` as the half-open span [start, end) within ``length`` ``unit``."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 2:
        raise error(where, field, f"expected [start, end), two numbers, got {cut(value)}")
    for number in value:
        if not isinstance(number, int) or isinstance(number, bool):
            raise error(where, field, f"expected whole numbers, got {cut(list(value))}")
    start, end = value
    if not 0 <= start < end <= length:
        hint = "; the end is exclusive" if start == end else ""
        raise error(where, field, f"[{start}, {end}) is no span within {length} {unit}{hint}")
    return Span(start, end)


def instance(
    name: str,
    tokens: tuple[str, ...],
    head: Span,
    tail: Span,
    relation: str,
    types: tuple[str, str],
    where: str,
    notes: Notes,
) -> Instance:
    """Raises DataError for an entity that shows nothing and for a head that is the tail; counts what is odd."""
    made = Instance(name, tokens, head, tail, relation, *types)
    for field, span in (("head", head), ("tail", tail)):
        if not shows(made.text(span)):
            raise error(where, field, f"the entity's tokens {list(tokens[span.start : span.end])!r} show nothing")
    if head == tail:
        raise error(where, "tail", f"head and tail are the same span [{tail.start}, {tail.end})")
    notes["overlapping"] += head.start < tail.end and tail.start < head.end
    notes["blank_tokens"] += not all(map(shows, tokens))
    return made


def check_unique(where_of: dict[str, str], name: str, where: str) -> None:
    """Remember where an id was used. Raises DataError if it was used before."""
    if name in where_of:
        raise error(where, "id", f"{cut(name)} was used at {where_of[name]} already; ids are unique over all files")
    where_of[name] = where


def known_keys(row: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raises DataError for a key that is not among ``known``: a misspelt one would be ignored."""
    names = list(known)
    for key in row:
        if key not in names:
            raise error(where, cut(key), f"unknown; the fields are {', '.join(names)}")


def shows(text: str) -> bool:
    """Whether anything in the text can be seen."""
    return any(character.isprintable() and not character.isspace() for character in text)


def note_remarks(notes: Notes, total: int) -> list[str]:
    """Sentences for the corpus's card."""
    said = {
        "overlapping": "instances have a head and a tail that share tokens (kept)",
        "misnamed": "instances have an entity whose name is not the words at its position; "
        "are positions half-open, and counted in tokens for `token`, in characters for `text`?",
    }
    return [f"{notes[key]} of {total} {text}" for key, text in said.items() if notes[key]]


def _encodable(text: str, where: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        # JSON can write half of a surrogate pair, which is no character.
        raise error(where, field, f"{problem.object[problem.start]!r} is half a character; repair the text") from None
