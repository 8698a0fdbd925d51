"""What a selection really did: numbers without which its scores cannot be read."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.etrag.relaxed_knn import effective_number


def spread(scores: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation of each query's admitted scores: [B, N] -> [B, 1]."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    mean = scores.masked_fill(~mask, 0).sum(1, keepdim=True) / count
    return ((scores - mean).masked_fill(~mask, 0).square().sum(1, keepdim=True) / count).sqrt()


def describe(scores: Tensor, mask: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Per query [B]: effective number of instances (exp of the entropy; mean over the k steps, of the first and of the
    last), spread of the admitted scores, largest weight of the first step, and the share of the k nearest that are also
    among the k with most weight. ``scores`` and ``mask`` [B, N], ``weights`` [B, k, N]."""
    k = min(weights.shape[1], scores.shape[1])
    hard = scores.masked_fill(~mask, float("-inf")).topk(k)
    soft = weights.sum(1).topk(k).indices
    own = hard.values > float("-inf")  # all, unless a query has drawn fewer than k different candidates
    both = (hard.indices.unsqueeze(2) == soft.unsqueeze(1)).any(2) & own
    number = effective_number(weights)  # [B, k]
    return {
        "effective_instances": number.mean(1),
        "effective_instances_first": number[:, 0],
        "effective_instances_last": number[:, -1],
        "score_spread": spread(scores, mask)[:, 0],
        "top_weight": weights[:, 0].max(1).values,
        "soft_hard_agreement": both.sum(1).float() / own.sum(1),
    }


def left_out(weights: Tensor, kept: Tensor) -> Tensor:
    """Mass of a full selection [B, k, N] that a shortlist does not hold, mean over the steps: [B]. ``kept`` [B, N]."""
    return 1 - torch.where(kept.unsqueeze(1), weights, 0.0).sum(2).mean(1)
