"""Selection: oracle weights, exact cases, no NaN anywhere, hard k-NN in the limit."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.etrag.relaxed_knn import effective_number, select
from tests.shared import ORACLES, needs

ORACLE = ORACLES / "knn_selection.json"


@needs(ORACLE)
def test_equals_weights_computed_with_60_digits() -> None:
    cases = json.loads(ORACLE.read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 9
    for case in cases:
        expected = torch.tensor(case["weights"], dtype=torch.float64)
        scores = torch.tensor([case["scores"]], dtype=torch.float64)
        found = select(scores, case["k"], case["temperature"])[0]
        assert torch.allclose(found, expected, atol=1e-9, rtol=0), case["kind"]
        if case["temperature"] >= 0.1:
            assert torch.allclose(
                select(scores.float(), case["k"], case["temperature"])[0].double(), expected, atol=1e-4
            )


def test_two_candidates_by_hand() -> None:
    # w1 = (3/4, 1/4) at t = 1 for scores (log 3, 0); then a = (log 3 + log 1/4, log 3/4) = (log 3/4, log 3/4): equal.
    weights = select(torch.tensor([[3.0, 1.0]]).log(), 2, 1.0)[0]
    assert torch.allclose(weights, torch.tensor([[0.75, 0.25], [0.5, 0.5]]), atol=1e-6)


def test_low_temperature_is_hard_top_k() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.7, -0.3, 0.2, 0.4]], requires_grad=True)
    weights = select(scores, 3, 1e-3)
    assert weights.argmax(2).tolist() == [[1, 3, 2]]
    assert torch.allclose(weights.max(2).values, torch.ones(1, 3))
    weights.square().sum().backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_masked_candidates_get_exactly_nothing() -> None:
    scores = torch.randn(3, 11, generator=torch.Generator().manual_seed(0), requires_grad=True)
    mask = torch.ones(3, 11, dtype=torch.bool)
    mask[:, 4] = False
    weights = select(scores, 5, 0.1, mask)
    assert (weights[:, :, 4] == 0).all()
    assert torch.allclose(weights.sum(2), torch.ones(3, 5), atol=1e-6)
    left_out = select(scores[:, mask[0]], 5, 0.1)
    assert torch.allclose(weights[:, :, mask[0]], left_out)
    weights[:, 1].max().backward()
    assert scores.grad is not None
    assert (scores.grad[:, 4] == 0).all()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=7, max_size=7), min_size=1, max_size=3),
    k=st.integers(1, 7),
    temperature=st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 1.0, 30.0]),
)
def test_finite_weights_and_gradients_for_any_score(rows: list[list[float]], k: int, temperature: float) -> None:
    scores = torch.tensor(rows, requires_grad=True)
    weights = select(scores, k, temperature)
    assert torch.isfinite(weights).all()
    assert torch.allclose(weights.sum(2), torch.ones(len(rows), k), atol=1e-4)
    (weights * torch.arange(7.0)).sum().backward()
    assert scores.grad is not None
    assert not scores.grad.isnan().any()


def test_gradient_against_finite_differences() -> None:
    scores = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    for temperature in (1.0, 0.3, 0.1, 0.03):
        assert torch.autograd.gradcheck(lambda s, t=temperature: select(s, 3, t), (scores,), atol=1e-4)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[0, 3] = False
    assert torch.autograd.gradcheck(lambda s: select(s, 5, 0.1, mask), (scores,), atol=1e-4)
    t = torch.tensor([[0.5], [0.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s, t: select(s, 4, t, mask), (scores, t), atol=1e-4)


def test_gradient_with_ties_and_saturated_weights() -> None:
    tied = torch.tensor(
        [[0.5, 0.5, 0.5, 0.1, 0.0], [0.9, 0.2, 0.2, 0.2, -1.0]], dtype=torch.float64, requires_grad=True
    )
    for temperature in (1.0, 0.1, 0.03):
        assert torch.autograd.gradcheck(lambda s, t=temperature: select(s, 4, t), (tied,), atol=1e-3, rtol=1e-3)


def test_one_temperature_for_all_rows_gets_one_gradient() -> None:
    scores = torch.randn(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    t = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: select(scores, 3, t), (t,))


def test_half_precision_scores_are_computed_in_single() -> None:
    scores = torch.randn(3, 11, generator=torch.Generator().manual_seed(4)).bfloat16().requires_grad_()
    weights = select(scores, 4, 0.1)
    assert weights.dtype == torch.float32
    assert torch.equal(weights, select(scores.detach().float(), 4, 0.1))
    weights[:, 2, 3].sum().backward()
    assert scores.grad is not None
    assert scores.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(("k", "temperature"), [(0, 1.0), (6, 1.0), (2, 0.0), (2, -1.0)])
def test_impossible_settings_are_refused(k: int, temperature: float) -> None:
    with pytest.raises(ValueError, match=r"k must be|must be positive"):
        select(torch.zeros(2, 5), k, temperature)


def test_k_counts_only_admitted_candidates() -> None:
    mask = torch.tensor([[True, True, False]])
    with pytest.raises(ValueError, match="the 2 candidates, got 3"):
        select(torch.zeros(1, 3), 3, 1.0, mask)
    with pytest.raises(ValueError, match=r"expected scores and mask"):
        select(torch.zeros(1, 3), 1, 1.0, mask[0])


def test_effective_number_is_one_for_a_choice_and_n_for_the_uniform() -> None:
    weights = torch.stack([torch.eye(5)[2], torch.full((5,), 0.2)])
    assert torch.allclose(effective_number(weights), torch.tensor([1.0, 5.0]))


def test_a_vanished_rest_still_decides_the_next_step() -> None:
    # t = 1: the first weight is 1 up to exp(-1e4), so its penalty is -1e4 and both stand level in step 2.
    weights = select(torch.tensor([[1e4, 0.0]]), 2, 1.0)[0]
    assert torch.allclose(weights, torch.tensor([[1.0, 0.0], [0.5, 0.5]]), atol=1e-3)


@pytest.mark.parametrize("temperature", [1.0, 0.03, 0.003])
def test_candidates_too_deep_for_an_exponential_are_still_chosen_later(temperature: float) -> None:
    # At t = 0.003 the logits span a thousand nats, and what is chosen first underflows for all the others.
    scores = torch.randn(3, 97, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    logits, expected = scores / temperature, []
    for _ in range(7):
        expected.append(logits.softmax(1))
        others = logits.unsqueeze(1).masked_fill(torch.eye(97, dtype=torch.bool), float("-inf")).logsumexp(2)
        logits = logits + (others - logits.logsumexp(1, keepdim=True)) / temperature
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-3)):
        weights = select(scores.to(dtype), 7, temperature)
        assert torch.allclose(weights.double(), torch.stack(expected, 1), atol=tolerance)


def test_rows_do_not_disturb_each_other_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = torch.randn(13, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    t = torch.linspace(0.01, 1.0, 13, dtype=torch.float64).unsqueeze(1)  # sharp rows beside flat ones
    upstream = torch.randn(13, 5, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(7))

    def run(rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = scores[rows].clone().requires_grad_()
        weights = select(leaf, 5, t[rows])
        weights.backward(upstream[rows])
        assert leaf.grad is not None
        return weights.detach(), leaf.grad

    whole = run(slice(0, 13))
    monkeypatch.setattr("methods.etrag.relaxed_knn.ROW_BLOCK", 3 * 11)
    parts = [
        run(slice(0, 13)),
        tuple(torch.cat(x) for x in zip(*(run(slice(r, r + 1)) for r in range(13)), strict=True)),
    ]
    for weights, gradient in parts:
        assert torch.allclose(weights, whole[0], atol=1e-12)
        assert torch.allclose(gradient, whole[1], rtol=1e-9, atol=1e-12)
