"""What a fixed retriever is: index the training subset, return the k nearest instances of each query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

import numpy as np

from methods.types import Instance, Neighbours


class Retriever(ABC):
    """Built once per cell over the training subset; never trained."""

    @property
    def recall(self) -> float | None:
        """Of the exact ten nearest, measured on a sample, where search is approximate; None where it is exact."""
        return None

    @abstractmethod
    def index(self, instances: Sequence[Instance]) -> None:
        """Take the instances as the database."""

    @abstractmethod
    def search(self, queries: Sequence[Instance], k: int, exclude_ids: Sequence[Collection[str]]) -> list[Neighbours]:
        """The k nearest instances of each query, nearest first, ties by database order, without those whose ids
        stand in ``exclude_ids[row]``. Weights are the retriever's similarities."""


def nearest(similarity: np.ndarray, ids: Sequence[str], k: int, exclude: Collection[str]) -> Neighbours:
    """Top k of one row of similarities [N]; equal similarities in database order."""
    reach = min(len(similarity), k + len(exclude))
    # Only what reaches the k-th value is sorted, ties with it included.
    least = np.partition(similarity, len(similarity) - reach)[len(similarity) - reach]
    found = np.flatnonzero(similarity >= least)
    order = found[np.argsort(-similarity[found], kind="stable")][:reach]
    kept = [int(i) for i in order if ids[int(i)] not in exclude][:k]
    return Neighbours(tuple(ids[i] for i in kept), tuple(float(similarity[i]) for i in kept))
