"""Verbalisations of relations: the project's own (configs/verbalisations/NAME.yaml, and templates/NAME.yaml there), a
file of the user's, or, for a corpus without either, texts made from the relations' names.

A made text says by its words which entity it is about: `part of tail` (the head is it: the name ends in a
preposition), `country of birth of head` (the tail is it: the convention of TACRED and Wikidata), `cause effect from
head to tail` (the name ends in `(e1,e2)`); as templates, `{head} is part of {tail}`, `{tail} is the country of birth of
{head}`, `{head} has the relation cause effect to {tail}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import Field

from bench.data.mappings import EXTENSIONS
from bench.data.texts import Kind, Texts, no_text, normal, read_texts
from bench.errors import DataError
from bench.paths import CONFIGS
from methods.settings import Settings

_PREPOSITION = re.compile(r"\b(about|after|as|at|before|by|for|from|in|into|near|of|on|over|to|under|with)$", re.ASCII)
_PREFIXES = {"per": "person", "org": "organization", "gpe": "place", "loc": "place"}
_NEGATIVE: dict[Kind, str] = {
    "phrase": "no relation of head to tail",
    "template": "{head} has no known relation to {tail}",
}
# Of names that end in a direction, in a preposition, or in a noun; the name's words take the place of `*`.
_MADE: dict[Kind, dict[str, str]] = {
    "phrase": {
        "e1,e2": "* from head to tail", "e2,e1": "* from tail to head",
        "preposition": "* tail", "noun": "* of head",
    },
    "template": {
        "e1,e2": "{head} has the relation * to {tail}", "e2,e1": "{tail} has the relation * to {head}",
        "preposition": "{head} is * {tail}", "noun": "{tail} is the * of {head}",
    },
}  # fmt: skip


class Verbalised(Settings):
    """The options of every corpus that say by which texts its relations are told (docs/corpora.md)."""

    verbalisation: Kind | None = Field(
        None, description="phrase, or template (with the instance's entities); by itself what the file has, else phrase"
    )
    verbalisations: str | None = Field(
        None, description="YAML or JSON file {relation: text}, or a name in configs/verbalisations"
    )


def load_verbalisations(name: str, relations: Sequence[str], kind: Kind = "phrase") -> dict[str, str]:
    """The texts of ``relations``, in their order, from configs/verbalisations. Raises DataError as `known_texts`."""
    return dict(known_texts(Verbalised(verbalisation=kind), name, relations).by_relation)


def known_texts(options: Verbalised, own: str, relations: Sequence[str]) -> Texts:
    """The texts of a corpus whose ``relations`` are known: those that the options name, else the packaged ones ``own``.

    Raises DataError as `read_texts`, for options that contradict each other, and for a relation without a text.
    """
    path, found = _given(options, own, relations)
    for relation in relations:
        if relation not in found.by_relation:
            raise no_text(path, relation, None)
    return found


def verbalise(options: Verbalised, own: Path | None, relations: Sequence[str], negative: str | None = None) -> Texts:
    """The texts of a corpus of any relations: those that the options name, else those of the file ``own``, else, and
    wherever a relation has none there, made from its name. Raises DataError as `known_texts`, but for the last."""
    given = Texts({})
    if own is not None or options.verbalisations is not None:
        _, given = _given(options, own, relations)
    # Where nothing is given, nothing else says which kind it is.
    kind = given.kind if given.by_relation else options.verbalisation or "phrase"
    missing = tuple(relation for relation in relations if relation not in given.by_relation)
    texts = {**given.by_relation, **generate(missing, negative, given.by_relation.values(), kind)}
    return Texts({relation: texts[relation] for relation in relations}, kind, missing)


def generate(
    relations: Sequence[str], negative: str | None = None, taken: Iterable[str] = (), kind: Kind = "phrase"
) -> dict[str, str]:
    """A text for every relation name, unlike each other and ``taken``, whatever the order of the names.

    `per:spouse` becomes `spouse of head`; where `org:spouse` exists too, `person spouse of head`. Names that still
    read the same are quoted, then numbered.
    """
    texts: dict[str, str] = {}
    used = {normal(text) for text in taken}
    waiting = list(dict.fromkeys(relations))
    forms: tuple[Callable[[str], str], ...] = (
        lambda name: _NEGATIVE[kind] if name == negative else _made(name, kind, with_prefix=False),
        lambda name: _made(name, kind, with_prefix=True),
        lambda name: f"{_made(name, kind, with_prefix=True)} ( {_quoted(name)} )",
    )
    for form in forms:
        proposed = {name: form(name) for name in waiting}
        count = Counter(map(normal, proposed.values()))
        texts |= {name: text for name, text in proposed.items() if count[key := normal(text)] == 1 and key not in used}
        used |= {normal(texts[name]) for name in waiting if name in texts}
        waiting = [name for name in waiting if name not in texts]
    for name in sorted(waiting):
        number = 2
        while normal(text := f"{forms[-1](name)} {number}") in used:
            number += 1
        texts[name] = text
        used.add(normal(text))
    return texts


def _made(name: str, kind: Kind, *, with_prefix: bool) -> str:
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
    form = directed[2] if directed else "preposition" if _PREPOSITION.search(words) else "noun"
    return _MADE[kind][form].replace("*", words)


def _quoted(name: str) -> str:
    """A name within a text, where braces would be places."""
    return " ".join(name.split()).translate(str.maketrans("{}", "()"))


def _given(options: Verbalised, own: str | Path | None, relations: Sequence[str]) -> tuple[Path, Texts]:
    """The file that the options name, else ``own``, and its texts."""
    source = own if options.verbalisations is None else options.verbalisations
    path = source if isinstance(source, Path) else _file(source or "", options.verbalisation or "phrase")
    found, wanted = read_texts(path, relations), options.verbalisation
    if wanted is not None and found.by_relation and found.kind != wanted:
        raise DataError(
            f"{path} holds {found.kind}s, but the option verbalisation is {wanted!r}; leave it out, or name {wanted}s "
            "with the option verbalisations"
        )
    return path, found


def _file(source: str, kind: Kind) -> Path:
    """The file that the option `verbalisations` names: one of configs/verbalisations, or the user's."""
    folder = CONFIGS / "verbalisations"
    there = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
    if re.fullmatch(r"[\w-]+", source):
        path = (folder / "templates" if kind == "template" else folder) / f"{source}.yaml"
        if not path.is_file():
            raise DataError(
                f"verbalisations {path.name} not found in {path.parent}: is the installation complete? It has {there}"
            )
        return path
    if not source.lower().endswith(EXTENSIONS):
        raise DataError(
            f"verbalisations {source!r}: give the name of a file in configs/verbalisations ({there}) or a file of your "
            f"own that ends in {', '.join(EXTENSIONS)}"
        )
    return Path(source)
