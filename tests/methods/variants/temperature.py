"""ETRAG with a temperature for each query, learned from its span vectors: t = exp(w . mean of spans + b)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from methods.etrag.method import Etrag


class QueryTemperature(nn.Module):
    """Near ``start`` for every query at first."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.log = nn.Linear(width, 1)
        nn.init.normal_(self.log.weight, std=0.01)
        nn.init.constant_(self.log.bias, math.log(start))

    def forward(self, scores: Tensor, mask: Tensor, queries: Tensor, done: float) -> Tensor:
        return self.log(queries.mean(1)).exp()


class EtragQueryTemperature(Etrag):
    """Each query decides how many instances it mixes."""

    def temperature(self, width: int) -> nn.Module:
        return QueryTemperature(width, self.options.temperature)
