"""Which instances a run may learn from: stratified, nested subsets, the same for every method.

"Relation" is an instance's primary one here: where it has several, the first of them in the schema's order.

Every instance has a rank within its relation: the order of SHA-256(salt, draw, relation, id). A subset takes the
first max(1, round(ratio * n)) instances of each relation with n instances. From that rule alone follow

- nestedness: for one draw a smaller ratio's subset lies within every larger one's;
- stratification: each relation keeps its share to within half an instance, and never vanishes;
- determinism across machines, Python versions and processes (no random state, no Python hash);
- independence of the input order, and of the other relations' instances.

Two draws share a subset only by chance. The total is `ratio * N` up to rounding, and above it where many relations
have fewer than 1/(2 ratio) instances, since each keeps one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from methods.types import Instance


def subset(instances: Sequence[Instance], ratio: float, draw: int, salt: str = "train") -> tuple[Instance, ...]:
    """A share ``ratio`` in (0, 1] of each relation's instances, in corpus order; all of them for 1.

    ``salt`` keeps the subsets of different splits apart. Raises ValueError for a ratio outside (0, 1] and for
    duplicate ids.
    """
    if not 0 < ratio <= 1:  # also refuses NaN
        raise ValueError(f"ratio must lie in (0, 1], got {ratio}")
    return first_ranked(instances, lambda n: max(1, math.floor(n * ratio + 0.5)), draw, salt)


def hold_out(
    instances: Sequence[Instance], share: float, salt: str, groups: Sequence[str] | None = None
) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
    """(kept, held out): a stratified ``share`` in (0, 1) held out, both parts in corpus order.

    ``groups``: of each instance, by default each its own; a group goes as a whole, by the rank of the instance of its
    rarest relation (of several, the one with the least id), among the groups that it stands for.
    A relation's last instance is never held out. Raises ValueError for a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie in (0, 1), got {share}")
    names = [instance.id for instance in instances] if groups is None else list(groups)
    counts = Counter(instance.relation for instance in instances)
    heads: dict[str, Instance] = {}
    for name, instance in zip(names, instances, strict=True):
        rival = heads.setdefault(name, instance)
        heads[name] = min(rival, instance, key=lambda i: (counts[i.relation], i.id))
    chosen = first_ranked(list(heads.values()), lambda n: min(n - 1, math.floor(n * share + 0.5)), 0, salt)
    ids = {instance.id for instance in chosen}
    held = _but_the_last([name for name, head in heads.items() if head.id in ids], names, instances)
    parts: tuple[list[Instance], list[Instance]] = [], []
    for name, instance in zip(names, instances, strict=True):
        parts[name in held].append(instance)
    return tuple(parts[0]), tuple(parts[1])


def _but_the_last(held: Sequence[str], names: Sequence[str], instances: Sequence[Instance]) -> set[str]:
    """The groups to hold out without those that hold all that is left of some relation."""
    left = Counter(instance.relation for instance in instances)
    members: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, instance in zip(names, instances, strict=True):
        members[name][instance.relation] += 1
    taken: set[str] = set()
    for name in held:
        if all(left[relation] > count for relation, count in members[name].items()):
            left -= members[name]
            taken.add(name)
    return taken


def first_ranked(
    instances: Sequence[Instance], quota: Callable[[int], int], draw: int, salt: str
) -> tuple[Instance, ...]:
    """The ``quota(n)`` first-ranked of each relation's n instances, in corpus order (rank: see the module)."""
    repeated = [name for name, count in Counter(instance.id for instance in instances).items() if count > 1]
    if repeated:
        raise ValueError(f"instance ids are not unique: {', '.join(repeated[:3])}")
    members: defaultdict[str, list[str]] = defaultdict(list)
    for instance in instances:
        members[instance.relation].append(instance.id)
    chosen: set[str] = set()
    for relation, ids in members.items():
        ranked = sorted(ids, key=lambda name: (_rank(salt, draw, relation, name), name))
        chosen.update(ranked[: quota(len(ids))])
    return tuple(instance for instance in instances if instance.id in chosen)


def _rank(salt: str, draw: int, relation: str, name: str) -> bytes:
    return hashlib.sha256(json.dumps([salt, draw, relation, name]).encode()).digest()


def ids_hash(train_ids: Iterable[str], dev_ids: Iterable[str]) -> str:
    """SHA-256, in hex, of the ids of a train and a dev subset in their order (the order decides the batches)."""
    return hashlib.sha256(json.dumps([list(train_ids), list(dev_ids)]).encode()).hexdigest()


def relation_counts(instances: Iterable[Instance], relations: Sequence[str]) -> dict[str, int]:
    """Instances per relation, in the order of ``relations``; one with several counts for each of them."""
    counts = Counter(name for instance in instances for name in instance.relations)
    return {relation: counts[relation] for relation in relations}
