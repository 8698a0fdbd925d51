"""Neighbours drawn at random: the control for everything that a longer prompt brings but what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from methods.parts.retrieval.retriever import Ranked, Retriever
from methods.types import Instance


class RandomRetriever(Retriever):
    """Uniform, without replacement; a query's neighbours depend on the seed and its id alone, not on other queries."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def build(self, instances: Sequence[Instance]) -> None:
        self._size = len(instances)

    def rank(self, queries: Sequence[Instance], reach: Sequence[int]) -> Iterator[Ranked]:
        for query, count in zip(queries, reach, strict=True):
            digest = hashlib.sha256(f"{self._seed} {query.id}".encode("utf-8", "surrogatepass")).digest()
            rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
            yield rng.choice(self._size, count, replace=False).tolist(), (1 / self._size,) * count
