"""BM25 over the words of the sentences (rank-bm25's BM25Okapi: k1 1.5, b 0.75)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from rank_bm25 import BM25Okapi

from methods.parts.retriever import Retriever, nearest
from methods.types import Instance, Neighbours


class BM25Retriever(Retriever):
    """Lower-cased corpus tokens; a query is the whole sentence."""

    def index(self, instances: Sequence[Instance]) -> None:
        self._ids = [i.id for i in instances]
        self._bm25 = BM25Okapi([_words(i) for i in instances])

    def search(self, queries: Sequence[Instance], k: int, exclude_ids: Sequence[Collection[str]]) -> list[Neighbours]:
        return [
            nearest(np.asarray(self._bm25.get_scores(_words(query))), self._ids, k, exclude)
            for query, exclude in zip(queries, exclude_ids, strict=True)
        ]


def _words(instance: Instance) -> list[str]:
    return [token.lower() for token in instance.tokens]
