"""What a fixed retriever is: index the training subset, return the k nearest instances of each query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from methods.types import Barred, Instance, Neighbours

# Rows of the database, nearest first, ties by lower row, with their similarities.
Ranked = tuple[Sequence[int], Sequence[float]]


class Retriever(ABC):
    """Built once per cell over the training subset; never trained. A subclass ranks, and knows nothing of who may be
    whose neighbour (`methods.types.bars`)."""

    @property
    def recall(self) -> float | None:
        """Of the exact ten nearest, measured on a sample, where search is approximate; None where it is exact."""
        return None

    def index(self, instances: Sequence[Instance]) -> None:
        """Take the instances as the database."""
        self._ids, self._barred = [i.id for i in instances], Barred(instances)
        self.build(instances)

    def search(self, queries: Sequence[Instance], k: int) -> list[Neighbours]:
        """The k nearest instances of each query that it may have as neighbours, nearest first. Weights are the
        retriever's similarities."""
        barred = [self._barred(query) for query in queries]
        reach = [min(len(self._ids), k + len(ids)) for ids in barred]
        found = []
        for ids, (rows, values) in zip(barred, self.rank(queries, reach) if queries else (), strict=True):
            kept = [pair for pair in zip((self._ids[r] for r in rows), values, strict=True) if pair[0] not in ids][:k]
            found.append(Neighbours(tuple(i for i, _ in kept), tuple(v for _, v in kept)))
        return found

    @abstractmethod
    def build(self, instances: Sequence[Instance]) -> None:
        """What `rank` needs of the database."""

    @abstractmethod
    def rank(self, queries: Sequence[Instance], reach: Sequence[int]) -> Iterable[Ranked]:
        """At least the ``reach[b]`` nearest rows of each query b, as far as they are found."""
