"""ETRAG: the extraction loss reaches the retriever, candidates exclude the query, every option works."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError

from methods.base import Context, MethodError
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.etrag.relaxed_knn import select
from methods.etrag.selection import Select
from methods.settings import Budget, Models, Optimisation
from methods.types import Instance

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
TINY = Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96)


def prepared(context: Context, train: list[Instance], **options: object) -> Etrag:
    """Built and ready for a training step, not yet trained."""
    method = Etrag(EtragOptions(candidate_count=13, **options), context)
    method.start(train)
    method.conditioner.prepare(train)
    method.body.train()
    return method


def test_the_extraction_loss_trains_the_retriever(context: MakeContext, corpus: Corpus) -> None:
    method = prepared(context(models=Models(generator="tiny", max_input_tokens=96)), corpus[0], temperature=0.05)
    method.loss(corpus[0][:5]).backward()
    encoder = method.conditioner.retriever
    gradients = {n: p.grad for n, p in encoder.named_parameters() if p.requires_grad}
    assert len(gradients) > 50
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
    assert sum(float(g.abs().sum()) for g in gradients.values() if g is not None) > 0


def test_the_selection_itself_carries_gradient(context: MakeContext, corpus: Corpus) -> None:
    """A learned temperature has no other way to the loss than the weights of the selection."""
    method = prepared(context(models=TINY), corpus[0], temperature_rule="learned", temperature=0.1)
    method.loss(corpus[0][:5]).backward()
    gradient = method.conditioner.temperature.log.grad
    assert gradient is not None
    assert float(gradient.abs()) > 0


def test_a_query_never_selects_itself(context: MakeContext, corpus: Corpus) -> None:
    seen = []

    def watched(scores: torch.Tensor, k: int, temperature: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen.append((mask, select(scores, k, temperature, mask)))
        return seen[0][1]

    class Watched(Etrag):
        def selection(self) -> Select:
            return watched

    method = Watched(EtragOptions(candidate_count=23), context(models=TINY))
    method.start(corpus[0])
    method.loss(corpus[0][2:7])
    mask, weights = seen[0]
    for row in range(5):
        assert not mask[row, row + 2]
        assert (weights[row, :, row + 2] == 0).all()
    assert int((~mask).sum()) == 5


@pytest.mark.parametrize(
    "options",
    [
        {"candidates": "shortlist", "refresh_interval": 2},
        {"candidates": "mixed"},
        {"temperature_rule": "annealed", "temperature": 0.01},
        {"temperature_rule": "learned", "temperature": 0.5},
        {"temperature_rule": "spread", "temperature": 0.3},
        {"temperature": 1e-4},
        {"selection": "hard", "temperature": 0.05},
        {"selection": "sparse", "temperature": 0.05},
        {"distance": "l2", "temperature_rule": "spread", "reduction": "max", "candidates": "shortlist"},
        {"test_candidates": 7, "exact_below": 5, "candidates": "mixed"},
        {"candidates": "shortlist", "refresh_interval": 50, "refresh_drift": 1e-9},
        {"candidates_per": "query"},
        {"candidates_per": "query", "candidates": "shortlist", "epsilon": 0.3, "selection": "hard"},
        {"candidates_per": "query", "candidates": "mixed", "temperature_rule": "spread", "database_limit": 11},
        {"candidates": "shortlist", "epsilon": 1.0, "pairs": "all"},
        {"reduction": "softmin", "pairs": "all", "distance": "l2", "temperature_rule": "spread"},
        {"database_limit": 11, "test_candidates": 7},
        {"k": 1},
    ],
    ids=str,
)
def test_every_option_trains_and_predicts(options: dict[str, object], context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    method = Etrag(EtragOptions(candidate_count=13, **options), context(models=TINY))
    method.fit(train, dev)
    prediction = method.predict(test)
    assert prediction.neighbours is not None
    numbers = prediction.diagnostics
    assert 1 <= numbers["effective_instances"] <= 23.001
    assert 0 < numbers["top_weight"] <= 1
    assert 0 <= numbers["soft_hard_agreement"] <= 1
    if options.get("temperature_rule") == "learned":
        assert float(method.conditioner.temperature.log.detach().exp()) != pytest.approx(0.5, abs=1e-9)


def test_temperature_decides_how_many_instances_take_part(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    number = {}
    for temperature in (1.0, 1e-3):
        method = Etrag(EtragOptions(candidate_count=13, temperature=temperature), context(models=TINY))
        method.fit(train, dev)
        number[temperature] = method.predict(test).diagnostics["effective_instances_first"]
    assert number[1.0] > 20  # the mean of the database
    assert number[1e-3] < 5


def test_untrained_neighbours_are_those_before_training(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    settings = context(models=TINY, budget=Budget(max_steps=20, batch_size=7))
    method = Etrag(EtragOptions(candidate_count=13, temperature=0.02, learning_rate=1e-2), settings)
    before = prepared(settings, train, temperature=0.02)
    first = before.untrained_neighbours(test)
    method.fit(train, dev)
    assert method.untrained_neighbours(test) == first
    assert method.predict(test).neighbours != first
    own = method.untrained_neighbours(train)
    assert all(i.id not in near.ids for i, near in zip(train, own, strict=True))


def test_early_stopping_returns_to_the_best_weights(context: MakeContext, corpus: Corpus) -> None:
    train, dev, _ = corpus
    budget = Budget(max_steps=40, batch_size=7, evaluate_every=2, patience=1, restore_best=True)
    method = Etrag(EtragOptions(candidate_count=13), context(models=TINY, budget=budget))
    report = method.fit(train, dev)
    losses = [row["dev_loss"] for row in report.history]
    assert method.mean_loss(dev) == pytest.approx(min(losses), abs=1e-4)
    assert report.steps < 40 or losses[-1] == min(losses)


def test_after_a_return_to_earlier_weights_the_database_is_theirs(context: MakeContext, corpus: Corpus) -> None:
    """The last evaluation encoded it with the weights of that time."""
    train, dev, test = corpus
    fast = Optimisation(learning_rate=0.05, new_learning_rate=0.05)
    budget = Budget(max_steps=12, batch_size=7, evaluate_every=2, patience=1, restore_best=True)
    options = EtragOptions(candidate_count=13, k=3, temperature=0.05, learning_rate=0.01)
    method = Etrag(options, context(models=TINY, budget=budget, optimisation=fast))
    losses = [row["dev_loss"] for row in method.fit(train, dev).history]
    assert min(losses) < losses[-1]  # else nothing was put back
    method.predict(test)
    values = method.conditioner.pools.store.values
    assert values is not None
    assert torch.allclose(values, method.conditioner.retriever.encode_all(train, labelled=True), atol=1e-5)


def test_the_harness_is_told_what_is_searched(context: MakeContext, corpus: Corpus) -> None:
    train, *_ = corpus
    method = Etrag(EtragOptions(candidate_count=13, k=3, database_limit=7), context(models=TINY))
    method.start(train)
    searched = method.searched(train)
    assert len(searched) == 7
    assert {i.id for i in searched} == set(method.conditioner.database)


def test_nan_is_one_clear_error(context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    method = Etrag(EtragOptions(candidate_count=13), context(models=TINY))
    monkeypatch.setattr(method, "loss", lambda batch: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(MethodError, match="loss is nan at step 1 of 4"):
        method.fit(corpus[0], [])


def test_contradictory_options_are_refused() -> None:
    with pytest.raises(ValidationError, match="candidate_count must be larger than k"):
        EtragOptions(k=32)
    with pytest.raises(ValidationError, match="test_candidates must be at least k = 5"):
        EtragOptions(test_candidates=4)
    with pytest.raises(ValidationError, match="Extra inputs"):
        EtragOptions(temprature=1)  # type: ignore[call-arg]


def test_what_a_shortlist_leaves_out_is_of_the_very_prediction(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    options = EtragOptions(candidate_count=13, k=3, temperature=0.05, test_candidates=5)
    method = Etrag(options, context(models=TINY))
    method.fit(train, dev)
    method.predict(dev)
    after_dev = method.predict(test).diagnostics["left_out_mass"]
    assert method.predict(test).diagnostics["left_out_mass"] == after_dev
    assert method.predict(dev).diagnostics["left_out_mass"] != after_dev


def test_a_shortlist_selects_from_the_nearest_and_says_what_it_leaves_out(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    numbers = {}
    for count in (0, 5, len(train)):
        method = Etrag(
            EtragOptions(candidate_count=13, k=3, temperature=0.05, test_candidates=count), context(models=TINY)
        )
        method.fit(train, dev)
        prediction = method.predict(test)
        assert prediction.neighbours is not None
        numbers[count] = prediction
    short, full = numbers[5], numbers[0]
    assert 0 < short.diagnostics["left_out_mass"] < 1
    assert short.diagnostics["search_recall"] == 1
    assert "left_out_mass" not in full.diagnostics
    assert torch.equal(torch.tensor(numbers[len(train)].scores), torch.tensor(full.scores))  # nothing is left out
    again = Etrag(EtragOptions(candidate_count=13, k=3, temperature=0.05, test_candidates=5), context(models=TINY))
    again.fit(train, dev)
    alone = again.predict(test[:1])  # the shortlist of a query does not depend on its batch
    assert torch.allclose(torch.tensor(alone.scores), torch.tensor(short.scores[:1]), atol=1e-5)


def test_too_few_candidates_are_one_clear_error(context: MakeContext, corpus: Corpus) -> None:
    train = [dataclasses.replace(i, document="the only one") for i in corpus[0]]
    method = Etrag(EtragOptions(candidate_count=13), context(models=TINY))
    with pytest.raises(MethodError, match="may select from only 0 candidates"):
        method.fit(train, [])


def test_drift_brings_the_refresh_forward(context: MakeContext, corpus: Corpus) -> None:
    train, dev, _ = corpus
    settings = context(models=TINY, budget=Budget(max_steps=33, batch_size=7))
    counts = {}
    for drift in (0.0, 1e-9):
        method = Etrag(
            EtragOptions(candidate_count=13, candidates="shortlist", refresh_interval=1000, refresh_drift=drift),
            settings,
        )
        counts[drift] = method.fit(train, dev).diagnostics.get("refreshes", 0)
    assert counts == {0.0: 0, 1e-9: 3}  # looked at after 10, 20 and 30 steps


def test_bfloat16_matrix_products_leave_selection_and_loss_in_float32(context: MakeContext, corpus: Corpus) -> None:
    train, _, test = corpus
    losses, scores = {}, {}
    for precision in ("float32", "bfloat16", "auto"):
        models = TINY.model_copy(update={"precision": precision, "dropout": 0.0})
        method = prepared(context(models=models), train, temperature=0.1)
        loss = method.loss(train[:7])
        loss.backward()
        assert loss.dtype == torch.float32
        gradients = [p.grad for p in method.conditioner.retriever.parameters() if p.grad is not None]
        assert all(torch.isfinite(g).all() for g in gradients)
        losses[precision], scores[precision] = float(loss.detach()), torch.tensor(method.predict(test).scores)
    assert losses["auto"] == losses["float32"]  # on a CPU
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], abs=0.05)
    assert torch.allclose(scores["bfloat16"], scores["float32"], atol=0.2)
