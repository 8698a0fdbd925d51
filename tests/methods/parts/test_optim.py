"""Groups of parameters: their schedules, weight decay and clipping, against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.parts.optim import Group, build_optimiser, clip_gradients
from methods.settings import Optimisation, Stage


def matrix(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([list(values)]))


def two_groups() -> list[Group]:
    return [
        Group("new", "generator", [matrix(1.0, 2.0), nn.Parameter(torch.tensor([3.0]))], 0.1),
        Group("retriever", "retriever", [matrix(4.0)], 0.2),
    ]


def rates(groups: list[Group], settings: Optimisation, steps: int, *stages: Stage) -> list[list[float]]:
    """Learning rates of every row of the optimiser at each step."""
    optimiser, schedule = build_optimiser(groups, settings, steps, stages)
    found = []
    for _ in range(steps):
        found.append([row["lr"] for row in optimiser.param_groups])
        optimiser.step()
        schedule.step()
    return [list(row) for row in zip(*found, strict=True)]


def test_without_warm_up_the_rate_falls_from_the_first_step() -> None:
    found = rates(two_groups()[1:], Optimisation(warmup=0), 5)
    assert found[0] == pytest.approx([0.2, 0.16, 0.12, 0.08, 0.04])


def test_without_decay_the_rate_stays_where_it_has_risen_to() -> None:
    found = rates(two_groups()[1:], Optimisation(warmup=0.4, decay="none"), 5)
    assert found[0] == pytest.approx([0.1, 0.2, 0.2, 0.2, 0.2])


def test_a_group_has_its_own_rate_warm_up_decay_and_weight_decay() -> None:
    own = {"learning_rate": 0.5, "warmup": 0.0, "decay": "none", "weight_decay": 0.0}
    settings = Optimisation(warmup=0.2, weight_decay=0.03, groups={"retriever": own})
    optimiser, _ = build_optimiser(two_groups(), settings, 5)
    assert [row["weight_decay"] for row in optimiser.param_groups] == [0.03, 0.0, 0.0]  # a vector is never decayed
    weights, biases, retriever = rates(two_groups(), settings, 5)
    assert weights == biases == pytest.approx([0.1, 0.1, 0.075, 0.05, 0.025])
    assert retriever == [0.5] * 5


def test_settings_of_a_group_at_the_shared_values_change_nothing() -> None:
    shared = Optimisation()
    same = {"weight_decay": 0.01, "warmup": 0.1, "decay": "linear", "learning_rate": 0.2}
    assert rates(two_groups(), shared, 7) == rates(two_groups(), Optimisation(groups={"retriever": same}), 7)


def test_the_warm_up_of_a_stage_multiplies_the_schedule() -> None:
    stages = Stage(steps=4, train=("retriever",), warmup=1), Stage(steps=2, train=("generator",), warmup=0.5)
    found = rates(two_groups()[1:], Optimisation(warmup=0), 10, *stages)
    plain = [0.2 - 0.02 * step for step in range(10)]
    factors = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]  # half of two steps is one, which starts at 1
    assert found[0] == pytest.approx([rate * factor for rate, factor in zip(plain, factors, strict=True)])


def with_gradients(*sizes: float) -> list[Group]:
    """Groups of one number each with these gradients."""
    groups = [Group("new", "a", [matrix(0.0)], 0.1), Group("retriever", "b", [matrix(0.0)], 0.1),
              Group("prompt", "c", [matrix(0.0)], 0.1)]  # fmt: skip
    for group, size in zip(groups, sizes, strict=True):
        group.parameters[0].grad = torch.tensor([[float(size)]])
    return groups


def gradients(groups: list[Group]) -> list[float]:
    return [float(group.parameters[0].grad) for group in groups]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [2 / 7, 3 / 7, 6 / 7]),
        ({"clip_norm": 0}, [2, 3, 6]),
        ({"clip_norm": 3.5}, [1, 1.5, 3]),
        ({"groups": {"retriever": {"clip_norm": 0.5}}}, [2 / 40**0.5, 0.5, 6 / 40**0.5]),
        ({"groups": {"retriever": {"clip_norm": 0}}}, [2 / 40**0.5, 3, 6 / 40**0.5]),
        ({"clip_norm": 0, "groups": {"prompt": {"clip_norm": 1}}}, [2, 3, 1]),
    ],
    ids=str,
)
def test_a_group_with_a_norm_of_its_own_is_clipped_alone(settings: dict[str, object], expected: list[float]) -> None:
    groups = with_gradients(2, 3, 6)
    assert clip_gradients(groups, Optimisation(**settings)) == pytest.approx(7)
    assert gradients(groups) == pytest.approx(expected, rel=1e-5)


def test_at_default_settings_clipping_is_the_plain_one() -> None:
    groups, plain = with_gradients(0.2, 3.1, 6.7), with_gradients(0.2, 3.1, 6.7)
    norm = nn.utils.clip_grad_norm_([p for group in plain for p in group.parameters], 1.0)
    assert clip_gradients(groups, Optimisation()) == float(norm)
    assert gradients(groups) == gradients(plain)


@pytest.mark.parametrize("clip_norm", [0, 1])
def test_the_norm_of_a_gradient_that_is_not_finite_is_not_finite(clip_norm: float) -> None:
    own = {"groups": {"retriever": {"clip_norm": clip_norm}}}
    for settings in (Optimisation(clip_norm=clip_norm), Optimisation(clip_norm=clip_norm, **own)):
        assert not torch.isfinite(torch.tensor(clip_gradients(with_gradients(2, float("nan"), 6), settings)))
