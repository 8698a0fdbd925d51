"""Fixed k-NN over sentence embeddings: a frozen sentence-transformers encoder and an exact FAISS index."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer

from methods.base import MethodError
from methods.parts.models import resolve
from methods.parts.pairs import Quiet
from methods.parts.retriever import Retriever
from methods.types import Instance, Neighbours


class DenseRetriever(Retriever):
    """Cosine similarity of sentence embeddings (inner product of normalised vectors)."""

    def __init__(self, encoder: str, device: str) -> None:
        path = resolve(encoder).path
        try:
            with Quiet():
                self._encoder = SentenceTransformer(str(path), device=device)
        except (OSError, ValueError) as error:
            raise MethodError(f"encoder {encoder!r} cannot be loaded by sentence-transformers: {error}") from error

    def index(self, instances: Sequence[Instance]) -> None:
        self._ids = [i.id for i in instances]
        vectors = self._encode(instances)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def search(self, queries: Sequence[Instance], k: int, exclude_ids: Sequence[Collection[str]]) -> list[Neighbours]:
        if not queries:
            return []
        reach = min(len(self._ids), k + max(len(e) for e in exclude_ids))
        similarity, rows = self._index.search(self._encode(queries), reach)
        found = []
        for values, row, exclude in zip(similarity, rows, exclude_ids, strict=True):
            pairs = [(self._ids[i], float(v)) for v, i in zip(values, row, strict=True)]
            kept = [pair for pair in pairs if pair[0] not in exclude][:k]
            found.append(Neighbours(tuple(i for i, _ in kept), tuple(v for _, v in kept)))
        return found

    def _encode(self, instances: Sequence[Instance]) -> np.ndarray:
        vectors = self._encoder.encode(
            [i.text() for i in instances], normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)
