"""Distances between span vectors and differentiable k-nearest-neighbour selection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def cosine_scores(queries: Tensor, database: Tensor) -> Tensor:
    """Mean over S spans of the cosine of query and instance span: [B, S, D], [N, S, D] -> [B, N].

    One matrix product over the concatenated normalised spans. Raises ValueError where shapes do not match.
    """
    if queries.ndim != 3 or database.ndim != 3 or queries.shape[1:] != database.shape[1:]:
        raise ValueError(f"expected [B, S, D] and [N, S, D], got {list(queries.shape)} and {list(database.shape)}")
    spans = queries.shape[1]
    left = functional.normalize(queries, dim=2).flatten(1)
    right = functional.normalize(database, dim=2).flatten(1)
    return left @ right.T / spans


def select(scores: Tensor, k: int, temperature: Tensor | float, mask: Tensor | None = None) -> Tensor:
    """Soft k-NN weights [B, k, N] from scores [B, N], larger is nearer; each step's weights sum to one.

    ``w^j = softmax(a^j / t), a^1 = s, a^(j+1) = a^j + log(1 - w^j)`` (Ploetz and Roth, Neural Nearest Neighbors
    Networks, arXiv 1810.12575), with an analytic gradient: no k x N autograd graph. Scores of less than float32
    are computed in float32. Weights below 1e-30 are returned as zero: denormal numbers slow whatever follows.

    ``temperature``: a positive number, or a tensor of one element or [B, 1]. ``mask`` [B, N], False where a candidate
    is not admitted: its weights are exactly zero. Raises ValueError for k < 1 or more than the admitted candidates,
    and for a temperature that is not positive.
    """
    if scores.ndim != 2 or (mask is not None and mask.shape != scores.shape):
        got = list(scores.shape), None if mask is None else list(mask.shape)
        raise ValueError(f"expected scores and mask [B, N], got {got[0]} and {got[1]}")
    admitted = scores.shape[1] if mask is None else int(mask.sum(1).min()) if len(scores) else k
    if not 1 <= k <= admitted:
        raise ValueError(f"k must be between 1 and the {admitted} candidates, got {k}")
    dtype = torch.promote_types(scores.dtype, torch.float32)
    t = torch.as_tensor(temperature, dtype=dtype, device=scores.device)
    if not bool((t > 0).all()):
        raise ValueError(f"the temperature must be positive, got {temperature}")
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return _Selection.apply(scores.to(dtype), t.expand(len(scores), 1) if t.ndim < 2 else t, k)


ROW_BLOCK = 1 << 18  # numbers of one step that are worked on together: they stay in the cache
NEGLIGIBLE = 1e-30


class _Selection(torch.autograd.Function):
    """``scores`` [B, N] (-inf: not admitted), ``t`` [B, 1] -> weights [B, k, N]."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, t: Tensor, k: int) -> Tensor:
        weights = scores.new_empty(len(scores), k, scores.shape[1])
        rows = max(1, ROW_BLOCK // max(1, scores.shape[1]))
        for at in range(0, len(scores), rows):
            block = slice(at, at + rows)
            for step, (weight, _) in enumerate(_steps(scores[block], t[block], k)):
                weights[block, step] = weight
        ctx.save_for_backward(scores, t, weights)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Reverse of the k steps. With o = w / (1 - w) and i* the largest weight, the derivative of log(1 - w_i)
        by a_l / t is w_l o_i for l != i and -w_i for l = i. Only i* can be close to one, and w_l o_i* is
        w_i* times the softmax over the others: formed so, nothing is divided by a vanishing complement."""
        scores, t, weights = ctx.saved_tensors
        to_scores = torch.empty_like(scores) if ctx.needs_input_grad[0] else None
        to_t = torch.zeros_like(t) if ctx.needs_input_grad[1] else None
        k = weights.shape[1]
        rows = max(1, ROW_BLOCK // max(1, scores.shape[1]))
        for at in range(0, len(scores), rows):
            block = slice(at, at + rows)
            states = [state for _, state in _steps(scores[block], t[block], k)] if to_t is not None else []
            flow = torch.zeros_like(scores[block])  # the gradient by a^(j+1)
            for step in range(k - 1, -1, -1):
                w, g = weights[block, step], gradient[block, step]
                back = w * (g - (g * w).sum(1, keepdim=True))
                if step + 1 < k:
                    top = w.argmax(1, keepdim=True)
                    flow_top, w_top = flow.gather(1, top), w.gather(1, top)
                    others = w.scatter(1, top, 0.0)
                    rest = others.sum(1, keepdim=True)
                    odds = flow * others / (1 - others)  # others are at most 1/2
                    total = odds.sum(1, keepdim=True)
                    share = others / rest.clamp(min=torch.finfo(w.dtype).tiny)
                    push = others * (total - flow) - others * odds + flow_top * w_top * share
                    back += push.scatter(1, top, w_top * (total - flow_top))
                if to_t is not None:
                    state = states[step].masked_fill(w == 0, 0.0)
                    to_t[block] -= (back * state).sum(1, keepdim=True) / t[block] ** 2
                flow = flow + back / t[block]
            if to_scores is not None:
                to_scores[block] = flow
        return to_scores, to_t, None


def _steps(scores: Tensor, t: Tensor, k: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(w^j, a^j) for j = 1 .. k. The complement never cancels: where w <= 1/2 it is log1p(-w), for the largest
    weight the logsumexp over all others minus the logsumexp over all."""
    state = scores
    for step in range(k):
        # Softmax does not see a shift, float32 does: at low t the logits reach 1e8.
        logits = state / t
        best = logits.max(1, keepdim=True)
        logits -= best.values
        weight = logits.exp().scatter_(1, best.indices, 0.0)
        rest = weight.sum(1, keepdim=True)  # the others' mass, the largest having mass one
        weight /= 1 + rest
        weight.masked_fill_(weight < NEGLIGIBLE, 0.0)
        yield weight.scatter(1, best.indices, 1 / (1 + rest)), state
        if step + 1 < k:
            others = rest.log()
            lost = others.isinf()[:, 0]  # so far below the largest that their mass vanishes
            if bool(lost.any()):
                far = logits[lost].scatter(1, best.indices[lost], float("-inf"))
                others[lost] = far.logsumexp(1, keepdim=True)
            penalty = (-weight).log1p_().scatter_(1, best.indices, others - rest.log1p())
            state = state + penalty


def effective_number(weights: Tensor) -> Tensor:
    """exp of the entropy over the last dimension: 1 for a hard choice, N for a uniform one. [..., N] -> [...]."""
    return torch.special.entr(weights).sum(-1).exp()
