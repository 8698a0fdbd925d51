"""A corpus as the harness sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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

    ``multi_label``: an instance may have several relations, and a prediction is the set of those that score above
    the negative class. For its metric, ``known`` maps an instance's id to the relations that the same two names have
    in the training annotations, and ``unpaired`` counts gold facts of the test set that no instance stands for.
    """

    name: str
    schema: RelationSchema
    metric: str
    train: tuple[Instance, ...]
    dev: tuple[Instance, ...]
    test: tuple[Instance, ...]
    card: Mapping[str, object] = field(default_factory=dict)
    multi_label: bool = False
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unpaired: int = 0

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
        """SHA-256 over every instance and the schema: changes whenever a result could."""
        digest = hashlib.sha256()
        schema = self.schema
        constraints = sorted((list(pair), sorted(names)) for pair, names in schema.type_constraints.items())
        head = [list(schema.names), dict(schema.verbalisations), schema.negative, constraints, self.metric]
        digest.update(json.dumps(head, sort_keys=True).encode())
        for split in (self.train, self.dev, self.test):
            digest.update(b"\x1e")
            for i in split:
                row = [i.id, i.tokens, i.head.start, i.head.end, i.tail.start, i.tail.end]
                row += [i.relation, i.head_type, i.tail_type]
                if i.more_relations or i.head_mentions or i.tail_mentions:
                    mentions = [[[s.start, s.end] for s in spans] for spans in (i.head_mentions, i.tail_mentions)]
                    row += [i.more_relations, *mentions]
                digest.update(json.dumps(row).encode() + b"\n")
        if self.multi_label:
            known = {name: sorted(relations) for name, relations in self.known.items()}
            digest.update(json.dumps([known, self.unpaired], sort_keys=True).encode())
        return digest.hexdigest()
