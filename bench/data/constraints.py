"""Which relations the entity types of a pair admit: as the corpus has it, learned from the training subset, or all."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.data.mappings import read_mapping
from bench.errors import DataError
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


def read_constraints(path: Path, relations: Sequence[str]) -> dict[tuple[str, str], frozenset[str]]:
    """(head type, tail type) -> the relations that a YAML or JSON file admits, as SuRE has them: {"PERSON|TITLE":
    ["per:title"]}. Raises DataError as `read_mapping`, for a key that is no pair of types, and for what is no list of
    ``relations``."""
    admitted: dict[tuple[str, str], frozenset[str]] = {}
    for key, names in read_mapping(path, "mapping of pairs of types to relations").items():
        head, bar, tail = str(key).partition("|")
        if not (head and bar and tail) or "|" in tail:
            raise DataError(f"{path}: {key!r} is no pair of types; expected HEAD_TYPE|TAIL_TYPE, such as PERSON|TITLE")
        if not isinstance(names, list):
            raise DataError(f"{path}: {key!r} needs a list of relations, got {type(names).__name__}")
        if unknown := [name for name in names if name not in relations]:
            raise DataError(f"{path}: {key!r} admits {str(unknown[0])[:40]!r}, which is no relation of the corpus")
        admitted[head, tail] = frozenset(names)
    return admitted
