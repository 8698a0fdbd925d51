"""AdamW with linear warm-up and linear decay, the same for every method."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from methods.settings import Optimisation


def build_optimiser(
    groups: Sequence[tuple[Sequence[nn.Parameter], float]], settings: Optimisation, steps: int
) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """``groups``: (parameters, learning rate). Vectors (biases, norms) are not decayed. Call both once per step."""
    rows = []
    for parameters, rate in groups:
        for decayed in (True, False):
            chosen = [p for p in parameters if (p.ndim > 1) == decayed]
            if chosen:
                rows.append({"params": chosen, "lr": rate, "weight_decay": settings.weight_decay * decayed})
    optimiser = torch.optim.AdamW(rows, fused=True)  # one pass over each parameter
    rising = max(1, round(settings.warmup * steps))

    def factor(step: int) -> float:
        return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))

    return optimiser, LambdaLR(optimiser, factor)
