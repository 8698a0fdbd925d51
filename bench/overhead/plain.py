"""Straightforward transcriptions of the formulas that the hot paths compute: what `bench profile` compares with.

They are no part of any method. Each is written as published code writes it, without tricks, and without faults that
would only make it slower.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rank_bm25 import BM25Okapi
from torch import Tensor

from methods.parts.generation.generator import Generator, Memory


def select(scores: Tensor, k: int, temperature: float) -> Tensor:
    """Soft k-NN by its definition [B, N] -> [B, k, N]: in-place slices, gradients by autograd (arXiv 1810.12575)."""
    weights = scores.new_zeros(len(scores), k, scores.shape[1])
    state = scores
    for j in range(k):
        weights[:, j] = torch.softmax(state / temperature, 1)
        state = state + torch.log(1 - weights[:, j])
    return weights


def cosine(queries: Tensor, database: Tensor) -> Tensor:
    """Mean cosine over spans by broadcasting: [B, S, D], [N, S, D] -> [B, N]."""
    return torch.cosine_similarity(queries.unsqueeze(1), database.unsqueeze(0), dim=3).mean(2)


def bm25_top(bm25: BM25Okapi, query: list[str], k: int) -> np.ndarray:
    """Rows of the k best documents, ties by lower row."""
    return np.argsort(-bm25.get_scores(query), kind="stable")[:k]


def label_scores(generator: Generator, memory: Memory, labels: Sequence[Sequence[int]]) -> Tensor:
    """Score of every label [R] of ONE encoded instance, one prefix at a time: the log-probability of each next token
    among those that some label has there (SuRE's rule, arXiv 2205.09837)."""
    scores = []
    for label in labels:
        total = torch.zeros(())
        for depth, token in enumerate(label):
            prefix = list(label[:depth])
            allowed = sorted({other[depth] for other in labels if len(other) > depth and list(other[:depth]) == prefix})
            hidden = generator.decode(memory, torch.tensor([prefix], dtype=torch.long))
            logits = generator.logits(hidden[0, -1])
            total = total + logits[token] - logits[allowed].logsumexp(0)
        scores.append(total)
    return torch.stack(scores)
