"""Alternatives to the soft steps: same contract, hand-computed cases, projections against a plain solver."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from methods.etrag.relaxed_knn import select
from methods.etrag.selection import SELECTIONS, hard, sparse


@pytest.mark.parametrize("kind", SELECTIONS)
def test_separated_scores_at_low_temperature_are_hard_top_k(kind: str) -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.7, -0.3, 0.2, 0.4]], requires_grad=True)
    weights = SELECTIONS[kind](scores, 3, 1e-3, None)
    assert weights.argmax(2).tolist() == [[1, 3, 2]]
    assert torch.allclose(weights.max(2).values, torch.ones(1, 3))


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=40, deadline=None)
@given(
    row=st.lists(st.floats(-1e4, 1e4, width=32), min_size=7, max_size=7),
    k=st.integers(1, 5),
    temperature=st.sampled_from([1e-4, 0.01, 1.0, 30.0]),
)
def test_weights_are_distributions_and_gradients_finite(
    kind: str, row: list[float], k: int, temperature: float
) -> None:
    scores = torch.tensor([row], requires_grad=True)
    mask = torch.tensor([[True, True, False, True, True, False, True]])
    weights = SELECTIONS[kind](scores, k, temperature, mask)
    assert weights.shape == (1, k, 7)
    assert (weights >= 0).all()
    assert torch.allclose(weights.sum(2), torch.ones(1, k), atol=1e-4)
    assert (weights[:, :, ~mask[0]] == 0).all()
    (weights * torch.arange(7.0)).sum().backward()
    assert scores.grad is not None
    assert not scores.grad.isnan().any()
    assert (scores.grad[~mask] == 0).all()


@pytest.mark.parametrize("kind", SELECTIONS)
@pytest.mark.parametrize(("k", "temperature"), [(0, 1.0), (6, 1.0), (2, 0.0)])
def test_impossible_settings_are_refused(kind: str, k: int, temperature: float) -> None:
    with pytest.raises(ValueError, match=r"k must be|must be positive"):
        SELECTIONS[kind](torch.zeros(2, 5), k, temperature, None)


def test_hard_has_one_hot_weights_and_the_soft_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 11, generator=generator, requires_grad=True)
    upstream = torch.randn(3, 4, 11, generator=generator)
    weights = hard(scores, 4, 0.5)
    assert torch.equal(weights.argmax(2), scores.topk(4).indices)
    assert torch.allclose(weights.detach(), torch.nn.functional.one_hot(scores.topk(4).indices, 11).float(), atol=1e-6)
    (straight,) = torch.autograd.grad((weights * upstream).sum(), scores)
    (soft,) = torch.autograd.grad((select(scores, 4, 0.5) * upstream).sum(), scores)
    assert torch.equal(straight, soft)


def test_near_ties_stay_together_where_soft_steps_push_them_out() -> None:
    tied = torch.tensor([[0.9, 0.9, 0.5, 0.1]])
    by_hand = torch.tensor([[[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 1, 0]]])
    assert torch.allclose(sparse(tied, 3, 0.01), by_hand, atol=1e-6)
    assert select(tied, 3, 0.01)[0, 1, :2].max() < 1e-6  # both are gone in the second step


def test_sparse_masks_by_hand() -> None:
    # s / t = (0.5, 0.3, 0): y^1 = s - tau with tau = -0.2 / 3, all three strictly between 0 and 1;
    # y^2 = s - tau with tau = -0.4.
    weights = sparse(torch.tensor([[0.5, 0.3, 0.0]], dtype=torch.float64), 2, 1.0)[0]
    first = torch.tensor([17 / 30, 11 / 30, 2 / 30], dtype=torch.float64)
    second = torch.tensor([0.9, 0.7, 0.4], dtype=torch.float64) - first
    assert torch.allclose(weights, torch.stack([first, second]), atol=1e-9)


def test_sparse_equals_a_root_finder() -> None:
    scores = np.random.default_rng(3).normal(size=17)
    for t in (0.1, 1.0, 7.0):
        total = sparse(torch.tensor(scores[None]), 5, t)[0].cumsum(0).numpy()
        for j in range(5):
            x = scores / t
            tau = brentq(lambda u, x=x, j=j: np.clip(x - u, 0, 1).sum() - j - 1, x.min() - 1, x.max(), xtol=1e-14)
            assert np.allclose(total[j], np.clip(x - tau, 0, 1), atol=1e-9)


@pytest.mark.parametrize("temperature", [3.0, 1.0, 0.3])
def test_sparse_gradient_against_finite_differences(temperature: float) -> None:
    generator = torch.Generator().manual_seed(5)
    scores = torch.randn(3, 11, dtype=torch.float64, generator=generator, requires_grad=True)
    mask = torch.ones(3, 11, dtype=torch.bool)
    mask[1, 4] = False
    t = torch.tensor([[0.5], [0.7], [1.3]], dtype=torch.float64).mul_(temperature).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: sparse(s, 5, t, mask), (scores, t))
