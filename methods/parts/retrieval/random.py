"""Neighbours drawn at random: the control for everything that a longer prompt brings but what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np

from methods.parts.retrieval.retriever import Retriever
from methods.types import Instance, Neighbours


class RandomRetriever(Retriever):
    """Uniform, without replacement; a query's neighbours depend on the seed and its id alone, not on other queries."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def index(self, instances: Sequence[Instance]) -> None:
        self._ids = [i.id for i in instances]

    def search(self, queries: Sequence[Instance], k: int, exclude_ids: Sequence[Collection[str]]) -> list[Neighbours]:
        return [self._draw(query.id, k, exclude) for query, exclude in zip(queries, exclude_ids, strict=True)]

    def _draw(self, query: str, k: int, exclude: Collection[str]) -> Neighbours:
        digest = hashlib.sha256(f"{self._seed} {query}".encode("utf-8", "surrogatepass")).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        reach = min(len(self._ids), k + len(exclude))
        drawn = [self._ids[row] for row in rng.choice(len(self._ids), reach, replace=False).tolist()]
        kept = [name for name in drawn if name not in exclude][:k]
        return Neighbours(tuple(kept), (1 / len(self._ids),) * len(kept))
