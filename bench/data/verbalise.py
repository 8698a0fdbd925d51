"""Verbalisations of relations: one YAML file per corpus (configs/verbalisations/NAME.yaml), a user's own file, or,
where neither has a text, one made from the relation's name.

A made text says by its words which entity it is about: `part of tail` (the head is it: the name ends in a
preposition), `country of birth of head` (the tail is it: the convention of TACRED and Wikidata), `cause effect from
head to tail` (the name ends in `(e1,e2)`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import yaml  # type: ignore[import-untyped,unused-ignore]

from bench.errors import DataError
from bench.paths import CONFIGS

_PREPOSITION = re.compile(r"\b(about|after|as|at|before|by|for|from|in|into|near|of|on|over|to|under|with)$", re.ASCII)
_PREFIXES = {"per": "person", "org": "organization", "gpe": "place", "loc": "place"}


class UniqueKeys(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys without a word; a relation given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        twice = [key for key, count in Counter(str(key.value) for key, _ in node.value).items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} is given twice", node.start_mark)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path, what: str) -> dict[object, object]:
    """A YAML mapping. Raises DataError; ``what`` says what the file should hold."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: bad UTF-8, an impossible date
        raise DataError(f"{path}: not a YAML {what}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a {what}, got {type(content).__name__}")
    return content


def load_verbalisations(name: str, relations: Sequence[str]) -> dict[str, str]:
    """The texts of ``relations``, in their order, from configs/verbalisations/``name``.yaml ({relation: text}).

    The file may hold more relations than asked for. Raises DataError for a missing file, malformed YAML, a
    relation without a text, a text that is not a string (YAML reads a bare `no` as a boolean) and equal texts.
    """
    path = _packaged(name)
    texts = _texts(path, relations)
    for relation in relations:
        if relation not in texts:
            raise _no_text(path, relation, None)
    return texts


def verbalise(
    relations: Sequence[str], source: str | Path | None = None, negative: str | None = None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(texts of ``relations`` in their order, relations whose text was made from their name).

    ``source``: a path to a YAML file (a Path, or a text that ends in .yaml or .yml), the name of a file in
    configs/verbalisations, or None. Raises DataError as `load_verbalisations`, but not for a missing relation.
    """
    if isinstance(source, Path) or (source or "").endswith((".yaml", ".yml")):
        given = _texts(Path(source or ""), relations)
    else:
        given = {} if source is None else _texts(_packaged(source), relations)
    missing = [relation for relation in relations if relation not in given]
    texts = {**given, **generate(missing, negative, given.values())}
    return {relation: texts[relation] for relation in relations}, tuple(missing)


def generate(relations: Sequence[str], negative: str | None = None, taken: Iterable[str] = ()) -> dict[str, str]:
    """A text for every relation name, unlike each other and ``taken``, whatever the order of the names.

    `per:spouse` becomes `spouse of head`; where `org:spouse` exists too, `person spouse of head`. Names that still
    read the same are quoted, then numbered.
    """
    texts: dict[str, str] = {}
    used = {_normal(text) for text in taken}
    waiting = list(dict.fromkeys(relations))
    forms: tuple[Callable[[str], str], ...] = (
        lambda name: "no relation of head to tail" if name == negative else _phrase(name, with_prefix=False),
        lambda name: _phrase(name, with_prefix=True),
        lambda name: f"{_phrase(name, with_prefix=True)} ( {' '.join(name.split())} )",
    )
    for form in forms:
        proposed = {name: form(name) for name in waiting}
        count = Counter(map(_normal, proposed.values()))
        texts |= {name: text for name, text in proposed.items() if count[key := _normal(text)] == 1 and key not in used}
        used |= {_normal(texts[name]) for name in waiting if name in texts}
        waiting = [name for name in waiting if name not in texts]
    for name in sorted(waiting):
        number = 2
        while _normal(text := f"{forms[-1](name)} {number}") in used:
            number += 1
        texts[name] = text
        used.add(_normal(text))
    return texts


def _phrase(name: str, *, with_prefix: bool) -> str:
    directed = re.fullmatch(r"(.*)\((e1,e2|e2,e1)\)", name, re.DOTALL)
    stem = directed[1] if directed else name
    if stem.startswith("/"):  # /people/person/place_of_birth (Freebase)
        *prefix, stem = [part for part in stem.split("/") if part] or [stem]
    else:
        *prefix, stem = stem.split(":", 1)  # per:country_of_birth (TACRED)
    if with_prefix:
        stem = " ".join([*(_PREFIXES.get(part, part) for part in prefix), stem])
    spaced = re.sub(r"(?<=[^\W\d_])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])", " ", stem)  # countryOfBirth
    words = " ".join(re.sub(r"[\W_]+", " ", spaced).split()).lower() or "relation"
    if directed:
        return f"{words} from {'head to tail' if directed[2] == 'e1,e2' else 'tail to head'}"
    return f"{words} tail" if _PREPOSITION.search(words) else f"{words} of head"


def _packaged(name: str) -> Path:
    if not re.fullmatch(r"[\w-]+", name):
        raise DataError(f"verbalisations {name!r}: give the name of a file in configs/verbalisations or a .yaml file")
    path = CONFIGS / "verbalisations" / f"{name}.yaml"
    if not path.is_file():
        raise DataError(f"verbalisations {name}.yaml not found in {path.parent}: is the installation complete?")
    return path


def _texts(path: Path, relations: Sequence[str]) -> dict[str, str]:
    """The texts that the file has of ``relations``."""
    content: Mapping[object, object] = read_yaml(path, "mapping of relation to text")
    texts: dict[str, str] = {}
    owner: dict[str, str] = {}
    for relation in relations:
        if relation not in content:
            continue
        text = content[relation]
        if not isinstance(text, str) or not text.strip():
            raise _no_text(path, relation, text)
        first = owner.setdefault(_normal(text), relation)
        if first != relation:
            raise DataError(f"{path}: relations {first!r} and {relation!r} share the text {text!r}; give each its own")
        texts[relation] = text
    return texts


def _no_text(path: Path, relation: str, text: object) -> DataError:
    return DataError(f"{path}: relation {relation!r} needs a text (a quoted string), got {text!r}")


def _normal(text: str) -> str:
    """What tells two texts apart: most tokenizers see neither case nor the number of blanks."""
    return " ".join(text.casefold().split())
