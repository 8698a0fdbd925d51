"""Frames, names and clauses of the embedded corpus -> tokens with entity spans; each function draws from its rng."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.data.corpora import synthetic_grammar as grammar
from methods.types import Span

_OPENERS = 0.2  # share of sentences that start with one
_CHOICE = re.compile(r"\[([^]]*)\]")


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity; ``role`` is 'head' or 'tail' for the pair in question, '' for all others."""

    kind: str
    tokens: tuple[str, ...]
    role: str = ""

    @property
    def type(self) -> str:
        return grammar.ORGANIZATION if self.kind == grammar.SCHOOL else self.kind


@dataclass(frozen=True, slots=True)
class Clause:
    """Tokens without a final stop, and the spans of head and tail where they occur."""

    tokens: tuple[str, ...]
    spans: tuple[tuple[str, Span], ...] = ()


def expand(frame: str) -> list[str]:
    """Every wording of a frame: `{x} [met|saw] {y}` -> `{x} met {y}`, `{x} saw {y}`."""
    parts = [part.split("|") if odd % 2 else [part] for odd, part in enumerate(_CHOICE.split(frame))]
    return [" ".join("".join(choice).split()) for choice in itertools.product(*parts)]


def wordings(frames: Sequence[str], limit: int, rng: random.Random) -> tuple[str, ...]:
    """``limit`` wordings in order of frequency, taking turns between the frames (so frequent ones differ)."""
    groups = [expand(frame) for frame in frames]
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    turns = (wording for turn in itertools.zip_longest(*groups) for wording in turn if wording is not None)
    return tuple(itertools.islice(turns, limit))


def pick(options: Sequence[str], rng: random.Random) -> str:
    """Zipf: the r-th option has weight 1/r."""
    return rng.choices(options, [1 / rank for rank in range(1, len(options) + 1)])[0]


def new_entity(kind: str, rng: random.Random, used: set[str], role: str = "") -> Entity:
    """A name that shares no distinctive word with those in ``used``, which it joins."""
    while True:
        tokens, distinctive = _name(kind, rng)
        if used.isdisjoint(distinctive):
            used.update(distinctive)
            return Entity(kind, tokens, role)


def _name(kind: str, rng: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(tokens, the words that must not recur in the sentence)."""
    stem = rng.choice(grammar.STEMS)
    if kind == grammar.PERSON:
        name = (rng.choice(grammar.FIRST_NAMES), stem + rng.choice(grammar.SURNAME_ENDINGS))
        return name, name
    if kind == grammar.CITY:
        city = stem + rng.choice(grammar.CITY_ENDINGS)
        return (city,), (city,)
    if kind == grammar.DATE:
        day, month = str(rng.randint(1, 28)), rng.choice(grammar.MONTHS)
        year = str(rng.randint(1890, 2019))
        return rng.choice(((day, month, year), (month, day, ",", year))), (year,)
    if kind == grammar.TITLE:
        title = rng.choice(grammar.TITLES)
        return (*rng.choice(grammar.TITLE_RANKS).split(), *title.split()), (title,)
    if kind == grammar.SCHOOL or rng.random() < 0.15:  # a school also employs and is led and visited
        school = stem + rng.choice(grammar.CITY_ENDINGS)
        return (school, *rng.choice(grammar.SCHOOL_KINDS).split()), (school,)
    firm = stem + rng.choice(grammar.COMPANY_ENDINGS)
    return (firm, rng.choice(grammar.COMPANY_KINDS)) if rng.random() < 0.7 else (firm,), (firm,)


def clause(wording: str, x: Entity, y: Entity) -> Clause:
    """The wording with both names put in."""
    tokens: list[str] = []
    spans: list[tuple[str, Span]] = []
    for word in wording.split():
        entity = {"{x}": x, "{y}": y}.get(word)
        start = len(tokens)
        tokens.extend(entity.tokens if entity else (word,))
        if entity and entity.role:
            spans.append((entity.role, Span(start, len(tokens))))
    return Clause(tuple(tokens), tuple(spans))


def join(
    clauses: Sequence[Clause], rng: random.Random, openers: float = 0.2
) -> tuple[tuple[str, ...], dict[str, Span]]:
    """One or more clauses as text with capitals and a final stop; the first may get an opener."""
    tokens: list[str] = rng.choice(grammar.OPENERS).split() if rng.random() < _OPENERS else []
    spans: dict[str, Span] = {}
    for number, part in enumerate(clauses):
        if number:
            tokens.extend(rng.choice(grammar.CONNECTORS).split())
        offset = len(tokens)
        tokens.extend(part.tokens)
        spans.update({role: Span(span.start + offset, span.end + offset) for role, span in part.spans})
    tokens.append(".")
    starts = [0, *(i + 1 for i, word in enumerate(tokens[:-1]) if word == ".")]
    for i in starts:
        tokens[i] = tokens[i][:1].upper() + tokens[i][1:]
    return tuple(tokens), spans
