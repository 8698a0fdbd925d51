"""AdamW over groups of parameters: learning rates that rise and fall, weight decay, clipping; the same for every
method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from methods.settings import Decay, GroupName, GroupSettings, Optimisation, Stage


@dataclass(frozen=True, eq=False)
class Group:
    """Parameters that are trained alike. ``name``: what `optimisation.groups` calls them; ``part``: what a `Stage`
    trains or lets stand; ``learning_rate``: unless the settings have another one for the group."""

    name: GroupName
    part: str
    parameters: Sequence[nn.Parameter]
    learning_rate: float


def build_optimiser(
    groups: Sequence[Group], settings: Optimisation, steps: int, stages: Sequence[Stage] = ()
) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """Call both once per step. Vectors (biases, norms) are not decayed. A group's schedule spans all ``steps``; in
    the warm-up of a stage it is multiplied by a factor that rises to 1."""
    rows, schedules = [], []
    for group in groups:
        own = _own(group, settings)
        rate = group.learning_rate if own.learning_rate is None else own.learning_rate
        weight_decay = settings.weight_decay if own.weight_decay is None else own.weight_decay
        warmup = settings.warmup if own.warmup is None else own.warmup
        for decayed in (True, False):
            chosen = [p for p in group.parameters if (p.ndim > 1) == decayed]
            if chosen:
                rows.append({"params": chosen, "lr": rate, "weight_decay": weight_decay * decayed})
                schedules.append(_schedule(warmup, own.decay or settings.decay, steps, stages))
    optimiser = torch.optim.AdamW(rows, fused=True)  # one pass over each parameter
    return optimiser, LambdaLR(optimiser, schedules)


def clip_gradients(groups: Sequence[Group], settings: Optimisation) -> float:
    """Clip a group with a norm of its own alone, all others together. The norm of the whole gradient before."""
    alone = [(group.parameters, own) for group in groups if (own := _own(group, settings).clip_norm) is not None]
    others = [p for group in groups if _own(group, settings).clip_norm is None for p in group.parameters]
    return math.hypot(*(_clip(parameters, norm) for parameters, norm in [(others, settings.clip_norm), *alone]))


def _own(group: Group, settings: Optimisation) -> GroupSettings:
    return settings.groups.get(group.name, GroupSettings())


def _clip(parameters: Sequence[nn.Parameter], limit: float) -> float:
    if limit:
        return float(nn.utils.clip_grad_norm_(parameters, limit))
    return float(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))


def _schedule(warmup: float, decay: Decay, steps: int, stages: Sequence[Stage]) -> Callable[[int], float]:
    """The factor of the learning rate at a step, counted from 0."""
    rising = _rising(warmup, steps)
    of_stages = [min(1.0, (step + 1) / _rising(s.warmup, s.steps)) if s.warmup else 1.0
                 for s in stages for step in range(s.steps)]  # fmt: skip

    def factor(step: int) -> float:
        if step < rising:
            value = (step + 1) / rising
        else:
            value = max(0.0, (steps - step) / max(1, steps - rising)) if decay == "linear" else 1.0
        return value * of_stages[step] if step < len(of_stages) else value

    return factor


def _rising(warmup: float, steps: int) -> int:
    """Steps with a rising learning rate: at least one, unless there is no warm-up at all."""
    return max(1, round(warmup * steps)) if warmup else 0
