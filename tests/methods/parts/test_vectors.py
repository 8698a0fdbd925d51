"""Distances, vector search and the datastore: against plain formulas, ties, FAISS, documents."""

from __future__ import annotations

import dataclasses

import faiss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.etrag.datastore import Datastore
from methods.etrag.distances import Nearness
from methods.etrag.options import Distance, Reduction
from methods.parts.retrieval import vector_search
from methods.parts.retrieval.vector_search import VectorIndex, exact
from tests.methods.conftest import make_instances


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distance", ["cosine", "l2"])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_nearness_is_the_plain_formula(distance: Distance, reduction: Reduction) -> None:
    queries, instances = noise(5, 3, 7, seed=2), noise(11, 3, 7, seed=3)
    pairs = queries.unsqueeze(1), instances.unsqueeze(0)
    if distance == "cosine":
        spans = torch.nn.functional.cosine_similarity(*pairs, dim=3)
    else:
        spans = -(pairs[0] - pairs[1]).square().sum(3)
    expected = spans.mean(2) if reduction == "mean" else spans.max(2).values
    nearness = Nearness(distance, reduction)
    prepared = nearness.prepare(instances)
    assert torch.allclose(nearness.scores(queries, prepared), expected, atol=1e-5)
    # Inner products in the search spaces give the same order.
    asked = nearness.ask(queries)
    spaces = zip(nearness.search_spaces(asked), nearness.search_spaces(prepared), strict=True)
    products = torch.stack([q @ x.T for q, x in spaces])
    assert torch.equal(products.amax(0).argsort(1), expected.argsort(1))
    with pytest.raises(ValueError, match="expected prepared instances"):
        nearness.scores(queries, prepared[:, :2])


def test_nearness_gradient() -> None:
    queries, instances = noise(2, 3, 5).double().requires_grad_(), noise(7, 3, 5, seed=1).double().requires_grad_()
    for nearness in (Nearness("cosine"), Nearness("l2"), Nearness("cosine", "max")):
        assert torch.autograd.gradcheck(
            lambda q, x, n=nearness: n.compare(q, x) + n.scores(q, n.prepare(x)), (queries, instances)
        ), nearness


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=23),
    query=st.lists(st.integers(-2, 2), min_size=3, max_size=3),
    k=st.integers(1, 23),
    block=st.sampled_from([2, 5, 64]),
)
def test_exact_search_is_a_stable_sort(rows: list[list[int]], query: list[int], k: int, block: int) -> None:
    """Small whole numbers: many ties, all exact."""
    database, asked = torch.tensor(rows).float(), torch.tensor([query]).float()
    k = min(k, len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_search, "BLOCK", block)
        values, found = exact(asked, database, k)
    expected = (asked @ database.T).sort(dim=1, descending=True, stable=True)
    assert torch.equal(found, expected.indices[:, :k])
    assert torch.equal(values, expected.values[:, :k])


def test_exact_search_equals_faiss() -> None:
    database, queries = noise(20_011, 17), noise(31, 17, seed=1)
    flat = faiss.IndexFlatIP(17)
    flat.add(database.numpy())
    values, rows = exact(queries, database, 10)
    expected, order = flat.search(queries.numpy(), 10)
    assert torch.equal(rows, torch.from_numpy(order))
    assert torch.allclose(values, torch.from_numpy(expected), atol=1e-5)
    with pytest.raises(ValueError, match="k must be between 1 and the 5 vectors, got 6"):
        exact(queries, database[:5], 6)


def test_an_inverted_file_reaches_its_recall_and_follows_the_vectors() -> None:
    centres = noise(40, 16, seed=5)
    database = centres[torch.arange(4001) % 40] + 0.3 * noise(4001, 16)
    queries = database[:97] + 0.05 * noise(97, 16, seed=7)
    index = VectorIndex(database, exact_below=1000, recall=0.95)
    _, found = index.search(queries, 10)
    _, right = exact(queries, database, 10)
    recall = float((right.unsqueeze(2) == found.unsqueeze(1)).any(2).float().mean())
    assert index.measured_recall >= 0.95
    assert recall >= 0.9
    index.replace(database.flip(0))
    values, rows = index.search(queries, 1)
    assert index.measured_recall >= 0.95
    assert torch.allclose(values[:, 0], (queries * database.flip(0)[rows[:, 0]]).sum(1), atol=1e-4)
    assert VectorIndex(database, exact_below=5000).measured_recall == 1


