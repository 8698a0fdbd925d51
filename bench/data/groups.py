"""Sentences as groups: several entity pairs of one sentence are several instances.

In training the nearest neighbours of such an instance are the other pairs of its own sentence; at test time there
never are any. Instances with equal tokens, in whatever parts of a corpus, are one group by themselves, and so are those
of one document where a loader names it; where the two meet they are one. Nobody is the neighbour of its own group
(`methods.types.bars`), and held-out sets are drawn by group.

A corpus of one pair per sentence (`Dataset.one_pair`: SemEval, FewRel) has no such groups: where a sentence stands
there twice, these are two records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from bench.data.base import Dataset
from methods.types import Instance

SameSentence = Literal["exclude", "allow", "none"]


def group_names(instances: Iterable[Instance]) -> list[str]:
    """For each instance the id of the first of its group: equal tokens or one document, joined where they meet."""
    found = list(instances)
    parent = list(range(len(found)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    first: dict[object, int] = {}
    for row, instance in enumerate(found):
        for key in (instance.tokens, instance.document):
            if key:
                one, other = sorted((root(first.setdefault(key, row)), root(row)))
                parent[other] = one
    return [found[root(row)].id for row in range(len(found))]


def grouped(dataset: Dataset) -> Dataset:
    """The dataset with `Instance.group` where instances share a sentence and no document says so already; itself where
    there are none."""
    named = _groups(dataset)
    if not named:
        return dataset

    def part(instances: Sequence[Instance]) -> tuple[Instance, ...]:
        return tuple(replace(i, group=named[i.id]) if i.id in named else i for i in instances)

    return replace(
        dataset,
        train=part(dataset.train),
        dev=part(dataset.dev),
        test=part(dataset.test),
        extra_tests={name: part(found) for name, found in dataset.extra_tests.items()},
        datastores={name: part(found) for name, found in dataset.datastores.items()},
    )


def treatment(dataset: Dataset) -> SameSentence:
    """Whether instances that share a sentence may be neighbours, as the identity of a cell has it; none: there are no
    such instances."""
    if any(i.group for i in dataset.by_id.values()):
        return "exclude"
    return "allow" if _groups(dataset) else "none"


def _groups(dataset: Dataset) -> dict[str, str]:
    """Id -> group of every instance in a group of several that are not all of one document."""
    if dataset.one_pair:
        return {}
    instances = list(dataset.by_id.values())
    members: dict[str, list[Instance]] = {}
    for instance, name in zip(instances, group_names(instances), strict=True):
        members.setdefault(name, []).append(instance)
    return {
        instance.id: name
        for name, group in members.items()
        if len(group) > 1 and not (group[0].document and len({i.document for i in group}) == 1)
        for instance in group
    }
