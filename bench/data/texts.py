"""The texts of relations: phrases, which stand as they are, or templates with places for an instance's entities (SuRE,
arXiv 2205.09837: `{head} was founded by {tail}`); read from a file {relation: text}, checked.

SuRE's own files are read too: JSON, places called `{subj}` and `{obj}`, a text in a list of its own in some of them. A
text with anything in braces makes its file one of templates; each of its texts then counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.data.corpora.rows import cut, shows
from bench.data.mappings import read_mapping
from bench.errors import DataError
from methods.types import HEAD, TAIL, RelationSchema

Kind = Literal["phrase", "template"]
_BRACED = re.compile(r"\{[^{}]*\}")
_SURE = {"{subj}": HEAD, "{obj}": TAIL}
_PLACES = f"its places are {HEAD} and {TAIL}, or {' and '.join(_SURE)}"


@dataclass(frozen=True)
class Texts:
    """``by_relation`` holds the texts in the order asked for, all of them of one ``kind``; those of ``made`` were made
    from the relations' names."""

    by_relation: Mapping[str, str]
    kind: Kind = "phrase"
    made: tuple[str, ...] = ()

    @property
    def remarks(self) -> list[str]:
        """Sentences for the corpus's card: templates that are no sentence about the instance."""
        if self.kind == "phrase":
            return []
        bare = [name for name, text in self.by_relation.items() if HEAD not in text and TAIL not in text]
        count = f"{len(bare)} of {len(self.by_relation)} templates have no place for an entity"
        return [f"{count}: {', '.join(bare[:10])}"] if bare else []

    def schema(
        self,
        names: tuple[str, ...],
        negative: str | None = None,
        constraints: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> RelationSchema:
        """The schema of ``names`` with these texts. Raises ValueError as `RelationSchema`."""
        return RelationSchema(names, self.by_relation, negative, constraints or {}, self.kind == "template")


def read_texts(path: Path, relations: Sequence[str]) -> Texts:
    """The texts that a file has of ``relations``, places called `{head}` and `{tail}`. It may have those of others.

    Raises DataError, with file and relation, for what `read_mapping` refuses; for a text that is no string (YAML reads
    a bare `no` as a boolean), shows nothing or cannot be encoded; for several texts of a relation; for an unknown
    place, a brace that is part of none, and both ways to name places in one text; and for texts that are equal but for
    case and blanks.
    """
    content = read_mapping(path, "mapping of relation to text")
    texts = {name: _text(content[name], path, name) for name in relations if name in content}
    is_template = any("{" in text or "}" in text for text in texts.values())
    if is_template:
        texts = {name: _template(text, path, name) for name, text in texts.items()}
    owner: dict[str, str] = {}
    for name, text in texts.items():
        first = owner.setdefault(normal(text), name)
        if first != name:
            raise DataError(f"{path}: relations {first!r} and {name!r} share the text {cut(text)}; give each its own")
    return Texts(texts, "template" if is_template else "phrase")


def _text(value: object, path: Path, relation: str) -> str:
    if isinstance(value, list) and len(value) > 1:
        raise DataError(f"{path}: relation {relation!r} has {len(value)} texts; keep one")
    text = value[0] if isinstance(value, list) and value else value
    if not isinstance(text, str) or not shows(text):
        raise no_text(path, relation, text)
    try:
        text.encode()
    except UnicodeEncodeError:  # both formats can spell half of a surrogate pair
        raise DataError(f"{path}: relation {relation!r}: {cut(text)} holds half a character; repair the text") from None
    return text


def _template(text: str, path: Path, relation: str) -> str:
    places = set(_BRACED.findall(text))
    wrong = ""
    if unknown := sorted(places - {HEAD, TAIL} - _SURE.keys()):
        wrong = f"has the unknown place {cut(unknown[0])}"
    elif re.search("[{}]", _BRACED.sub("", text)):
        wrong = "has a brace that belongs to no place"
    elif places & {HEAD, TAIL} and places & _SURE.keys():
        wrong = "mixes two names of places"
    if wrong:
        raise DataError(f"{path}: relation {relation!r}: the template {cut(text)} {wrong}; {_PLACES}")
    return _BRACED.sub(lambda place: _SURE.get(place[0], place[0]), text)


def no_text(path: Path, relation: str, value: object) -> DataError:
    # Never the whole of another value: a few lines of YAML aliases spell a list of billions of items.
    got = cut(value) if value is None or isinstance(value, str | bool) else f"a value of type {type(value).__name__}"
    return DataError(f"{path}: relation {relation!r} needs a text (a quoted string), got {got}")


def normal(text: str) -> str:
    """What tells two texts apart: most tokenizers see neither case nor the number of blanks."""
    return " ".join(text.casefold().split())
