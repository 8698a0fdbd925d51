"""Stages of training: only some parts are trained, the others stand still to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from methods.base import Context, MethodError, Progress
from methods.parts import trainer
from methods.parts.optim import Group
from methods.parts.stages import phases, staged
from methods.parts.trainer import TrainingLog, train
from methods.settings import Budget, Optimisation, Stage
from methods.types import Instance
from tests.methods.conftest import make_instances

MakeContext = Callable[..., Context]
RETRIEVER, GENERATOR = Stage(steps=3, train=("retriever",)), Stage(steps=3, train=("generator",))


class Pair(nn.Module):
    """Two matrices, the loss of whose product is trained; ``seen`` after each step: which have moved, which have a
    gradient, which have state in the optimiser."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Parameter(torch.full((1, 2), 2.0)), nn.Parameter(torch.full((1, 2), 3.0))
        self.seen: list[tuple[list[bool], list[bool], list[bool]]] = []

    def groups(self) -> list[Group]:
        return [Group("new", "generator", [self.one], 0.1), Group("retriever", "retriever", [self.two], 0.1)]

    def loss(self, batch: Sequence[Instance]) -> Tensor:
        return (self.one * self.two).sum()

    def look(self, optimiser: torch.optim.Optimizer, before: list[Tensor]) -> None:
        now = [self.one, self.two]
        moved = [not torch.equal(p, was) for p, was in zip(now, before, strict=True)]
        self.seen.append((moved, [p.grad is not None for p in now], [p in optimiser.state for p in now]))
        before[:] = [p.detach().clone() for p in now]


def run(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch, *stages: Stage, **settings: object
) -> tuple[Pair, TrainingLog]:
    """Twelve steps at most, of which ``stages`` come first."""
    pair, made = Pair(), []
    build = trainer.build_optimiser
    monkeypatch.setattr(trainer, "build_optimiser", lambda *given: made.append(build(*given)) or made[-1])
    before = [pair.one.detach().clone(), pair.two.detach().clone()]

    def look(progress: Progress) -> None:
        pair.look(made[0][0], before)

    chosen = {"budget": Budget(max_steps=12, max_epochs=99, batch_size=7, evaluate_every=5), "progress": look}
    log = train(
        pair, pair.groups(), pair.loss, make_instances("t", 23), None, context(**chosen | settings), stages=stages
    )
    return pair, log


def test_a_part_that_is_not_trained_neither_moves_nor_has_gradient_or_state(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    decay = Optimisation(weight_decay=0.5)  # which must not move it either
    pair, _ = run(context, monkeypatch, RETRIEVER, optimisation=decay)
    assert pair.seen[:3] == [([False, True],) * 3] * 3
    assert pair.seen[3:] == [([True, True],) * 3] * 9


def test_state_of_an_earlier_stage_is_kept_for_a_later_one(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, _ = run(context, monkeypatch, GENERATOR, RETRIEVER)
    assert pair.seen[:3] == [([True, False],) * 3] * 3
    assert pair.seen[3:6] == [([False, True], [False, True], [True, True])] * 3


def test_every_stage_ends_with_a_row_that_names_it(context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    _, log = run(context, monkeypatch, RETRIEVER, GENERATOR)
    assert [(row["step"], row["stage"]) for row in log.history] == [(3, 0), (5, 1), (6, 1), (10, 2), (12, 2)]


def test_without_stages_no_row_names_one(context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    _, log = run(context, monkeypatch)
    assert [row["step"] for row in log.history] == [5, 10, 12]
    assert not any("stage" in row for row in log.history)


def test_parameters_can_be_trained_again_after_an_exception() -> None:
    pair = Pair()
    groups = pair.groups()
    with pytest.raises(MethodError, match="loss is nan at step 1 of 12"):
        train(
            pair, groups, lambda batch: pair.loss(batch) * float("nan"), make_instances("t", 23), None,
            Context(None, 0, budget=Budget(max_steps=12, max_epochs=99, batch_size=7)), stages=[RETRIEVER],  # type: ignore[arg-type]
        )  # fmt: skip
    assert pair.one.requires_grad
    assert pair.two.requires_grad


def test_what_was_frozen_before_is_frozen_afterwards() -> None:
    pair = Pair()
    pair.one.requires_grad_(False)
    groups = pair.groups()
    assert len(list(staged(phases([RETRIEVER], groups, 5), groups, range(5)))) == 5
    assert (pair.one.requires_grad, pair.two.requires_grad) == (False, True)


def test_early_stopping_goes_on_through_stages(context: MakeContext) -> None:
    pair, losses = Pair(), iter([5.0, 6.0, 7.0])
    budget = Budget(max_steps=12, max_epochs=99, batch_size=7, evaluate_every=2, patience=1, restore_best=True)
    log = train(
        pair, pair.groups(), pair.loss, make_instances("t", 23), lambda: next(losses), context(budget=budget),
        stages=[Stage(steps=8, train=("retriever",))],
    )  # fmt: skip
    assert (log.steps, pair.one.requires_grad) == (4, True)


def test_stages_must_leave_a_step_for_the_rest() -> None:
    with pytest.raises(MethodError, match=r"^stages: 6 steps are asked for .*the budget has 6 steps in all"):
        phases([RETRIEVER, GENERATOR], Pair().groups(), 6)
    assert [phase.steps for phase in phases([RETRIEVER, GENERATOR], Pair().groups(), 7)] == [3, 3, 1]


def test_a_part_that_no_group_has_is_named() -> None:
    empty = [*Pair().groups(), Group("prompt", "prompt", [], 0.1)]
    with pytest.raises(MethodError, match=r"stage 1 trains prompt, which is no .*\(it has generator, retriever\)"):
        phases([RETRIEVER, Stage(steps=1, train=("prompt", "generator"))], empty, 9)
