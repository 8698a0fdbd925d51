"""How near a query and an instance are, from their S span vectors; larger is nearer. Only matrix products: never a
tensor of queries x instances x spans x width."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from methods.etrag.options import Distance, Reduction, SpanPairs


@dataclass(frozen=True)
class Nearness:
    """``cosine``: the cosine of two spans, ``l2``: minus their squared Euclidean distance; over the S aligned spans of
    a query and an instance, or over ``all`` S x S, their ``mean`` (ETRAG: mean of cosines), the largest (``max``), the
    smallest (``min``), or a mean weighted by softmax, of the nearness (``softmax``) or of its negative (``softmin``).

    ETRAG's code (github.com/tti-coin/etrag) reduces distances d, one minus the cosine or the squared Euclidean one; in
    nearness its names change places. Its ``mean`` is ours, its ``min`` our ``max`` (the nearest span alone counts), its
    ``max`` our ``min``, its ``softmin``, the sum of d softmax(-d), our ``softmax``, its ``softmax`` our ``softmin``.
    """

    distance: Distance = "cosine"
    reduction: Reduction = "mean"
    pairs: SpanPairs = "aligned"

    def prepare(self, spans: Tensor) -> Tensor:
        """What can be computed once per instance: [N, S, D] -> [N, S, E] whose inner product with `ask`'s is the
        nearness of one span (cosine: the normalised spans; l2: twice the span, minus its squared norm, and one)."""
        if self.distance == "cosine":
            return functional.normalize(spans, dim=2)
        return torch.cat([2 * spans, -_squared_norm(spans), torch.ones_like(spans[:, :, :1])], 2)

    def ask(self, spans: Tensor) -> Tensor:
        """The query's side of `prepare`: [B, S, D] -> [B, S, E]."""
        if self.distance == "cosine":
            return functional.normalize(spans, dim=2)
        return torch.cat([spans, torch.ones_like(spans[:, :, :1]), -_squared_norm(spans)], 2)

    def scores(self, queries: Tensor, prepared: Tensor) -> Tensor:
        """Nearness of [B, S, D] queries to the [N, S, E] prepared instances: [B, N]. Raises ValueError where shapes do
        not match."""
        asked = self.ask(queries)
        if prepared.ndim != 3 or asked.shape[1:] != prepared.shape[1:]:
            wanted = [len(prepared), *asked.shape[1:]]
            raise ValueError(f"expected prepared instances {wanted}, got {list(prepared.shape)}")
        if self.reduction == "mean":
            (left,), (right,) = self.search_spaces(asked), self.search_spaces(prepared)
            return left @ right.T / (asked.shape[1] if self.pairs == "aligned" else 1)
        return self._reduced([asked[:, s] @ prepared[:, u].T for s, u in self._paired(asked.shape[1])])

    def compare(self, queries: Tensor, spans: Tensor) -> Tensor:
        """`scores` with instances that are not prepared, [B, S, D] and [N, S, D] -> [B, N]: for the cosine without a
        normalised copy of them."""
        # Nodes of their own: what flows back through the comparison is summed up before it meets other gradients.
        queries, spans = queries.view_as(queries), spans.view_as(spans)
        if self.distance != "cosine" or queries.shape[1:] != spans.shape[1:]:
            return self.scores(queries, self.prepare(spans))
        asked, lengths = self.ask(queries), torch.linalg.vector_norm(spans, dim=2).clamp(min=1e-12)
        return self._reduced([asked[:, s] @ spans[:, u].T / lengths[:, u] for s, u in self._paired(spans.shape[1])])

    def search_spaces(self, vectors: Tensor) -> list[Tensor]:
        """[N, S, E] of `prepare` or `ask` -> the matrices in which the largest inner products are the nearest: one
        for the mean (over all pairs: of the mean spans), one per span for the largest. Only for what `EtragOptions`
        lets be searched by: mean, and max over aligned pairs."""
        if self.reduction != "mean":
            return list(vectors.unbind(1))
        return [vectors.flatten(1) if self.pairs == "aligned" else vectors.mean(1)]

    def _paired(self, spans: int) -> list[tuple[int, int]]:
        """Which span of a query is compared with which of an instance."""
        each = range(spans)
        return list(zip(each, each, strict=True)) if self.pairs == "aligned" else list(product(each, each))

    def _reduced(self, near: list[Tensor]) -> Tensor:
        """P matrices [B, N], one for each pair of spans -> [B, N]."""
        every = torch.stack(near)
        if self.reduction == "mean":
            return every.mean(0)
        if self.reduction == "max":
            return every.amax(0)
        if self.reduction == "min":
            return every.amin(0)
        return ((every if self.reduction == "softmax" else -every).softmax(0) * every).sum(0)


def _squared_norm(spans: Tensor) -> Tensor:
    return spans.square().sum(2, keepdim=True)
