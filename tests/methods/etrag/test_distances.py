"""How near two instances are: by hand, against broadcasting, gradients, and which of it can be searched by."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from methods.etrag.distances import Nearness
from methods.etrag.options import Distance, EtragOptions, Reduction, SpanPairs

REDUCTIONS, PAIRS, DISTANCES = get_args(Reduction), get_args(SpanPairs), get_args(Distance)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def broadcast(queries: Tensor, instances: Tensor, nearness: Nearness) -> Tensor:
    """The reductions as ETRAG's code has them: of distances, under its names, from a tensor of all there is."""
    left, right = queries[:, None, :, None], instances[None, :, None]  # [B, 1, S, 1, D], [1, N, 1, S, D]
    if nearness.distance == "cosine":
        far = 1 - torch.nn.functional.cosine_similarity(left, right, dim=4)
    else:
        far = (left - right).square().sum(4)
    far = far.flatten(2) if nearness.pairs == "all" else far.diagonal(dim1=2, dim2=3)
    theirs = {
        "mean": far.mean(2),
        "max": far.min(2).values,
        "min": far.max(2).values,
        "softmax": (far * (-far).softmax(2)).sum(2),
        "softmin": (far * far.softmax(2)).sum(2),
    }[nearness.reduction]
    return 1 - theirs if nearness.distance == "cosine" else -theirs


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("pairs", PAIRS)
def test_every_way_equals_broadcasting(distance: Distance, reduction: Reduction, pairs: SpanPairs) -> None:
    queries, instances, nearness = noise(5, 3, 7, seed=2), noise(11, 3, 7, seed=3), Nearness(distance, reduction, pairs)
    expected = broadcast(queries, instances, nearness)
    assert torch.allclose(nearness.compare(queries, instances), expected, atol=1e-12)
    assert torch.allclose(nearness.scores(queries, nearness.prepare(instances)), expected, atol=1e-12)


# One query, one instance, two spans: cosines head-head 1, head-tail 0, tail-head 0.6, tail-tail 0.8.
QUERY, INSTANCE = torch.tensor([[[1.0, 0.0], [0.6, 0.8]]]), torch.tensor([[[2.0, 0.0], [0.0, 3.0]]])
E, SQUARES = torch.e, (1.0, 10.0, 1.96 + 0.64, 0.36 + 4.84)  # squared distances in the same order


@pytest.mark.parametrize(
    ("distance", "reduction", "pairs", "expected"),
    [
        ("cosine", "mean", "aligned", 0.9),
        ("cosine", "max", "aligned", 1.0),
        ("cosine", "min", "aligned", 0.8),
        ("cosine", "softmax", "aligned", (E + 0.8 * E**0.8) / (E + E**0.8)),
        ("cosine", "softmin", "aligned", (E**-1 + 0.8 * E**-0.8) / (E**-1 + E**-0.8)),
        ("cosine", "mean", "all", 0.6),
        ("cosine", "max", "all", 1.0),
        ("cosine", "min", "all", 0.0),
        ("cosine", "softmax", "all", (E + 0.6 * E**0.6 + 0.8 * E**0.8) / (E + 1 + E**0.6 + E**0.8)),
        ("l2", "mean", "aligned", -3.1),
        ("l2", "min", "aligned", -5.2),
        ("l2", "softmin", "aligned", -(E + 5.2 * E**5.2) / (E + E**5.2)),
        ("l2", "mean", "all", -sum(SQUARES) / 4),
        ("l2", "max", "all", -1.0),
        ("l2", "min", "all", -10.0),
        ("l2", "softmax", "all", -sum(d * E**-d for d in SQUARES) / sum(E**-d for d in SQUARES)),
    ],
)
def test_by_hand(distance: Distance, reduction: Reduction, pairs: SpanPairs, expected: float) -> None:
    nearness = Nearness(distance, reduction, pairs)
    assert float(nearness.compare(QUERY, INSTANCE)) == pytest.approx(expected, abs=1e-5)
    assert float(nearness.scores(QUERY, nearness.prepare(INSTANCE))) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("pairs", PAIRS)
def test_gradients(distance: Distance, reduction: Reduction, pairs: SpanPairs) -> None:
    nearness = Nearness(distance, reduction, pairs)
    vectors = noise(2, 3, 5).requires_grad_(), noise(7, 3, 5, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(nearness.compare, vectors)
    assert torch.autograd.gradcheck(lambda q, x: nearness.scores(q, nearness.prepare(x)), vectors)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("reduction", "pairs"), [("mean", "aligned"), ("mean", "all"), ("max", "aligned")])
@pytest.mark.parametrize("wish", [{"candidates": "mixed"}, {"test_candidates": 7}], ids=str)
def test_what_is_searched_by_has_its_order_in_inner_products(
    distance: Distance, reduction: Reduction, pairs: SpanPairs, wish: dict[str, object]
) -> None:
    EtragOptions(distance=distance, reduction=reduction, pairs=pairs, **wish)  # type: ignore[arg-type]
    queries, instances, nearness = noise(5, 3, 7, seed=2), noise(11, 3, 7, seed=3), Nearness(distance, reduction, pairs)
    spaces = [nearness.search_spaces(x) for x in (nearness.ask(queries), nearness.prepare(instances))]
    products = torch.stack([q @ x.T for q, x in zip(*spaces, strict=True)]).amax(0)
    assert torch.equal(products.argsort(1), broadcast(queries, instances, nearness).argsort(1))


@pytest.mark.parametrize(
    ("reduction", "pairs"),
    [("min", "aligned"), ("softmax", "aligned"), ("softmin", "all"), ("max", "all")],
)
@pytest.mark.parametrize("wish", [{"candidates": "shortlist"}, {"test_candidates": 7}], ids=str)
def test_what_cannot_be_searched_by_is_refused(reduction: Reduction, pairs: SpanPairs, wish: dict[str, object]) -> None:
    EtragOptions(reduction=reduction, pairs=pairs)
    with pytest.raises(ValidationError, match=f"reduction = {reduction} over {pairs} pairs .* cannot be searched by"):
        EtragOptions(reduction=reduction, pairs=pairs, **wish)  # type: ignore[arg-type]
