"""A corpus as the harness sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from methods.types import Instance, RelationSchema


class DataError(Exception):
    """Bad or missing data: one line that names file, line or field, and what to do."""


@dataclass(frozen=True)
class Dataset:
    """Train, dev and test instances with their schema and the name of their official metric (bench.metrics).

    ``card``: what the loader counted, kept in the manifest of every run. Two of its keys are read here: `remarks`
    (sentences for the reader of a table) and `repeated_sentences` ({"test_in_train": count, ...}).

    ``extra_tests``: test sets of another domain, by name (the main one is called ``test_name``); ``datastores``:
    instances to retrieve from instead of the training subset, by name. Their relations may be unknown to the schema
    (such instances are never scored) but have a verbalisation there. bench.test_sets says what is done with them.
    """

    name: str
    schema: RelationSchema
    metric: str
    train: tuple[Instance, ...]
    dev: tuple[Instance, ...]
    test: tuple[Instance, ...]
    card: Mapping[str, object] = field(default_factory=dict)
    test_name: str = "test"
    extra_tests: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    datastores: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """What a reader of the tables must know of this corpus: the loader's remarks and exact leaks."""
        repeated: Any = self.card.get("repeated_sentences", {})
        remarks: Any = self.card.get("remarks", ())
        leaks = [
            f"{self.name}: {count} sentences with the same entity pair stand in both: {where.replace('_', ' ')}"
            for where, count in repeated.items()
            if count
        ]
        return [*(f"{self.name}: {remark}" for remark in remarks), *leaks]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over schema, train, dev and test: changes whenever a result could (see also `instances_hash`)."""
        schema = self.schema
        constraints = sorted((list(pair), sorted(names)) for pair, names in schema.type_constraints.items())
        head = [list(schema.names), dict(schema.verbalisations), schema.negative, constraints, self.metric]
        return instances_hash(self.train, self.dev, self.test, head=json.dumps(head, sort_keys=True))


def instances_hash(*splits: Iterable[Instance], head: str = "") -> str:
    """SHA-256, in hex, over every field of every instance, after ``head``."""
    digest = hashlib.sha256(head.encode())
    for split in splits:
        digest.update(b"\x1e")
        for i in split:
            row = [i.id, i.tokens, i.head.start, i.head.end, i.tail.start, i.tail.end]
            row += [i.relation, i.head_type, i.tail_type]
            digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()
