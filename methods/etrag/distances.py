"""How near a query and an instance are, from their S span vectors; larger is nearer. Only matrix products: never a
tensor of queries x instances x spans x width."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from methods.etrag.options import Distance, Reduction


@dataclass(frozen=True)
class Nearness:
    """``cosine``: the cosine of two spans, ``l2``: minus their squared Euclidean distance; over the S spans of a pair
    their mean (ETRAG: mean of cosines) or the largest."""

    distance: Distance = "cosine"
    reduction: Reduction = "mean"

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
            return asked.flatten(1) @ prepared.flatten(1).T / asked.shape[1]
        return torch.stack([asked[:, s] @ prepared[:, s].T for s in range(asked.shape[1])]).amax(0)

    def compare(self, queries: Tensor, spans: Tensor) -> Tensor:
        """`scores` with instances that are not prepared, [B, S, D] and [N, S, D] -> [B, N]: for the cosine without a
        normalised copy of them."""
        # Nodes of their own: what flows back through the comparison is summed up before it meets other gradients.
        queries, spans = queries.view_as(queries), spans.view_as(spans)
        if self.distance != "cosine" or queries.shape[1:] != spans.shape[1:]:
            return self.scores(queries, self.prepare(spans))
        asked, lengths = self.ask(queries), torch.linalg.vector_norm(spans, dim=2).clamp(min=1e-12)
        near = [asked[:, s] @ spans[:, s].T / lengths[:, s] for s in range(spans.shape[1])]
        if self.reduction == "mean":
            return torch.stack(near).mean(0)
        return torch.stack(near).amax(0)

    def search_spaces(self, vectors: Tensor) -> list[Tensor]:
        """[N, S, E] of `prepare` or `ask` -> the matrices in which the largest inner products are the nearest: one
        for the mean, one per span for the largest."""
        return [vectors.flatten(1)] if self.reduction == "mean" else list(vectors.unbind(1))


def _squared_norm(spans: Tensor) -> Tensor:
    return spans.square().sum(2, keepdim=True)
