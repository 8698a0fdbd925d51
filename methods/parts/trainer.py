"""One training loop for all methods: same order of instances, same steps, same early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from methods.base import Context, MethodError, Progress
from methods.parts.optim import Group, build_optimiser, clip_gradients
from methods.parts.stages import phases, staged
from methods.settings import Budget, Stage
from methods.types import Instance

Loss = Callable[[Sequence[Instance]], Tensor]


@dataclass
class TrainingLog:
    """``history`` rows hold step, stage (where there are some), means since the last row (loss, gradient: its norm
    before clipping, and what the method observed) and, where evaluated, the dev loss."""

    steps: int = 0
    instances_seen: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    recent: dict[str, list[float]] = field(default_factory=dict)

    def note(self, step: int, instances: int, numbers: Mapping[str, float]) -> None:
        self.steps, self.instances_seen = step, self.instances_seen + instances
        for name, number in numbers.items():
            self.recent.setdefault(name, []).append(number)

    def row(self, stage: Mapping[str, float]) -> dict[str, float]:
        """A new row of the history."""
        means = {name: sum(numbers) / len(numbers) for name, numbers in self.recent.items()}
        self.history.append({"step": float(self.steps), **stage, **means})
        self.recent.clear()
        return self.history[-1]


def train(
    module: nn.Module,
    groups: Sequence[Group],
    loss: Loss,
    instances: Sequence[Instance],
    dev_loss: Callable[[], float] | None,
    context: Context,
    observe: Callable[[int], Mapping[str, float]] = lambda step: {},
    stages: Sequence[Stage] = (),
) -> TrainingLog:
    """Minimise ``loss`` (mean over a batch). ``dev_loss`` is called every ``budget.evaluate_every`` steps where it
    can change anything (patience or restore_best). ``observe(step)``, counted from 1, gives numbers for the history
    after each backward pass. ``stages`` come before everything is trained; early stopping may end them too.

    Raises MethodError where loss or gradient is not finite, and for stages that do not fit (methods.parts.stages).
    """
    budget = context.budget
    steps = budget.steps(len(instances))
    planned = phases(stages, groups, steps)
    optimiser, schedule = build_optimiser(groups, context.optimisation, steps, stages)
    best, log = Best([p for group in groups for p in group.parameters], budget), TrainingLog()
    module.train()
    with closing(staged(planned, groups, batches(instances, budget.batch_size, context.seed, steps))) as work:
        for phase, step, batch in work:
            numbers = _backward(loss(batch), groups, partial(observe, step), f"step {step} of {steps}", context)
            optimiser.step()
            schedule.step()
            log.note(step, len(batch), numbers)
            context.progress(Progress("train", step, steps, numbers["loss"]))
            evaluated = step % budget.evaluate_every == 0 or step == steps
            if evaluated or step == phase.last:
                row = log.row({"stage": float(phase.number)} if stages else {})
            if evaluated and _evaluate(module, row, dev_loss, best, context, last=step == steps):
                break
    best.restore()
    module.eval()
    return log


def _backward(
    value: Tensor,
    groups: Sequence[Group],
    observe: Callable[[], Mapping[str, float]],
    when: str,
    context: Context,
) -> dict[str, float]:
    """Clipped gradients of the loss ``value``; numbers for the history."""
    number = float(value.detach())
    if not math.isfinite(number):
        raise MethodError(f"the training loss is {number} at {when}; lower the learning rate or raise the temperature")
    for group in groups:
        for parameter in group.parameters:
            parameter.grad = None
    value.backward()
    observed = observe()
    norm = clip_gradients(groups, context.optimisation)
    if not math.isfinite(norm):
        raise MethodError(f"the gradient is not finite at {when}; raise the temperature")
    return {"loss": number, "gradient": norm, **observed}


def _evaluate(
    module: nn.Module,
    row: dict[str, float],
    dev_loss: Callable[[], float] | None,
    best: Best,
    context: Context,
    *,
    last: bool,
) -> bool:
    """The dev loss into the ``row`` of the history, where it is wanted; True where training is to stop."""
    step = int(row["step"])
    module.eval()
    if not last:
        context.evaluated(step)
    if dev_loss is not None and best.wanted:
        row["dev_loss"] = dev_loss()
        if best.reached(row["dev_loss"], step):
            return True
    module.train()
    return False


class Best:
    """The lowest dev loss so far, the weights that gave it, and whether to wait for a lower one. What is evaluated up
    to `patience_after` does not count; where nothing does, the last weights stay."""

    def __init__(self, parameters: Sequence[nn.Parameter], budget: Budget) -> None:
        self.parameters, self.budget, self.loss, self.waited = parameters, budget, math.inf, 0
        self.wanted = budget.patience > 0 or budget.restore_best
        self.kept: list[Tensor] = []

    def reached(self, loss: float, step: int) -> bool:
        """Take the dev loss after ``step``; True where patience is at its end."""
        if step <= self.budget.patience_after:
            return False
        if loss < self.loss:
            self.loss, self.waited = loss, 0
            self.kept = [p.detach().clone() for p in self.parameters] if self.budget.restore_best else []
        else:
            self.waited += 1
        return 0 < self.budget.patience <= self.waited

    def restore(self) -> None:
        with torch.no_grad():
            for parameter, kept in zip(self.parameters, self.kept, strict=False):  # none where they are not kept
                parameter.copy_(kept)


BUCKET = 8  # batches that are sorted by length together


def batches(instances: Sequence[Instance], size: int, seed: int, steps: int) -> Iterator[list[Instance]]:
    """``steps`` batches: shuffled passes over the instances, the same for every method at the same seed.

    Within every ``BUCKET`` batches instances are grouped by sentence length, so that little is padded; the order
    of the groups is random again.
    """
    order = torch.Generator().manual_seed(seed)
    done = 0
    while done < steps:
        shuffled = torch.randperm(len(instances), generator=order).tolist()
        for start in range(0, len(shuffled), size * BUCKET):
            pool = sorted(shuffled[start : start + size * BUCKET], key=lambda i: len(instances[i].tokens))
            groups = [pool[at : at + size] for at in range(0, len(pool), size)]
            for group in torch.randperm(len(groups), generator=order).tolist():
                if done == steps:
                    return
                yield [instances[i] for i in groups[group]]
                done += 1
