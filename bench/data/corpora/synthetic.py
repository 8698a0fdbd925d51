"""An embedded corpus in the shape of TACRED: deterministic English sentences about invented people and firms.

What makes it a test bed for retrieval: each relation has a long tail of wordings (Zipf), so a few instances do not
cover the test set; entity types are shared by several relations and by the negative class; negatives either say
something else in similar words or join two clauses whose triggers belong to other entities; distractor clauses do
the same to positives. Names are compositional, so nearly all test names are new.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.synthetic_grammar import NEUTRAL, ORGANIZATION, PERSON, PREDICATES, SCHOOL, Predicate
from bench.data.corpora.synthetic_text import Clause, Entity, clause, join, new_entity, pick, wordings
from bench.data.split import relation_counts
from bench.data.verbalise import Verbalised, known_texts
from bench.errors import DataError
from methods.types import Instance

NEGATIVE = "no_relation"
# Relation -> (predicate, whether the head is its {x}); the option `relations` takes the first ones. per:parents and
# per:children are each other's reverse (from 13 on org:subsidiaries and org:parents too): direction is what a small
# model learns last, so one such pair is enough for the default. Most pairs of types have several relations.
RELATIONS: Mapping[str, tuple[str, bool]] = {
    "per:employee_of": ("employed", True),
    "per:schools_attended": ("studied_at", True),
    "org:founded_by": ("founded", False),
    "org:top_members": ("leads", False),
    "per:parents": ("parent_of", False),
    "per:children": ("parent_of", True),
    "per:spouse": ("married", True),
    "per:city_of_birth": ("born_in", True),
    "per:cities_of_residence": ("lives_in", True),
    "org:subsidiaries": ("owns", True),
    "per:title": ("titled", True),
    "per:city_of_death": ("died_in", True),
    "org:parents": ("owns", False),
    "per:siblings": ("sibling", True),
    "org:shareholders": ("invests", False),
    "per:date_of_birth": ("born_on", True),
    "per:date_of_death": ("died_on", True),
}
_SYMMETRIC = frozenset({"married", "sibling"})  # {x} and {y} may change places
_TWO_CLAUSE_NEGATIVES = 0.25  # the others are one neutral clause
_TRIGGER_DISTRACTORS = 0.6  # the others are neutral
_SURNAME_DISTRACTORS = 0.3  # share of distractors that go on about a person of the pair, by surname


class Options(Verbalised):
    """Options of the dataset `synthetic`."""

    train: int = Field(1600, ge=1, description="training instances")
    dev: int = Field(200, ge=1, description="dev instances")
    test: int = Field(400, ge=1, description="test instances")
    relations: int = Field(12, ge=2, le=len(RELATIONS), description="relations beside no_relation")
    negative_share: float = Field(0.6, ge=0, lt=1, description="share of no_relation in each split")
    paraphrases: int = Field(40, ge=1, le=40, description="wordings per relation; the r-th has weight 1/r")
    distractors: float = Field(0.3, ge=0, le=1, description="share of sentences with a clause about other entities")
    seed: int = Field(0, ge=0, description="seed of wordings, names and sentences")


@dataclass(frozen=True)
class _Language:
    """What can be said: the chosen relations, and the wordings of their predicates and of neutral clauses."""

    relations: tuple[str, ...]
    distractors: float
    predicates: Mapping[str, tuple[str, ...]]
    neutral: Mapping[Predicate, tuple[str, ...]]


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Generate the corpus; the same options give the same corpus everywhere, and a split never depends on the
    size of another. Raises DataError for a ``data_dir`` and for a split too small to hold every relation."""
    if data_dir is not None:
        raise DataError("dataset 'synthetic' is embedded and reads no files; leave out --data-dir")
    relations = tuple(RELATIONS)[: options.relations]
    language = _language(relations, options)
    train, dev, test = (
        _split(name, size, language, options)
        for name, size in (("train", options.train), ("dev", options.dev), ("test", options.test))
    )
    names = (NEGATIVE, *relations)
    constraints: dict[tuple[str, str], frozenset[str]] = {}
    for relation in relations:
        head, tail = (ORGANIZATION if kind == SCHOOL else kind for kind in _kinds(relation))
        constraints[head, tail] = constraints.get((head, tail), frozenset()) | {relation}
    texts = known_texts(options, "synthetic", names)
    card: dict[str, object] = {
        "generated": options.model_dump(exclude=set(Verbalised.model_fields)),
        "dropped": 0,
        "sizes": {"train": len(train), "dev": len(dev), "test": len(test)},
        "relations": {
            name: relation_counts(part, names) for name, part in (("train", train), ("dev", dev), ("test", test))
        },
        "remarks": texts.remarks,
    }
    schema = texts.schema(names, NEGATIVE, constraints)
    return Dataset("synthetic", schema, "tacred_micro_f1", train, dev, test, card, one_pair=True)


def _language(relations: tuple[str, ...], options: Options) -> _Language:
    rng = random.Random(f"{options.seed}/wordings")
    # Over all predicates, in a fixed order, so that the wordings of one do not depend on `relations`.
    predicates = {name: wordings(p.frames, options.paraphrases, rng) for name, p in PREDICATES.items()}
    neutral = {p: wordings(p.frames, options.paraphrases, rng) for p in NEUTRAL}
    active = {RELATIONS[relation][0] for relation in relations}
    return _Language(
        relations, options.distractors, {name: w for name, w in predicates.items() if name in active}, neutral
    )


