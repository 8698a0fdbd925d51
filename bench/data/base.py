"""A corpus as the harness sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.data.duplicates import Repeat, leaks, repeats
from methods.types import Instance, RelationSchema


@dataclass(frozen=True)
class PublishedSubset:
    """The instances of a ratio as somebody published them (bench.data.split_ids): ids of train and of dev (None where
    dev follows our rule), and the names of the files."""

    train: frozenset[str]
    dev: frozenset[str] | None
    source: str


@dataclass(frozen=True)
class Dataset:
    """Train, dev and test instances with their schema and the name of their official metric (bench.scoring.metrics).

    ``card``: what the loader counted, kept in the manifest of every run. One of its keys is read here: `remarks`
    (sentences for the reader of a table). ``published``: ratio -> the subset that takes the place of
    bench.data.split's; each cell's subset hash tells.

    ``multi_label``: an instance may have several relations, and a prediction is the set of those that score above
    the negative class. For its metric, ``known`` maps an instance's id to the relations that the same two names have
    in the training annotations, and ``unpaired`` counts gold facts of the test set that no instance stands for.

    ``one_pair``: sentences were collected for one pair of entities each, so that equal ones are different records and
    no group (bench.data.groups).

    ``misplaced``: examples (id, name, words) of entities whose name is not the words at their position, for
    bench.data.quality; how many there are says ``card``, which is stored with every run and holds no text of a corpus.

    ``extra_tests``: test sets of another domain, by name (the main one is called ``test_name``); ``datastores``:
    instances to retrieve from instead of the training subset, by name. Their relations may be unknown to the schema
    (such instances are never scored) but have a verbalisation there. bench.run.test_sets says what is done with them.
    """

    name: str
    schema: RelationSchema
    metric: str
    train: tuple[Instance, ...]
    dev: tuple[Instance, ...]
    test: tuple[Instance, ...]
    card: Mapping[str, object] = field(default_factory=dict)
    published: Mapping[float, PublishedSubset] = field(default_factory=dict)
    multi_label: bool = False
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unpaired: int = 0
    one_pair: bool = False
    misplaced: tuple[tuple[str, str, str], ...] = ()
    test_name: str = "test"
    extra_tests: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    datastores: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)

    @property
    def by_id(self) -> dict[str, Instance]:
        """Every instance, those of other test sets and datastores too."""
        parts = (self.train, self.dev, self.test, *self.extra_tests.values(), *self.datastores.values())
        return {instance.id: instance for part in parts for instance in part}

    @cached_property
    def repeats(self) -> dict[str, tuple[Repeat, ...]]:
        """Instances of dev and test that repeat another split's: {"dev_in_train", "test_in_train", "test_in_dev"}.

        Sentences are compared up to spelling and nearly (bench.data.duplicates). It takes one second for SemEval's
        10,717 instances and 20 seconds for as many long sentences as TACRED has (106,264).
        """
        splits = {"train": self.train, "dev": self.dev, "test": self.test}
        places = ("dev", "train"), ("test", "train"), ("test", "dev")
        return {
            f"{one}_in_{other}": repeats(splits[one], splits[other], content=f"{self.content_hash} {one} {other}")
            for one, other in places
        }

    def warnings(self) -> list[str]:
        """What a reader of the tables must know of this corpus: the loader's remarks and leaks."""
        remarks: Any = self.card.get("remarks", ())
        found = [(where.split("_in_"), len(leaks(found))) for where, found in self.repeats.items()]
        return [f"{self.name}: {remark}" for remark in remarks] + [
            f"{self.name}: {count} {split} instance{'s repeat' if count > 1 else ' repeats'} a {other} instance with "
            f"its entity pair (see `bench data check` and --drop-leaks)"
            for (split, other), count in found
            if count
        ]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over schema, train, dev and test: changes whenever a result could (see also `instances_hash`)."""
        schema = self.schema
        constraints = sorted((list(pair), sorted(names)) for pair, names in schema.type_constraints.items())
        head: list[Any] = [list(schema.names), dict(schema.verbalisations), schema.negative, constraints, self.metric]
        if schema.template:  # else as it was before there were templates: stored records hold it
            head.append({"template": True})
        if self.multi_label:
            head.append([{name: sorted(relations) for name, relations in self.known.items()}, self.unpaired])
        return instances_hash(self.train, self.dev, self.test, head=json.dumps(head, sort_keys=True))


def instances_hash(*splits: Iterable[Instance], head: str = "") -> str:
    """SHA-256, in hex, over every field of every instance, after ``head``."""
    digest = hashlib.sha256(head.encode())
    for split in splits:
        digest.update(b"\x1e")
        for i in split:
            row = [i.id, i.tokens, i.head.start, i.head.end, i.tail.start, i.tail.end]
            row += [i.relation, i.head_type, i.tail_type]
            if i.more_relations or i.head_mentions or i.tail_mentions:
                mentions = [[[s.start, s.end] for s in spans] for spans in (i.head_mentions, i.tail_mentions)]
                row += [i.more_relations, *mentions]
            if i.document:
                row.append({"document": i.document})
            digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()