def opened(size: int = 31, documents: str = "") -> tuple[Datastore, torch.Tensor]:
    instances = make_instances("t", size)
    instances = [dataclasses.replace(i, document=d) for i, d in zip(instances, documents or [""] * size, strict=True)]
    store = Datastore(instances, Nearness(), exact_below=1000, seed=7)
    spans = noise(size, 2, 5)
    store.refresh(store.nearness.prepare(spans), None, indexed=True)
    return store, spans


@pytest.mark.parametrize("kind", ["random", "shortlist", "mixed"])
def test_candidates_are_distinct_and_reproducible(kind: str) -> None:
    draws = []
    for _ in range(2):
        store, spans = opened()
        batch = store.instances[:3]
        draws.append([store.draw(kind, 11, spans[:3], batch).tolist() for _ in range(5)])  # type: ignore[arg-type]
    assert draws[0] == draws[1]
    assert all(len(set(d)) == 11 and d == sorted(d) for d in draws[0])
    assert draws[0][0] != draws[0][1] or kind == "shortlist"
    if kind != "random":
        order = store.nearness.scores(spans[:3], store.keys).argsort(1, descending=True)  # type: ignore[arg-type]
        nearest = [next(i for i in row if i != b) for b, row in enumerate(order.tolist())]
        assert all(set(nearest) <= set(d) for d in draws[0])


def test_few_random_candidates_of_many_are_distinct() -> None:
    store, spans = opened(101)
    drawn = [store.draw("random", 13, spans[:3], store.instances[:3]).tolist() for _ in range(50)]
    assert all(len(set(d)) == 13 for d in drawn)
    assert len({row for d in drawn for row in d}) > 90
    assert store.draw("random", 200, spans[:3], []).tolist() == list(range(101))


@pytest.mark.parametrize("distance", ["cosine", "l2"])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_nearest_leaves_out_the_query_and_its_document(distance: Distance, reduction: Reduction) -> None:
    instances = [
        dataclasses.replace(i, document=d) for i, d in zip(make_instances("t", 13), "aaabbbcccddd ", strict=True)
    ]
    instances[12] = dataclasses.replace(instances[12], document="")
    store = Datastore(instances, Nearness(distance, reduction), exact_below=1000, seed=7)
    spans = noise(13, 2, 5)
    store.refresh(store.nearness.prepare(spans), None, indexed=True)
    found = store.nearest(spans, instances, 7)
    scores = store.nearness.scores(spans, store.keys)  # type: ignore[arg-type]
    everything = torch.arange(13)
    admitted = store.admitted(instances, everything)
    assert admitted.sum(1).tolist() == [10] * 12 + [12]
    expected = scores.masked_fill(~admitted, float("-inf")).argsort(1, descending=True)[:, :7]
    assert torch.equal(found, expected)
    stranger = make_instances("q", 1)
    assert store.admitted(stranger, everything).all()
    moved = dataclasses.replace(instances[4], document="a")  # its own id bars it in whatever document
    assert store.admitted([moved], torch.tensor([0, 3, 4, 12])).tolist() == [[False, True, False, True]]


def test_a_shortlist_is_the_nearest_of_each_query() -> None:
    store, spans = opened(31)
    batch = store.instances[4:7]
    rows, mask = store.shortlist(spans[4:7], batch, 5)
    near = store.nearest(spans[4:7], batch, 5)
    assert rows.tolist() == sorted({row for found in near.tolist() for row in found})
    assert [set(rows[own].tolist()) for own in mask] == [set(found) for found in near.tolist()]


def test_neighbours_are_those_with_most_weight_that_are_admitted() -> None:
    store, _ = opened(11)
    weights, mask = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]), torch.tensor([[True] * 3, [True, True, False]])
    first, second = store.neighbours(weights, mask, torch.tensor([2, 5, 7]), 2)
    assert (first.ids, first.weights) == (("t-5", "t-7"), pytest.approx((0.6, 0.3)))
    assert (set(second.ids), second.weights) == ({"t-2", "t-5"}, pytest.approx((0.2, 0.2)))
