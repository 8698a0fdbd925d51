"""The shared loop: same batches for all, schedule, early stopping, errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from methods.base import Context, MethodError, Progress
from methods.parts.optim import Group, build_optimiser
from methods.parts.trainer import TrainingLog, batches, train
from methods.settings import Budget, Optimisation
from methods.types import Instance
from tests.methods.conftest import make_instances

MakeContext = Callable[..., Context]


def group(*parameters: nn.Parameter) -> Group:
    return Group("new", "generator", parameters, 0.1)


def test_every_pass_holds_every_instance_once() -> None:
    instances = make_instances("t", 23)
    found = list(batches(instances, 7, seed=5, steps=8))  # two passes of four batches
    assert [len(b) for b in found].count(2) == 2
    for part in (found[:4], found[4:]):
        assert Counter(i.id for b in part for i in b) == Counter(i.id for i in instances)
    assert [i.id for b in found[:4] for i in b] != [i.id for b in found[4:] for i in b]
    assert list(batches(instances, 7, 5, 8)) == found
    assert list(batches(instances, 7, 6, 8)) != found


def test_batches_hold_sentences_of_similar_length() -> None:
    instances = make_instances("t", 53)
    spread = [max(len(i.tokens) for i in b) - min(len(i.tokens) for i in b) for b in batches(instances, 7, 0, 8)]
    assert sum(s == 0 for s in spread) >= 4


def test_budget_counts_steps() -> None:
    assert Budget(max_steps=400, max_epochs=3, batch_size=7).steps(23) == 12
    assert Budget(max_steps=5, max_epochs=3, batch_size=7).steps(23) == 5


def test_schedule_rises_then_falls_and_vectors_do_not_decay() -> None:
    module = nn.Linear(3, 2)
    optimiser, schedule = build_optimiser([group(*module.parameters())], Optimisation(warmup=0.2), 10)
    assert [g["weight_decay"] for g in optimiser.param_groups] == [0.01, 0.0]
    rates = []
    for _ in range(10):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx([0.05, 0.1, 0.1, 0.0875, 0.075, 0.0625, 0.05, 0.0375, 0.025, 0.0125])


def run(context: Context, dev: list[float]) -> tuple[nn.Parameter, TrainingLog]:
    """Train one number; the dev losses are given, the weight after each evaluation is step-dependent."""
    weight = nn.Parameter(torch.tensor([10.0]))
    module = nn.Module()
    module.weight = weight
    values = iter(dev)

    def loss(batch: Sequence[Instance]) -> Tensor:
        return weight.square().sum()

    log = train(module, [group(weight)], loss, make_instances("t", 23), lambda: next(values), context)
    return weight, log


def test_patience_stops_and_the_best_weights_return(context: MakeContext) -> None:
    budget = Budget(max_steps=100, max_epochs=100, batch_size=7, evaluate_every=2, patience=2, restore_best=True)
    weight, log = run(context(budget=budget), [5.0, 4.0, 4.5, 4.6, 1.0])
    assert log.steps == 8
    assert min(row["dev_loss"] for row in log.history) == 4.0
    short = Budget(max_steps=100, max_epochs=100, batch_size=7, evaluate_every=2, patience=1, restore_best=False)
    stopped, log = run(context(budget=short), [5.0, 6.0])
    assert log.steps == 4
    assert torch.allclose(weight, stopped)  # the best was at step 4


@pytest.mark.parametrize(
    ("max_steps", "dev", "stopped", "kept"),
    [
        (100, [1.0, 2.0, 5.0, 4.0, 6.0, 4.0], 12, 8),  # the third evaluation is the first that counts
        (100, [3.0, 1.0, 5.0, 6.0, 7.0], 10, 6),
        (4, [1.0, 2.0], 4, 4),  # none counts: the last weights stay
        (5, [1.0, 2.0, 9.0], 5, 5),
    ],
)
def test_evaluations_up_to_patience_after_do_not_count(
    max_steps: int, dev: list[float], stopped: int, kept: int, context: MakeContext
) -> None:
    budget = Budget(
        max_steps=max_steps, max_epochs=100, batch_size=7, evaluate_every=2, patience=2, patience_after=4,
        restore_best=True,
    )  # fmt: skip
    after: dict[int, float] = {}  # the weight after each step, which every step changes
    weight = nn.Parameter(torch.tensor([10.0]))
    module = nn.Module()
    module.weight = weight
    values = iter(dev)
    settings = context(budget=budget, progress=lambda p: after.update({p.step: weight.item()}))
    instances = make_instances("t", 23)
    log = train(module, [group(weight)], lambda b: weight.square().sum(), instances, lambda: next(values), settings)
    assert log.steps == stopped
    assert weight.item() == after[kept]
    assert len(set(after.values())) == stopped


def test_without_patience_dev_is_never_evaluated(context: MakeContext) -> None:
    _, log = run(context(budget=Budget(max_steps=6, batch_size=7, evaluate_every=2)), [])
    assert [row["step"] for row in log.history] == [2, 4, 6]


def test_progress_is_told(context: MakeContext) -> None:
    seen: list[Progress] = []
    weight = nn.Parameter(torch.tensor([1.0]))
    module = nn.Module()
    module.weight = weight
    settings = context(budget=Budget(max_steps=3, batch_size=7), progress=seen.append)
    train(module, [group(weight)], lambda b: weight.square().sum(), make_instances("t", 7), None, settings)
    assert [(p.phase, p.step, p.steps) for p in seen] == [("train", s, 3) for s in (1, 2, 3)]


@pytest.mark.parametrize("clip_norm", [0, 1])
def test_an_infinite_gradient_is_refused(clip_norm: float, context: MakeContext) -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    settings = context(optimisation=Optimisation(clip_norm=clip_norm))
    with pytest.raises(MethodError, match="gradient is not finite at step 1"):
        train(nn.Module(), [group(weight)], lambda b: (weight * 0).sqrt().sum(), make_instances("t", 7), None, settings)
