"""Sentences as groups: several entity pairs of one sentence are several instances.

In training the nearest neighbours of such an instance are the other pairs of its own sentence; at test time there
never are any. Instances with equal tokens, in whatever parts of a corpus, are one group by themselves, and so are those
of one document where a loader names it; where the two meet they are one. Nobody is the neighbour of its own group
(`methods.types.bars`), and held-out sets are drawn by group.

A corpus of one pair per sentence (`Dataset.one_pair`: SemEval, FewRel) has no such groups: where a sentence stands
there twice, these are two records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def in_groups(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """Instances with `Instance.group` where they share a sentence and no document says so already."""
    found = tuple(instances)
    return _put(found, _groups(found))


def grouped(dataset: Dataset) -> Dataset:
    """The dataset with the groups of all its parts together (`in_groups`); itself where there are none."""
    named = {} if dataset.one_pair else _groups(dataset.by_id.values())
    if not named:
        return dataset
    return replace(
        dataset,
        train=_put(dataset.train, named),
        dev=_put(dataset.dev, named),
        test=_put(dataset.test, named),
        extra_tests={name: _put(found, named) for name, found in dataset.extra_tests.items()},
        datastores={name: _put(found, named) for name, found in dataset.datastores.items()},
    )


def _put(instances: Iterable[Instance], named: Mapping[str, str]) -> tuple[Instance, ...]:
    return tuple(replace(i, group=named[i.id]) if i.id in named else i for i in instances)


def treatment(dataset: Dataset) -> SameSentence:
    """Whether instances that share a sentence may be neighbours, as the identity of a cell has it; none: there are no
    such instances."""
    if any(i.group for i in dataset.by_id.values()):
        return "exclude"
    return "allow" if not dataset.one_pair and _groups(dataset.by_id.values()) else "none"


def _groups(instances: Iterable[Instance]) -> dict[str, str]:
    """Id -> group of every instance in a group of several that are not all of one document."""
    found = list(instances)
    members: dict[str, list[Instance]] = {}
    for instance, name in zip(found, group_names(found), strict=True):
        members.setdefault(name, []).append(instance)
    return {
        instance.id: name
        for name, group in members.items()
        if len(group) > 1 and not (group[0].document and len({i.document for i in group}) == 1)
        for instance in group
    }
