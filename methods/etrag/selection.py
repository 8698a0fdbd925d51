"""The ways to choose k of N scored candidates, all with one interface:
``(scores [B, N], k, temperature, mask [B, N] or None) -> weights [B, k, N]``, each of the k steps summing to one.

`soft`: the k softmax steps of relaxed_knn.select. `hard`: the k best, with the soft steps' gradient. `sparse`: steps
between nested top-j masks, under which near-ties stay together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from methods.etrag.options import Selection
from methods.etrag.relaxed_knn import checked, select

Select = Callable[[Tensor, int, Tensor | float, Tensor | None], Tensor]
BISECTIONS = 24


def hard(scores: Tensor, k: int, temperature: Tensor | float, mask: Tensor | None = None) -> Tensor:
    """One-hot weights of the k largest scores, best first; backwards the gradient of `select` at this temperature
    (straight-through estimator: Bengio et al. 2013, arXiv 1308.3432). Raises ValueError as `select`."""
    admitted, _ = checked(scores, k, temperature, mask)
    best = admitted.topk(k, dim=1).indices
    chosen = admitted.new_zeros(len(scores), k, scores.shape[1]).scatter_(2, best.unsqueeze(2), 1.0)
    if not (torch.is_grad_enabled() and scores.requires_grad):
        return chosen
    soft = select(scores, k, temperature, mask)
    return chosen + (soft - soft.detach())


def sparse(scores: Tensor, k: int, temperature: Tensor | float, mask: Tensor | None = None) -> Tensor:
    """w^j = y^j - y^(j-1), with y^j the sparse top-j mask of the scores: the projection of s / t on
    {y in [0, 1]^N, sum y = j} (Sander et al. 2023, arXiv 2302.01425, quadratic regularisation).

    Candidates further than t apart are chosen one after the other as by hard k-NN; m that are closer share m steps,
    where `select` may push all of them out of its next steps. y^j grows with j, so that no weight is negative, and
    almost everywhere is differentiable: its gradient spreads over the candidates with 0 < y^j < 1. Raises ValueError
    as `select`.
    """
    return _Sparse.apply(*checked(scores, k, temperature, mask), k)


SELECTIONS: dict[Selection, Select] = {"soft": select, "hard": hard, "sparse": sparse}


class _Sparse(torch.autograd.Function):
    """``scores`` [B, N] (-inf: not admitted), ``t`` [B, 1] -> weights [B, k, N]."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, t: Tensor, k: int) -> Tensor:
        weights = scores.new_empty(len(scores), k, scores.shape[1])
        anchors = scores.topk(k, dim=1).values
        shifts = torch.empty_like(anchors)
        before: Tensor | float = 0.0
        for j in range(k):
            near = _near(scores, anchors, t, j)
            shift = _shift(near, j + 1)
            shifts[:, j : j + 1] = shift
            mask = near.sub_(shift).clamp_(0, 1)
            weights[:, j] = (mask - before).clamp_(min=0)
            before = mask
        ctx.save_for_backward(scores, t, anchors, shifts)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        scores, t, anchors, shifts = ctx.saved_tensors
        k = anchors.shape[1]
        flow = torch.zeros_like(scores)
        for j in range(k):
            by_mask = gradient[:, j] - gradient[:, j + 1] if j + 1 < k else gradient[:, j]
            mask = _near(scores, anchors, t, j).sub_(shifts[:, j : j + 1])
            free = (mask > 0) & (mask < 1)
            by_mask = by_mask.masked_fill(~free, 0.0)
            mean = by_mask.sum(1, keepdim=True) / free.sum(1, keepdim=True).clamp(min=1)
            flow += (by_mask - mean).masked_fill_(~free, 0.0)
        flow /= t
        # The weights depend on s / t alone, and the flow sums to zero: any shift of the scores gives the same.
        shifted = (scores - anchors[:, :1]).masked_fill_(flow == 0, 0.0)
        return flow, -(flow * shifted).sum(1, keepdim=True) / t, None


def _near(scores: Tensor, anchors: Tensor, t: Tensor, j: int) -> Tensor:
    """(s - the (j+1)-th largest s) / t within [-1, 1]: all that decides the top-(j+1) mask, without large numbers."""
    return ((scores - anchors[:, j : j + 1]) / t).clamp_(-1, 1)


def _shift(near: Tensor, total: int) -> Tensor:
    """u [B, 1] in [-1, 0] such that clip(near - u, 0, 1) sums to ``total``: bisection, then the exact solution for
    the candidates found strictly between 0 and 1."""
    low, high = -torch.ones_like(near[:, :1]), torch.zeros_like(near[:, :1])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        enough = (near - middle).clamp_(0, 1).sum(1, keepdim=True) >= total
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    mask = near - low
    free = (mask > 0) & (mask < 1)
    count = free.sum(1, keepdim=True)
    exact = (near.masked_fill(~free, 0.0).sum(1, keepdim=True) + (mask >= 1).sum(1, keepdim=True) - total) / count
    return torch.where(count > 0, exact, low).clamp_(-1, 0)
