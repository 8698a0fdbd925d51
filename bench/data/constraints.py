"""Which relations the entity types of a pair admit: as the corpus has it, learned from the training subset, or all."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bench.settings.config import TypeConstraints
from methods.types import Instance, RelationSchema


def constrained(schema: RelationSchema, mode: TypeConstraints, train: Sequence[Instance]) -> RelationSchema:
    """The schema with the constraints of ``mode``: `given` are its own, `learned` those of the training subset."""
    if mode == "given":
        return schema
    return dataclasses.replace(schema, type_constraints=seen_relations(train) if mode == "learned" else {})


def seen_relations(train: Sequence[Instance]) -> dict[tuple[str, str], frozenset[str]]:
    """(head type, tail type) -> the relations that occur with it. A pair that does not occur is absent, which admits
    every relation, and so is a pair with an untyped entity; the schema always admits the negative class."""
    seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for i in train:
        if i.head_type and i.tail_type:
            seen[i.head_type, i.tail_type].update(i.relations)
    return {pair: frozenset(relations) for pair, relations in sorted(seen.items())}


def describe(schema: RelationSchema, test: Sequence[Instance]) -> dict[str, float]:
    """`type_pairs`: constrained pairs; `type_excluded_gold`: share of the test labels that no prediction can reach
    because of them. Empty for a schema without constraints."""
    if not schema.type_constraints or not test:
        return {}
    admitted = schema.admitted(test)
    excluded = float(
        np.mean([~row[schema.index[name]] for row, i in zip(admitted, test, strict=True) for name in i.relations])
    )
    return {"type_pairs": len(schema.type_constraints), "type_excluded_gold": excluded}
