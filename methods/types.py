"""What every method reads and returns: instances, the relation schema, neighbours, predictions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open token range ``[start, end)``; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, got [{self.start}, {self.end})")


@dataclass(frozen=True, slots=True)
class Instance:
    """One sentence (or document) with a head and a tail entity and the relation between them.

    A multi-label corpus puts further gold relations into ``more_relations``, in the order of its schema, and further
    mentions of the two entities into ``head_mentions`` and ``tail_mentions``; ``head`` and ``tail`` are then the pair
    of mentions nearest to each other. Mentions may overlap, those of head and tail too. Instances that share their text
    name their ``document``; ``group`` is found from the tokens of a corpus and no part of what an instance is. Those of
    one document or group are never each other's neighbours (`bars`).

    Raises ValueError where a span reaches beyond the tokens, and for a relation or a mention that is given twice.
    """

    id: str
    tokens: tuple[str, ...]
    head: Span
    tail: Span
    relation: str
    head_type: str = ""
    tail_type: str = ""
    more_relations: tuple[str, ...] = ()
    head_mentions: tuple[Span, ...] = ()
    tail_mentions: tuple[Span, ...] = ()
    document: str = ""
    group: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, spans in (("head", self.heads), ("tail", self.tails)):
            for span in spans:
                if span.end > len(self.tokens):
                    raise ValueError(
                        f"instance {self.id}: {name} span [{span.start}, {span.end}) reaches beyond "
                        f"its {len(self.tokens)} tokens"
                    )
            if len(spans) > 1 and len(set(spans)) < len(spans):
                raise ValueError(f"instance {self.id}: a {name} mention is given twice")
        if self.more_relations and len(set(self.relations)) < len(self.relations):
            raise ValueError(f"instance {self.id}: a relation is given twice among {', '.join(self.relations)}")

    @property
    def owner(self) -> str:
        """Whose text this is: its group's, its document's, else its own. No two kinds have a name in common."""
        if self.group:
            return f"group {self.group}"
        return f"document {self.document}" if self.document else f"instance {self.id}"

    @property
    def relations(self) -> tuple[str, ...]:
        """Every gold relation, ``relation`` first."""
        return (self.relation, *self.more_relations)

    @property
    def heads(self) -> tuple[Span, ...]:
        """Every mention of the head entity, ``head`` first."""
        return (self.head, *self.head_mentions)

    @property
    def tails(self) -> tuple[Span, ...]:
        """Every mention of the tail entity, ``tail`` first."""
        return (self.tail, *self.tail_mentions)

    def text(self, span: Span | None = None) -> str:
        """The whole sentence, or the tokens of one span, joined by blanks."""
        return " ".join(self.tokens if span is None else self.tokens[span.start : span.end])


def bars(query: Instance, other: Instance) -> bool:
    """Whether ``other`` may never be a neighbour of ``query``: its label would leak."""
    return query.id == other.id or query.owner == other.owner


class Barred:
    """`bars` for a whole database: the ids that are barred for a query, its own among them."""

    def __init__(self, database: Iterable[Instance]) -> None:
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        for instance in database:
            if instance.group or instance.document:  # else nobody else has its owner
                self._ids[instance.owner].add(instance.id)

    def __call__(self, query: Instance) -> set[str]:
        return {query.id} | self._ids.get(query.owner, set())


HEAD, TAIL = "{head}", "{tail}"  # where a template takes the instance's entities
_PLACE = re.compile(f"{re.escape(HEAD)}|{re.escape(TAIL)}")


def filled(template: str, head: str, tail: str) -> str:
    """A template with the entities in their places; braces within an entity are text."""
    return _PLACE.sub(lambda place: head if place[0] == HEAD else tail, template)


@dataclass(frozen=True)
class RelationSchema:
    """The relations of a corpus, in the order of every score matrix.

    ``verbalisations`` maps each relation to a unique text; ``negative`` names the class that the metric
    leaves out (None if there is none); ``type_constraints`` maps (head type, tail type) to the relations
    that it admits (an absent pair admits all; the negative class is always admitted). ``template``: the texts are
    templates, `filled` with an instance's entities (SuRE, arXiv 2205.09837), not phrases that stand as they are.

    Raises ValueError for duplicate or missing verbalisations, naming the relations concerned, and for templates none of
    which has a place for an entity.
    """

    names: tuple[str, ...]
    verbalisations: Mapping[str, str]
    negative: str | None = None
    type_constraints: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    template: bool = False

    def __post_init__(self) -> None:
        if self.template and not any(_PLACE.search(text) for text in self.verbalisations.values()):
            raise ValueError(f"no verbalisation has a place for an entity, {HEAD} or {TAIL}")
        if len(set(self.names)) != len(self.names):
            raise ValueError("relation names are not unique")
        if self.negative is not None and self.negative not in self.names:
            raise ValueError(f"the negative class {self.negative!r} is not among the relations")
        owner: dict[str, str] = {}
        for name in self.names:
            text = self.verbalisations.get(name, "")
            if not text:
                raise ValueError(f"relation {name!r} has no verbalisation")
            if text in owner:
                raise ValueError(f"relations {owner[text]!r} and {name!r} share the verbalisation {text!r}")
            owner[text] = name

    @cached_property
    def index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def admitted(self, instances: Sequence[Instance]) -> np.ndarray:
        """Boolean [instances, relations]: which relations the entity types of each instance admit."""
        mask = np.ones((len(instances), len(self.names)), dtype=bool)
        for row, instance in enumerate(instances):
            allowed = self.type_constraints.get((instance.head_type, instance.tail_type))
            if allowed is not None:
                mask[row] = [name in allowed or name == self.negative for name in self.names]
        return mask


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Retrieved training instances of one query, nearest first.

    ``weights`` are what the method used: similarity scores for hard retrieval; for soft selection the
    weight summed over the k steps (at most k in total).
    """

    ids: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Prediction:
    """``scores``: float [instances, relations], log-probabilities, -inf where types do not admit a relation.

    ``neighbours``: one per instance, or None for a method that retrieves nothing.
    ``diagnostics``: plain numbers about this prediction (see each method).
    """

    scores: np.ndarray
    neighbours: tuple[Neighbours, ...] | None = None
    diagnostics: Mapping[str, float] = field(default_factory=dict)