def _kinds(relation: str) -> tuple[str, str]:
    """(head kind, tail kind)."""
    name, head_is_x = RELATIONS[relation]
    x, y = PREDICATES[name].x, PREDICATES[name].y
    return (x, y) if head_is_x else (y, x)


def _split(name: str, size: int, language: _Language, options: Options) -> tuple[Instance, ...]:
    negatives = round(size * options.negative_share)
    if size - negatives < len(language.relations):
        raise DataError(
            f"dataset 'synthetic': {name}={size} with negative_share={options.negative_share:g} leaves "
            f"{size - negatives} instances for {len(language.relations)} relations; raise {name} or lower the others"
        )
    rng = random.Random(f"{options.seed}/{name}")
    labels = [NEGATIVE] * negatives + _positives(language.relations, size - negatives)
    rng.shuffle(labels)
    return tuple(_instance(f"{name}-{number}", label, language, rng) for number, label in enumerate(labels))


def _positives(relations: tuple[str, ...], count: int) -> list[str]:
    """``count`` labels: one of each relation, the rest in proportion to 1 / (rank + 12), by largest remainder."""
    weights = [1 / (rank + 12) for rank in range(len(relations))]
    shares = [(count - len(relations)) * weight / sum(weights) for weight in weights]
    counts = [1 + int(share) for share in shares]
    largest = sorted(range(len(relations)), key=lambda i: (int(shares[i]) - shares[i], i))
    for i in largest[: count - sum(counts)]:
        counts[i] += 1
    return [relation for relation, n in zip(relations, counts, strict=True) for _ in range(n)]


def _instance(name: str, label: str, language: _Language, rng: random.Random) -> Instance:
    relation = rng.choice(language.relations) if label == NEGATIVE else label
    used: set[str] = set()
    head_kind, tail_kind = _kinds(relation)
    head, tail = new_entity(head_kind, rng, used, "head"), new_entity(tail_kind, rng, used, "tail")
    if label == NEGATIVE and rng.random() < _TWO_CLAUSE_NEGATIVES:
        clauses = [_about(head, language, rng, used), _about(tail, language, rng, used)]
        rng.shuffle(clauses)
    else:
        predicate = RELATIONS[relation][0]
        if label == NEGATIVE:
            clauses = [_neutral(head, tail, language, rng)]
        else:
            head_is_x = rng.random() < 0.5 if predicate in _SYMMETRIC else RELATIONS[relation][1]
            x, y = (head, tail) if head_is_x else (tail, head)
            clauses = [clause(pick(language.predicates[predicate], rng), x, y)]
        if rng.random() < language.distractors:
            clauses = _with_distractor(clauses[0], predicate, (head, tail), language, rng, used)
    tokens, spans = join(clauses, rng)
    return Instance(name, tokens, spans["head"], spans["tail"], label, head.type, tail.type)


def _about(entity: Entity, language: _Language, rng: random.Random, used: set[str]) -> Clause:
    """A clause that relates the entity to a new one by some predicate of the corpus."""
    fitting = [
        (name, entity_is_x)
        for name in language.predicates
        for entity_is_x, kind in ((True, PREDICATES[name].x), (False, PREDICATES[name].y))
        if kind == entity.kind
    ]
    name, entity_is_x = rng.choice(fitting)
    other = new_entity(PREDICATES[name].y if entity_is_x else PREDICATES[name].x, rng, used)
    x, y = (entity, other) if entity_is_x else (other, entity)
    return clause(pick(language.predicates[name], rng), x, y)


def _neutral(head: Entity, tail: Entity, language: _Language, rng: random.Random) -> Clause:
    """A clause that relates head and tail in a way that is no relation of the corpus."""
    fitting = [(p, x, y) for p in NEUTRAL for x, y in ((head, tail), (tail, head)) if (p.x, p.y) == (x.type, y.type)]
    predicate, x, y = rng.choice(fitting)
    return clause(pick(language.neutral[predicate], rng), x, y)


def _with_distractor(
    core: Clause, predicate: str, pair: tuple[Entity, Entity], language: _Language, rng: random.Random, used: set[str]
) -> list[Clause]:
    """The core clause with one about other entities beside it, or about a person of the pair and another entity."""
    if rng.random() < _TRIGGER_DISTRACTORS:
        name = rng.choice(sorted(language.predicates))
        what, texts = PREDICATES[name], language.predicates[name]
    else:
        name, what = "", rng.choice(NEUTRAL)
        texts = language.neutral[what]
    x, y = new_entity(what.x, rng, used), new_entity(what.y, rng, used)
    people = [entity for entity in pair if entity.type == PERSON]
    if people and what.x == PERSON and name != predicate and rng.random() < _SURNAME_DISTRACTORS:
        x = Entity(PERSON, rng.choice(people).tokens[-1:])
        return [core, clause(pick(texts, rng), x, y)]
    clauses = [core, clause(pick(texts, rng), x, y)]
    return clauses if rng.random() < 0.7 else clauses[::-1]
