"""A corpus of 39 sentences on which any method can be tried in a second, and its variations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from methods.types import Instance, RelationSchema, Span

CITIES, FIRMS = ("oslo", "lima", "cairo", "quito", "turin"), ("acme", "initech", "globex")
PEOPLE = ("ann", "bob", "cleo", "dan", "eve", "finn", "gil")
WORDINGS = {"born_in": "was born in", "works_for": "works for", "none": "never saw", "lives_in": "now lives in"}

# `foreign` stands in datastores alone: it has a verbalisation and is never predicted.
SCHEMA = RelationSchema(
    names=("none", "born_in", "lives_in", "works_for"),
    verbalisations={
        "none": "no relation",
        "born_in": "born in tail",
        "lives_in": "resident of tail",
        "works_for": "employee of tail",
        "foreign": "far from tail",
    },
    negative="none",
    type_constraints={
        ("PERSON", "CITY"): frozenset({"born_in", "lives_in"}),
        ("PERSON", "FIRM"): frozenset({"works_for"}),
    },
)
NO_NEGATIVE = RelationSchema(SCHEMA.names[1:], SCHEMA.verbalisations, None, SCHEMA.type_constraints)


def instances(prefix: str, count: int) -> list[Instance]:
    """Always the same ones, of four relations in turn; negatives share the types of positives."""
    made = []
    for i in range(count):
        relation = tuple(WORDINGS)[i % 4]
        tail, kind = (FIRMS[i % 3], "FIRM") if relation == "works_for" else (CITIES[i % 5], "CITY")
        wording = WORDINGS[relation].split()
        tokens = (PEOPLE[i % 7], *wording, tail, "in", "the", "year", str(1900 + i), ".")
        spot = 1 + len(wording)
        made.append(Instance(f"{prefix}-{i}", tokens, Span(0, 1), Span(spot, spot + 1), relation, "PERSON", kind))
    return made


TRAIN, DEV = tuple(instances("train", 23)), tuple(instances("dev", 5))
# The last one has no types: every relation is admitted.
TEST = (*instances("test", 10), replace(instances("test", 11)[-1], head_type="", tail_type=""))
FOREIGN = tuple(replace(i, id=f"other-{i.id}", relation="foreign") for i in TRAIN[:9:-1])


def relabelled(given: Sequence[Instance]) -> list[Instance]:
    """Every one with another relation."""
    return [replace(i, relation="born_in" if i.relation == "none" else "none", more_relations=()) for i in given]


def with_several_relations(given: Sequence[Instance]) -> list[Instance]:
    """Who was born somewhere works somewhere too."""
    return [replace(i, more_relations=("works_for",)) if i.relation == "born_in" else i for i in given]


def in_documents(given: Sequence[Instance], prefix: str) -> list[Instance]:
    """Two pairs of entities for each sentence, its document, so that the nearest instance is one of the same document;
    the head is mentioned twice."""
    made = []
    for n, i in enumerate(given):
        one = replace(i, id=f"{prefix}-{n}a", document=f"d{n}", head_mentions=(Span(i.tail.end, i.tail.end + 1),))
        made += [one, replace(one, id=f"{prefix}-{n}b", relation="none", more_relations=())]
    return made
