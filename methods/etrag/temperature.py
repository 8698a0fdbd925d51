"""The temperature t of the selection. A rule is a module with this call:

``(scores [B, N], mask [B, N], queries [B, S, D], done) -> t``, one number or [B, 1]. ``queries``: their span vectors;
``done``: the share of training that is done. Its parameters are trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.etrag.options import TemperatureRule
from methods.etrag.selection_report import spread


class Fixed(nn.Module):
    """The same t for all. ``start``: where a rule begins that ends at ``temperature``."""

    def __init__(self, temperature: float, start: float = 1.0) -> None:
        super().__init__()
        self.temperature, self.start = temperature, start

    def forward(self, scores: Tensor, mask: Tensor, queries: Tensor, done: float) -> Tensor:
        return torch.tensor(self.temperature)


class Annealed(Fixed):
    """In training geometrically from ``start`` to ``temperature``, which is used at test time."""

    def forward(self, scores: Tensor, mask: Tensor, queries: Tensor, done: float) -> Tensor:
        return torch.tensor(self.start ** (1 - done) * self.temperature**done if self.training else self.temperature)


class Learned(Fixed):
    """exp of one trained number, from ``temperature`` on."""

    def __init__(self, temperature: float, start: float = 1.0) -> None:
        super().__init__(temperature, start)
        self.log = nn.Parameter(torch.tensor(temperature).log())

    def forward(self, scores: Tensor, mask: Tensor, queries: Tensor, done: float) -> Tensor:
        return self.log.exp()


class Spread(Fixed):
    """``temperature`` times the standard deviation of each query's scores."""

    def forward(self, scores: Tensor, mask: Tensor, queries: Tensor, done: float) -> Tensor:
        return self.temperature * spread(scores.detach(), mask).clamp(min=1e-6)


RULES: dict[TemperatureRule, type[Fixed]] = {
    "fixed": Fixed, "annealed": Annealed, "learned": Learned, "spread": Spread,
}  # fmt: skip
