"""Distances between span vectors and differentiable k-nearest-neighbour selection."""

from __future__ import annotations

import torch
from torch import Tensor
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
    Networks, arXiv 1810.12575). The complement never cancels: where w <= 1/2 it is log1p(-w); for the largest
    weight it is the logsumexp over all others minus the logsumexp over all.

    ``temperature``: a positive number, or a tensor [B, 1]. ``mask`` [B, N], False where a candidate is not
    admitted: its weights are exactly zero. Raises ValueError for k < 1 or more than the admitted candidates.
    """
    if scores.ndim != 2 or (mask is not None and mask.shape != scores.shape):
        got = list(scores.shape), None if mask is None else list(mask.shape)
        raise ValueError(f"expected scores and mask [B, N], got {got[0]} and {got[1]}")
    admitted = scores.shape[1] if mask is None else int(mask.sum(1).min()) if len(scores) else k
    if not 1 <= k <= admitted:
        raise ValueError(f"k must be between 1 and the {admitted} candidates, got {k}")
    if not bool((torch.as_tensor(temperature) > 0).all()):
        raise ValueError(f"the temperature must be positive, got {temperature}")
    lowest = torch.finfo(scores.dtype).min
    closed = None if mask is None else ~mask
    state, steps = scores, []
    for step in range(k):
        logits = state / temperature
        if closed is not None:
            logits = logits.masked_fill(closed, float("-inf"))
        # Softmax does not see a shift, float32 does: at low t the logits reach 1e8.
        logits = logits - logits.detach().amax(1, keepdim=True)
        total = logits.logsumexp(1, keepdim=True)
        log_weight = logits - total
        steps.append(log_weight.exp())
        if step + 1 < k:
            top = logits.argmax(1, keepdim=True)
            is_top = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, top, True)
            others = logits.masked_fill(is_top, float("-inf")).logsumexp(1, keepdim=True)
            # Two branches, each fed only arguments at which it and its gradient are finite.
            small = log_weight.masked_fill(is_top, -1.0).clamp(max=-0.5)
            rest = torch.log1p(-small.exp())
            state = state + torch.where(is_top, (others - total).clamp(min=lowest / 4), rest)
    return torch.stack(steps, 1)


def effective_number(weights: Tensor) -> Tensor:
    """exp of the entropy over the last dimension: 1 for a hard choice, N for a uniform one. [..., N] -> [...]."""
    return torch.special.entr(weights).sum(-1).exp()
