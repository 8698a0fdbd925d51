"""Fixed k-NN over sentence embeddings: a frozen sentence-transformers encoder and vector search."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from sentence_transformers import SentenceTransformer

from methods.base import MethodError
from methods.parts.generation.offline import Quiet
from methods.parts.model_files import resolve
from methods.parts.retrieval.retriever import Retriever
from methods.parts.retrieval.vector_search import VectorIndex
from methods.types import Instance, Neighbours

# A corpus is searched once, and training an inverted file takes a while too. The bound is reasoned, not measured.
EXACT_BELOW = 300_000
QUERIES = 1024  # searched together


class DenseRetriever(Retriever):
    """Cosine similarity of sentence embeddings (inner product of normalised vectors)."""

    def __init__(self, encoder: str, device: str) -> None:
        path = resolve(encoder).path
        try:
            with Quiet():
                self._encoder = SentenceTransformer(str(path), device=device)
        except (OSError, ValueError) as error:
            raise MethodError(f"encoder {encoder!r} cannot be loaded by sentence-transformers: {error}") from error

    @property
    def recall(self) -> float | None:
        return self._index.measured_recall if self._index.approximate else None

    def index(self, instances: Sequence[Instance]) -> None:
        self.index_vectors([i.id for i in instances], self._encode(instances))

    def index_vectors(self, ids: Sequence[str], vectors: torch.Tensor) -> None:
        """Take normalised vectors [N, d] instead of encoding instances."""
        self._ids, self._index = list(ids), VectorIndex(vectors, EXACT_BELOW)

    def search(self, queries: Sequence[Instance], k: int, exclude_ids: Sequence[Collection[str]]) -> list[Neighbours]:
        if not queries:
            return []
        reach = min(len(self._ids), k + max(len(e) for e in exclude_ids))
        vectors = self._encode(queries)
        found = []
        for start in range(0, len(queries), QUERIES):
            batch = slice(start, start + QUERIES)
            similarity, rows = self._index.search(vectors[batch], reach)
            found += self._kept(similarity.tolist(), rows.tolist(), k, exclude_ids[batch])
        return found

    def _kept(
        self,
        similarity: Sequence[Sequence[float]],
        rows: Sequence[Sequence[int]],
        k: int,
        exclude_ids: Sequence[Collection[str]],
    ) -> list[Neighbours]:
        found = []
        for values, row, exclude in zip(similarity, rows, exclude_ids, strict=True):
            pairs = [(self._ids[i], v) for v, i in zip(values, row, strict=True) if i >= 0]
            kept = [pair for pair in pairs if pair[0] not in exclude][:k]
            found.append(Neighbours(tuple(i for i, _ in kept), tuple(v for _, v in kept)))
        return found

    def _encode(self, instances: Sequence[Instance]) -> torch.Tensor:
        texts = [i.text() for i in instances]
        return self._encoder.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
        ).float()
