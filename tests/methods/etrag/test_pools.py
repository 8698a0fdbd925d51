"""Candidates for each query: what is encoded, selected and reported of them; a limited database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods.base import Context, MethodError
from methods.etrag import span_encoder
from methods.etrag.conditioning import SoftConditioning
from methods.etrag.distances import Nearness
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.etrag.pools import Pool
from methods.etrag.relaxed_knn import select
from methods.etrag.span_encoder import SpanEncoder
from methods.settings import Budget, Models
from methods.testing import CLAUSES, Clause, Trial, examine
from methods.testing import corpus as corpus_of_contract
from methods.types import Instance

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
TINY = Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96, dropout=0.0)


def prepared(context: Context, train: list[Instance], **options: object) -> Etrag:
    """Built and ready for a training step, not yet trained."""
    method = Etrag(EtragOptions(**({"candidate_count": 13, "candidates_per": "query"} | options)), context)  # type: ignore[arg-type]
    method.start(train)
    method.conditioner.prepare(train)
    method.body.train()
    return method


def pool_of(own: list[list[int]], scores: Tensor) -> Pool:
    """Of scores [B, M], candidates as in ``own``."""
    places = torch.tensor(own)
    mask = torch.stack([torch.isin(torch.arange(scores.shape[1]), row) for row in places])
    return Pool(torch.arange(scores.shape[1]), scores, mask, torch.empty(0), places)


# --- selection ----------------------------------------------------------------------------------------------------


def test_a_query_selects_from_its_own_candidates_and_twice_from_one_drawn_twice() -> None:
    scores = torch.tensor([[0.2, 0.9, 0.4, 0.7], [0.1, 0.3, 0.8, 0.5]], requires_grad=True)
    pool = pool_of([[1, 1, 3], [0, 2, -1]], scores)
    chosen, mask = pool.choices()
    weights = pool.back(select(chosen, 2, 0.5, mask))
    first = select(torch.tensor([[0.9, 0.9, 0.7]]), 2, 0.5)[0]
    second = select(torch.tensor([[0.1, 0.8]]), 2, 0.5)[0]
    zero = torch.zeros(2)
    assert torch.allclose(weights[0], torch.stack([zero, first[:, 0] + first[:, 1], zero, first[:, 2]], 1))
    assert torch.allclose(weights[1], torch.stack([second[:, 0], zero, second[:, 1], zero], 1))
    weights[:, 0, [1, 2]].sum().backward()
    assert scores.grad is not None
    assert (scores.grad != 0).tolist() == [[False, True, False, True], [True, False, True, False]]


def test_a_candidate_drawn_twice_counts_twice_in_the_softmax() -> None:
    pool = pool_of([[0, 0, 1]], torch.zeros(1, 2))
    chosen, mask = pool.choices()
    assert pool.back(select(chosen, 1, 1.0, mask))[0, 0].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_numbers_are_of_a_querys_own_candidates(context: MakeContext, corpus: Corpus) -> None:
    """At a high temperature all of them take part, one drawn twice as one with twice the weight."""
    method = prepared(context(models=TINY), corpus[0], temperature=1e4, k=1)
    own = torch.tensor([[5, 6, 7, 8, 9, 10, 11]] * 2 + [[5, 5, 6, 6, 7, 7, 7]])
    method.conditioner.pools.store.draw_each = lambda *wanted: own  # type: ignore[method-assign]
    views = method.conditioner(corpus[0][:3])
    third = torch.tensor([2 / 7, 2 / 7, 3 / 7])
    uneven = float(torch.exp(-(third * third.log()).sum()))
    assert views.numbers["effective_instances"].tolist() == pytest.approx([7, 7, uneven], rel=1e-3)
    assert views.numbers["soft_hard_agreement"][2] <= 1
    queries = method.conditioner.retriever(corpus[0][:3], labelled=False)
    values = method.conditioner.retriever(corpus[0], labelled=True)
    scores = Nearness().compare(queries, values)
    expected = torch.stack([scores[0, 5:12].std(correction=0), scores[2, 5:8].std(correction=0)])
    assert torch.allclose(views.numbers["score_spread"][[0, 2]], expected, atol=1e-5)


def test_the_prefix_is_that_of_each_query_alone(context: MakeContext, corpus: Corpus) -> None:
    method = prepared(context(models=TINY), corpus[0], temperature=0.05, k=3)
    pools, batch = method.conditioner.pools, corpus[0][:5]
    own = pools.store.draw_each("random", 13, torch.empty(0), batch)
    pools.store.draw_each = lambda *wanted: own  # type: ignore[method-assign]
    together = method.conditioner(batch).inputs.prefix
    for row, query in enumerate(batch):
        pools.store.draw_each = lambda *wanted, row=row: own[row : row + 1]  # type: ignore[method-assign, misc]
        alone = method.conditioner([query]).inputs.prefix
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_fewer_different_candidates_than_k_are_no_error(context: MakeContext, corpus: Corpus) -> None:
    method = prepared(context(models=TINY), corpus[0], k=5)
    method.conditioner.pools.store.draw_each = lambda *wanted: torch.tensor([[5, 5, 5, 6, 6]])  # type: ignore[method-assign]
    views = method.conditioner(corpus[0][:1])
    assert views.neighbours is not None
    assert set(views.neighbours[0].ids) == {"train-5", "train-6"}
    assert sum(views.neighbours[0].weights) == pytest.approx(5, abs=1e-4)
    assert views.numbers["soft_hard_agreement"].tolist() == [1]
    method.loss(corpus[0][:1]).backward()


@pytest.mark.parametrize("kind", ["random", "shortlist", "mixed"])
def test_too_few_candidates_are_the_same_clear_error(kind: str, context: MakeContext, corpus: Corpus) -> None:
    train = [dataclasses.replace(i, document="one" if n < 19 else "other") for n, i in enumerate(corpus[0])]
    method = prepared(context(models=TINY), train, candidates=kind)
    with pytest.raises(MethodError, match=r"may select from only 4 candidates \(.*\), fewer than k = 5; raise"):
        method.loss(train[:3])
    method.loss(train[19:])
    everything = [dataclasses.replace(i, document="one") for i in corpus[0]]
    with pytest.raises(MethodError, match="may select from only 0 candidates"):
        prepared(context(models=TINY), everything, candidates=kind).loss(everything[:3])


# --- encoding -----------------------------------------------------------------------------------------------------


def test_each_different_candidate_is_encoded_once(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, seen = prepared(context(models=TINY), corpus[0]), []
    forward = SpanEncoder.forward

    def watched(self: SpanEncoder, instances: list[Instance], *, labelled: bool) -> Tensor:
        if labelled:
            seen.append([i.id for i in instances])
        return forward(self, instances, labelled=labelled)

    monkeypatch.setattr(SpanEncoder, "forward", watched)
    views = method.conditioner(corpus[0][:7])
    assert len(seen) == 1
    assert len(set(seen[0])) == len(seen[0]) <= 23
    assert views.neighbours is not None
    assert {name for near in views.neighbours for name in near.ids} <= set(seen[0])


def gradients(encoder: SpanEncoder, instances: list[Instance], seed: int = 0) -> list[Tensor]:
    """Of a weighted sum of the vectors, after the vectors themselves; the same weights every time."""
    torch.manual_seed(seed)
    encoder.zero_grad()
    vectors = encoder(instances, labelled=True)
    (vectors * torch.linspace(-1, 1, vectors.numel()).view_as(vectors)).sum().backward()
    return [vectors.detach(), *(p.grad.clone() for p in encoder.parameters() if p.grad is not None)]


def encoder_of(context: Context, train: list[Instance]) -> SpanEncoder:
    """With every weight trained."""
    encoder = Etrag(EtragOptions(candidate_count=13), context).retriever(train)
    return encoder.requires_grad_(True).train()


def test_parts_give_the_gradients_of_the_whole(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoder_of(context(models=TINY), corpus[0]).double()  # in float32 sums over all tokens differ by 3e-6
    whole = gradients(encoder, corpus[0])
    monkeypatch.setattr(span_encoder, "ENCODE_BATCH", 5)
    parts = gradients(encoder, corpus[0])
    assert len(whole) == len(parts) > 10
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-6)


def test_activations_computed_again_meet_the_same_dropout(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoder_of(context(models=TINY.model_copy(update={"dropout": 0.3})), corpus[0])
    monkeypatch.setattr(span_encoder, "ENCODE_BATCH", 5)
    again, other = gradients(encoder, corpus[0], seed=1), gradients(encoder, corpus[0], seed=2)
    monkeypatch.setattr(span_encoder, "checkpoint", lambda run, *inputs, use_reentrant: run(*inputs))
    kept = gradients(encoder, corpus[0], seed=1)
    for one, two in zip(again, kept, strict=True):
        assert torch.allclose(one, two, atol=1e-6)
    assert not torch.allclose(again[0], other[0], atol=1e-3)


def test_no_more_instances_than_a_part_are_in_memory_at_once(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, sizes = encoder_of(context(models=TINY), corpus[0]), []
    encoder.model.register_forward_pre_hook(
        lambda module, given, named: sizes.append(len(named["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr(span_encoder, "ENCODE_BATCH", 5)
    gradients(encoder, corpus[0])
    assert max(sizes) <= 5
    assert sum(sizes) == 2 * len(corpus[0])  # forward, and again backward
    sizes.clear()
    gradients(encoder, corpus[0][:5])
    assert sum(sizes) == 5  # few are kept


# --- a limited database -------------------------------------------------------------------------------------------

LIMITED = EtragOptions(k=3, candidate_count=7, database_limit=11, candidates_per="query")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("trial", [Trial(Etrag, LIMITED)], ids=["limited"])
def test_the_contract(clause: Clause, trial: Trial) -> None:
    assert examine(clause, trial) == ""


@pytest.mark.parametrize("more", [{}, {"test_candidates": 5}, {"candidates": "mixed"}], ids=str)
def test_all_neighbours_are_of_the_sample(more: dict[str, object], context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    options = LIMITED.model_copy(update=more)
    method = Etrag(options, context(models=TINY, budget=Budget(max_steps=5, batch_size=7, evaluate_every=2)))
    method.fit(train, dev)
    sample = {i.id for i in method.conditioner.pools.store.instances}
    assert len(sample) == 11
    assert set(method.conditioner.database) == sample
    found = [method.predict(test).neighbours, method.predict(train).neighbours, method.untrained_neighbours(test)]
    assert {name for list_ in found for near in list_ or () for name in near.ids} <= sample
    assert method.swap_datastore(corpus_of_contract.FOREIGN)
    method.swap_datastore(train)
    assert {i.id for i in method.conditioner.pools.store.instances} == sample


def test_the_sample_depends_on_the_seed_alone(context: MakeContext, corpus: Corpus) -> None:
    found = []
    for seed in (3, 3, 4):
        method = Etrag(LIMITED, context(models=TINY, seed=seed))
        method.start(corpus[0])
        found.append([i.id for i in method.conditioner.pools.store.instances])
    assert found[0] == found[1] != found[2]
    assert found[0] == [i.id for i in corpus[0] if i.id in found[0]]  # in their order


def test_a_datastore_in_its_place_is_limited_too(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    method = Etrag(LIMITED, context(models=TINY))
    method.fit(train[:5], dev)  # fewer than the limit: all
    assert len(method.conditioner.pools.store) == 5
    method.swap_datastore(train)
    near = method.predict(test).neighbours
    assert near is not None
    assert len({name for one in near for name in one.ids}) <= len(method.conditioner.pools.store) == 11


def test_the_mean_is_of_the_limited_database(context: MakeContext, corpus: Corpus) -> None:
    method = Etrag(LIMITED, context(models=TINY))
    method.fit(corpus[0], [])
    conditioner: SoftConditioning = method.conditioner
    with torch.inference_mode():
        shown = conditioner(corpus[2][:3], "mean").inputs.prefix
        values = conditioner.retriever.encode_all(conditioner.pools.store.instances, labelled=True).mean(0)
        expected = conditioner.soft_prompt.projection(values)
    assert torch.allclose(shown[:, 3:], expected.repeat(3, 3, 1), atol=1e-5)
