"""Selected neighbours -> soft prefix in the generator's input space."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SoftPrompt(nn.Module):
    """One linear projection of the query's span vectors followed by the k x S selected ones (ETRAG)."""

    def __init__(self, encoder_width: int, generator_width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(encoder_width, generator_width)

    def forward(self, query: Tensor, weights: Tensor, database: Tensor) -> Tensor:
        """``query`` [B, S, D], ``weights`` [B, k, N], ``database`` [N, S, D] -> prefix [B, S + k * S, width].

        Soft neighbour j is the weighted mean of the database's span vectors under w^j.
        """
        steps = weights.to(database.dtype).transpose(0, 1)  # as the selection lays them out: no copy
        soft = (steps.flatten(0, 1) @ database.flatten(1)).unflatten(0, steps.shape[:2])  # [k, B, S * D]
        neighbours = soft.transpose(0, 1).unflatten(2, database.shape[1:]).flatten(1, 2)
        return self.projection(torch.cat([query, neighbours], 1))
