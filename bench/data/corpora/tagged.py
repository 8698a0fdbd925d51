"""A sentence with tags around its entities: `The <e1>radiation</e1> from the atomic <e2>bomb</e2> is acute.`"""

from __future__ import annotations

import re

from bench.data.corpora.rows import BLANK_ENTITY, error, shows
from methods.types import Span

_TAG = re.compile(r"<\s*(/?)\s*e\s*([12])\s*>", re.IGNORECASE)
_MASK = re.compile(r"@([A-Z_]+)(?:-([A-Z_]+))?\$")
_WANTED = ["1", "/1", "2", "/2"]


def untagged(sentence: str, where: str, field: str) -> tuple[str, Span, Span]:
    """(text without the tags, head, tail), spans in characters. The entities may stand in any order or nest.

    Raises RowError unless each of the four tags stands there once, and for an entity that shows nothing.
    """
    pieces, at, places = [], 0, dict[str, int]()
    for tag in _TAG.finditer(sentence):
        pieces.append(sentence[at : tag.start()])
        at = tag.end()
        name = tag[1] + tag[2]
        if name in places:
            raise error(where, field, f"the tag <{tag[1]}e{tag[2]}> stands there twice; give each once", "unfit tags")
        places[name] = sum(map(len, pieces))
    text = "".join([*pieces, sentence[at:]])
    if missing := [name for name in _WANTED if name not in places]:
        tag_name = missing[0].replace("1", "e1").replace("2", "e2")
        raise error(where, field, f"has no tag <{tag_name}>; an entity stands between <e1> and </e1>", "unfit tags")
    for number in "12":
        if not shows(text[places[number] : places[f"/{number}"]]):
            raise error(where, field, f"the entity e{number} between its tags shows nothing", BLANK_ENTITY)
    return text, Span(places["1"], places["/1"]), Span(places["2"], places["/2"])


def without_lead(text: str, entities: tuple[str, str], types: tuple[str, str]) -> str:
    """The sentence alone of a text that SuRE's and ETRAG's scripts prepared: `The head entity is H . The tail entity is
    T .`, perhaps the same of their types, then the sentence."""
    leads = [f"The {role} entity is {entity} . " for role, entity in zip(("head", "tail"), entities, strict=True)]
    leads += [f"The type of {entity} is {kind.lower()} . " for entity, kind in zip(entities, types, strict=True)]
    for lead in leads:
        text = text.removeprefix(lead)
    return text


def masked(sentence: str) -> tuple[str, Span, Span, tuple[str, str]] | None:
    """(text, head, tail, their types) of a sentence with two masked entities, `@DRUG$`, or with one that stands for two
    that overlap, `@DRUG-DRUG$`; None where there are others, or tags."""
    found = list(_MASK.finditer(sentence))
    spans = [Span(mask.start(), mask.end()) for mask in found]
    if _TAG.search(sentence):
        return None
    if len(found) == 2 and not any(mask[2] for mask in found):
        return sentence, spans[0], spans[1], (found[0][1], found[1][1])
    if len(found) == 1 and found[0][2]:
        return sentence, spans[0], spans[0], (found[0][1], found[0][2])
    return None
