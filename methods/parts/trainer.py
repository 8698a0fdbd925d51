"""One training loop for all methods: same order of instances, same steps, same early stopping."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from methods.base import Context, MethodError, Progress
from methods.parts.optim import build_optimiser
from methods.types import Instance

Loss = Callable[[Sequence[Instance]], Tensor]


@dataclass
class TrainingLog:
    """``history`` rows hold step, means since the last row (loss, gradient: its norm before clipping, and what the
    method observed) and, where evaluated, the dev loss."""

    steps: int = 0
    instances_seen: int = 0
    best_dev_loss: float = math.inf
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    module: nn.Module,
    groups: Sequence[tuple[Sequence[nn.Parameter], float]],
    loss: Loss,
    instances: Sequence[Instance],
    dev_loss: Callable[[], float] | None,
    context: Context,
    after_step: Callable[[int], None] = lambda step: None,
    observe: Callable[[], Mapping[str, float]] = dict,
) -> TrainingLog:
    """Minimise ``loss`` (mean over a batch). ``dev_loss`` is called every ``budget.evaluate_every`` steps where it
    can change anything (patience or restore_best). ``after_step(step)`` runs with step counted from 1;
    ``observe()`` after each backward pass gives numbers for the history.

    Raises MethodError where the loss is not finite.
    """
    budget = context.budget
    steps = budget.steps(len(instances))
    optimiser, schedule = build_optimiser(groups, context.optimisation, steps)
    trained = [p for parameters, _ in groups for p in parameters]
    watching = dev_loss is not None and (budget.patience > 0 or budget.restore_best)
    log, waited, best = TrainingLog(), 0, None
    recent = defaultdict[str, list[float]](list)
    module.train()
    for step, batch in enumerate(batches(instances, budget.batch_size, context.seed, steps), start=1):
        value = loss(batch)
        number = float(value.detach())
        if not math.isfinite(number):
            raise MethodError(
                f"the training loss is {number} at step {step} of {steps}; "
                "lower the learning rate or raise the temperature"
            )
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        observed = observe()
        norm = nn.utils.clip_grad_norm_(trained, context.optimisation.clip_norm)
        if not torch.isfinite(norm):
            raise MethodError(f"the gradient is not finite at step {step} of {steps}; raise the temperature")
        optimiser.step()
        schedule.step()
        after_step(step)
        log.steps, log.instances_seen = step, log.instances_seen + len(batch)
        for name, seen in {"loss": number, "gradient": float(norm), **observed}.items():
            recent[name].append(seen)
        context.progress(Progress("train", step, steps, number))
        if step % budget.evaluate_every and step != steps:
            continue
        row = {"step": float(step)} | {name: sum(values) / len(values) for name, values in recent.items()}
        recent.clear()
        log.history.append(row)
        if step != steps:
            module.eval()
            context.evaluated(step)
            module.train()
        if not watching or dev_loss is None:
            continue
        module.eval()
        row["dev_loss"] = dev_loss()
        module.train()
        if row["dev_loss"] < log.best_dev_loss:
            log.best_dev_loss, waited = row["dev_loss"], 0
            if budget.restore_best:
                best = [p.detach().clone() for p in trained]
        elif step > budget.patience_after:
            waited += 1
        if budget.patience and waited >= budget.patience:
            break
    if best is not None:
        with torch.no_grad():
            for parameter, kept in zip(trained, best, strict=True):
                parameter.copy_(kept)
    module.eval()
    return log


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
