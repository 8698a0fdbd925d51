"""BM25 over the words of the sentences: rank-bm25 (BM25Okapi, k1 1.5, b 0.75) computes the statistics, its scores
are compiled once into postings, and a query only adds up those of its own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rank_bm25 import BM25Okapi

from methods.parts.retrieval.retriever import Ranked, Retriever
from methods.types import Instance

# A word of more than this share of the documents is kept as a full row: adding rows beats adding by index.
FREQUENT = 1 / 8


class BM25Retriever(Retriever):
    """Lower-cased corpus tokens; a query is the whole sentence."""

    def build(self, instances: Sequence[Instance]) -> None:
        self._scorer = CompiledBM25([_words(i) for i in instances])

    def rank(self, queries: Sequence[Instance], reach: Sequence[int]) -> Iterator[Ranked]:
        for query, count in zip(queries, reach, strict=True):
            scores = self._scorer.scores(_words(query))
            rows = largest(scores, count)
            yield rows, scores[rows].tolist()


def largest(values: np.ndarray, count: int) -> list[int]:
    """Places of the ``count`` largest of ``values`` [N], largest first; equal ones in their order."""
    count = min(count, len(values))
    # Only what reaches the last of them is sorted, ties with it included.
    least = np.partition(values, len(values) - count)[len(values) - count]
    found = np.flatnonzero(values >= least)
    order: list[int] = found[np.argsort(-values[found], kind="stable")][:count].tolist()
    return order


class CompiledBM25:
    """The contribution of every word to every document that has it, as BM25Okapi would compute it."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        bm25 = BM25Okapi(documents)
        self.size = len(documents)
        occurrences: dict[str, tuple[list[int], list[int]]] = {word: ([], []) for word in bm25.idf}
        for row, counts in enumerate(bm25.doc_freqs):
            for word, count in counts.items():
                rows, frequencies = occurrences[word]
                rows.append(row)
                frequencies.append(count)
        length = bm25.k1 * (1 - bm25.b + bm25.b * np.array(bm25.doc_len) / bm25.avgdl)
        self._rows: dict[str, np.ndarray] = {}
        self._postings: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for word, (rows, frequencies) in occurrences.items():
            at, count = np.array(rows), np.array(frequencies)
            value = (bm25.idf[word] or 0) * (count * (bm25.k1 + 1) / (count + length[at]))
            if len(rows) > FREQUENT * self.size:
                self._rows[word] = np.zeros(self.size)
                self._rows[word][at] = value
            else:
                self._postings[word] = at, value

    def scores(self, query: Sequence[str]) -> np.ndarray:
        """Float64 [documents], bit for bit those of ``BM25Okapi.get_scores``: words are added in the same order."""
        total = np.zeros(self.size)
        for word in query:
            if (row := self._rows.get(word)) is not None:
                total += row
            elif (posting := self._postings.get(word)) is not None:
                total[posting[0]] += posting[1]
        return total


def _words(instance: Instance) -> list[str]:
    return [token.lower() for token in instance.tokens]
