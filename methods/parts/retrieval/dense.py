"""Fixed k-NN over vectors of instances, such as a frozen sentence encoder's, and vector search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sentence_transformers import SentenceTransformer
from torch import Tensor

from methods.base import MethodError
from methods.parts.generation.offline import Quiet
from methods.parts.model_files import resolve
from methods.parts.retrieval.retriever import Ranked, Retriever
from methods.parts.retrieval.vector_search import VectorIndex
from methods.types import Instance

# A corpus is searched once, and training an inverted file takes a while too. The bound is reasoned, not measured.
EXACT_BELOW = 300_000
QUERIES = 1024  # searched together

Encode = Callable[[Sequence[Instance]], Tensor]  # N instances -> vectors [N, d]


class DenseRetriever(Retriever):
    """Inner products of vectors: cosine similarity where they are normalised. ``database`` encodes the database, where
    that is not done as for queries."""

    def __init__(self, encode: Encode, database: Encode | None = None, exact_below: int = EXACT_BELOW) -> None:
        self._encode, self._encode_database, self._exact_below = encode, database or encode, exact_below

    @property
    def recall(self) -> float | None:
        return self._index.measured_recall if self._index.approximate else None

    def build(self, instances: Sequence[Instance]) -> None:
        self._index = VectorIndex(self._encode_database(instances), self._exact_below)

    def rank(self, queries: Sequence[Instance], reach: Sequence[int]) -> Iterator[Ranked]:
        vectors = self._encode(queries)
        for start in range(0, len(queries), QUERIES):
            similarity, rows = self._index.search(vectors[start : start + QUERIES], max(reach))
            for values, row in zip(similarity.tolist(), rows.tolist(), strict=True):
                found = sum(r >= 0 for r in row)  # the probed lists may hold fewer; what is missing comes last
                yield row[:found], values[:found]


def sentence_encoder(name: str, device: str) -> Encode:
    """Normalised vectors of whole sentences. Raises MethodError where sentence-transformers cannot load ``name``."""
    path = resolve(name).path
    try:
        with Quiet():
            model = SentenceTransformer(str(path), device=device)
    except (OSError, ValueError) as error:
        raise MethodError(f"encoder {name!r} cannot be loaded by sentence-transformers: {error}") from error

    def encode(instances: Sequence[Instance]) -> Tensor:
        texts = [i.text() for i in instances]
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True).float()

    return encode
