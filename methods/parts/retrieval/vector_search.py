"""Nearest vectors by inner product: exact by blocked matrix products, approximate by a FAISS inverted file."""

from __future__ import annotations

import faiss
import numpy as np
import torch
from torch import Tensor

BLOCK = 1 << 14  # database rows scored together: their scores for a few hundred queries stay in the cache
SAMPLE = 64  # queries on which the recall of an approximate index is measured
TOP = 10  # ... within the first ten
POINTS_PER_LIST = 40  # vectors that k-means sees per centroid, to which its time is proportional (FAISS: 256)


def exact(queries: Tensor, database: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest inner products of each query: (values [Q, k], rows [Q, k]), largest first, ties by lower row.

    ``queries`` [Q, d], ``database`` [N, d]; never a [Q, N] matrix. Raises ValueError for k beyond 1 .. N.
    """
    if not 1 <= k <= len(database):
        raise ValueError(f"k must be between 1 and the {len(database)} vectors, got {k}")
    values, rows = [], []
    for at in range(0, len(database), BLOCK):
        value, row = _top(queries @ database[at : at + BLOCK].T, k)
        values.append(value)
        rows.append(row + at)
    if len(values) == 1:
        return values[0], rows[0]
    value, column = _top(torch.cat(values, 1), k)  # blocks are in order: a lower column is a lower row
    return value, torch.cat(rows, 1).gather(1, column)


def _top(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """torch.topk with ties by lower column, which torch leaves open."""
    k, width = min(k, scores.shape[1]), scores.shape[1]
    value, column = scores.topk(min(k + 1, width), dim=1)
    tied = value[:, k] == value[:, k - 1] if k < width else value.new_zeros(len(value), dtype=torch.bool)
    column = column[:, :k]
    if bool(tied.any()):  # more candidates for the last place than places
        column[tied] = scores[tied].sort(dim=1, descending=True, stable=True).indices[:, :k]
    column = column.sort(dim=1).values
    value, order = scores.gather(1, column).sort(dim=1, descending=True, stable=True)
    return value, column.gather(1, order)


class VectorIndex:
    """Search over ``vectors`` [N, d]: exact up to ``exact_below`` vectors, above it an inverted file (FAISS
    IndexIVFFlat, about 4 sqrt(N) lists) that probes as many lists as reach ``recall`` of the exact top 10 on the
    first queries that are searched.

    ``measured_recall``: of the exact top 10 on up to 64 of those queries; 1 for exact search.
    """

    def __init__(self, vectors: Tensor, exact_below: int, recall: float = 0.97) -> None:
        self.vectors, self.wanted, self.measured_recall = vectors, recall, 1.0
        self._lists: faiss.IndexIVFFlat | None = None
        if len(vectors) > exact_below:
            self._lists = _train(vectors)
            self._lists.add(_plain(vectors))
            self._tuned = False

    @property
    def approximate(self) -> bool:
        return self._lists is not None

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """As `exact`; a row is -1 where the probed lists hold fewer than k vectors."""
        if self._lists is None:
            return exact(queries, self.vectors, k)
        if not self._tuned:
            self._tune(queries[:SAMPLE])
        value, row = self._lists.search(_plain(queries), k)
        return torch.from_numpy(value).to(queries.device), torch.from_numpy(row).to(queries.device)

    def replace(self, vectors: Tensor) -> None:
        """Take moved vectors [N, d] of the same instances: the lists keep their centroids, the recall is measured
        again."""
        self.vectors = vectors
        if self._lists is not None:
            self._lists.reset()
            self._lists.add(_plain(vectors))
            self._tuned = False

    def _tune(self, queries: Tensor) -> None:
        assert self._lists is not None
        _, right = exact(queries, self.vectors, min(TOP, len(self.vectors)))
        self._lists.nprobe = 1
        while True:
            _, found = self._lists.search(_plain(queries), right.shape[1])
            hits = (right.unsqueeze(2) == torch.from_numpy(found).to(right.device).unsqueeze(1)).any(2)
            self.measured_recall = float(hits.float().mean())
            if self.measured_recall >= self.wanted or self._lists.nprobe >= self._lists.nlist:
                break
            self._lists.nprobe = min(2 * self._lists.nprobe, self._lists.nlist)
        self._tuned = True


def _train(vectors: Tensor) -> faiss.IndexIVFFlat:
    width = vectors.shape[1]
    lists = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(width), width, max(1, round(4 * len(vectors) ** 0.5)), faiss.METRIC_INNER_PRODUCT
    )
    lists.cp.max_points_per_centroid = POINTS_PER_LIST
    lists.cp.seed = 1
    lists.train(_plain(vectors))
    return lists


def _plain(vectors: Tensor) -> np.ndarray:
    return np.ascontiguousarray(vectors.detach().float().cpu().numpy())
