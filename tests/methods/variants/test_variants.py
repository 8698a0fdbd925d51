"""Three methods of the literature, and a penalty, as plugins write them: short, with nothing but public names, and with
the properties that define them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from methods.base import Context
from methods.parts.extractor import GenerativeMethod
from methods.rag_bm25 import RagBM25
from methods.settings import Models
from methods.types import Instance
from tests.methods.variants.knn_readout import RagKnnReadout
from tests.methods.variants.marginal import OneByOne, RagMarginal
from tests.methods.variants.neighbourhood import EtragTaught
from tests.methods.variants.temperature import EtragQueryTemperature

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
TINY = Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96, dropout=0.0, memory="sentence")
PLUGINS = sorted(set(Path(__file__).parent.glob("*.py")) - {Path(__file__), Path(__file__).with_name("__init__.py")})


def private_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "name", getattr(node, "id", None)))
        if isinstance(name, str) and name.startswith("_") and not (name.startswith("__") and name.endswith("__")):
            yield name


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.stem)
def test_a_variant_is_short_and_touches_nothing_private(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    assert not list(private_names(ast.parse(text)))


@pytest.mark.parametrize("source", ["self._found", "def _select(self): ...", "from a import _b"])
def test_private_names_are_seen(source: str) -> None:
    assert list(private_names(ast.parse(source)))


def started(kind: type[GenerativeMethod], context: Context, train: list[Instance], **options: object) -> Any:
    """Built, not trained, without dropout; its weights are enlarged, so that what it reads makes a difference."""
    method = kind(kind.Options(**options), context)
    method.start(train)
    with torch.no_grad():
        for parameter in method.generator.parameters():
            parameter.mul_(2)
    method.body.eval()
    return method


# --- a temperature for each query --------------------------------------------------------------------------------


def test_each_query_has_its_own_temperature(context: MakeContext, corpus: Corpus) -> None:
    seen: list[torch.Tensor] = []
    method = started(EtragQueryTemperature, context(models=TINY), corpus[0], temperature=0.1)
    rule = method.conditioner.temperature
    rule.register_forward_hook(lambda module, given, t: seen.append(t.detach()))
    method.log_probs(corpus[2])
    assert seen[0].shape == (len(corpus[2]), 1)
    assert seen[0].unique().numel() > 1
    assert seen[0].log().mean().exp().item() == pytest.approx(0.1, rel=0.5)


def test_the_loss_trains_the_temperatures(context: MakeContext, corpus: Corpus) -> None:
    method = started(EtragQueryTemperature, context(models=TINY), corpus[0], temperature=0.1)
    method.body.train()
    method.loss(corpus[0][:5]).backward()
    parameters = list(method.conditioner.temperature.parameters())
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in parameters)
    trained = [p for group in method.groups() for p in group.parameters]
    assert all(any(p is other for other in trained) for p in parameters)


# --- marginalisation over neighbours -----------------------------------------------------------------------------


def test_one_view_is_the_plain_method(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    found = []
    for kind in (RagMarginal, RagBM25):
        method = kind(kind.Options(k=1), context(models=TINY))
        method.fit(train, dev)
        found.append(method.predict(test))
    assert np.array_equal(found[0].scores, found[1].scores)
    assert found[0].neighbours == found[1].neighbours


def test_the_marginal_is_the_weighted_mean_of_the_views(context: MakeContext, corpus: Corpus) -> None:
    method, test = started(RagMarginal, context(models=TINY), corpus[0], k=3), corpus[2]
    with torch.no_grad():
        mixed, views = method.log_probs(test)
        near = method.conditioner.near(test)
        alone = [method.log_probs(test, [[row[v]] for row in near])[0].exp() for v in range(3)]
        assert views.log_weights is not None
        weights = views.log_weights.exp()
    assert torch.allclose(weights.sum(1), torch.ones(len(test)))
    expected = sum(weights[:, v : v + 1] * alone[v] for v in range(3))
    assert torch.allclose(mixed.exp(), expected, atol=1e-6)
    assert all((mixed.exp() - view).abs().max() > 1e-3 for view in alone)


def test_all_mass_on_one_view_is_that_view(context: MakeContext, corpus: Corpus) -> None:
    method, test = started(RagMarginal, context(models=TINY), corpus[0], k=3), corpus[2]
    with torch.no_grad():
        weights = method.conditioner(test).log_weights
        clear = [row for row, w in enumerate(weights) if w[0] - w[1] > 1e-3]
        method.conditioner.scale.fill_(1e9)
        chosen = [test[row] for row in clear]
        mixed, _ = method.log_probs(chosen)
        first, second = (
            method.log_probs(chosen, [row[v : v + 1] for row in method.conditioner.near(chosen)])[0] for v in range(2)
        )
    assert len(chosen) > 2
    assert torch.allclose(mixed, first, atol=1e-5)
    assert not torch.allclose(mixed, second, atol=1e-3)


def test_the_score_of_a_gold_relation_is_that_among_all(context: MakeContext, corpus: Corpus) -> None:
    method = started(RagMarginal, context(models=TINY), corpus[0], k=2)
    several = replace(corpus[0][3], id="several", more_relations=("born_in",))
    batch = [corpus[0][0], several, corpus[0][1]]
    gold = [i.relations for i in batch]
    with torch.no_grad():
        every, _ = method.log_probs(batch)
        own, _ = method.log_probs(batch, gold=gold)
    index = method.context.schema.index
    expected = [every[row, index[name]] for row, names in enumerate(gold) for name in names]
    assert torch.allclose(own, torch.stack(expected), atol=1e-5)


def test_the_loss_reaches_what_weighs_the_views(context: MakeContext, corpus: Corpus) -> None:
    method = started(RagMarginal, context(models=TINY), corpus[0], k=3)
    method.loss(corpus[0][:5]).backward()
    conditioner = method.conditioner
    assert isinstance(conditioner, OneByOne)
    assert conditioner.scale.grad is not None
    assert float(conditioner.scale.grad.abs()) > 0


# --- kNN interpolation -------------------------------------------------------------------------------------------


def test_without_weight_the_readout_is_the_model(context: MakeContext, corpus: Corpus) -> None:
    plain = started(RagBM25, context(models=TINY), corpus[0], k=2).predict(corpus[2])
    mixed = started(RagKnnReadout, context(models=TINY), corpus[0], k=2, knn_weight=0.0).predict(corpus[2])
    assert np.array_equal(plain.scores, mixed.scores)


def test_the_readout_mixes_the_vote_of_the_neighbours(context: MakeContext, corpus: Corpus) -> None:
    train, _, test = corpus
    plain = started(RagBM25, context(models=TINY), train, k=1).predict(test)
    mixed = started(RagKnnReadout, context(models=TINY), train, k=1, knn_weight=0.25).predict(test)
    relation, schema = {i.id: i.relation for i in train}, context().schema
    assert plain.neighbours is not None
    voted = 0
    for row, near in enumerate(plain.neighbours):
        expected = np.exp(plain.scores[row])
        column = schema.index[relation[near.ids[0]]]
        if np.isfinite(plain.scores[row, column]):  # else it has no vote
            expected = 0.75 * expected + 0.25 * (np.arange(len(expected)) == column)
            voted += 1
        assert np.allclose(np.exp(mixed.scores[row]), expected, atol=1e-6)
    assert voted > 3


# --- a penalty ---------------------------------------------------------------------------------------------------


def test_a_penalty_is_part_of_the_loss_and_trains_the_retriever(context: MakeContext, corpus: Corpus) -> None:
    method, batch = started(EtragTaught, context(models=TINY), corpus[0]), corpus[0][:5]
    with torch.no_grad():
        scores, views = method.log_probs(batch, gold=[i.relations for i in batch])
        assert views.penalty is not None
        assert float(views.penalty) > 0
        assert float(method.loss(batch)) == pytest.approx(float(views.penalty - scores.mean()), abs=1e-6)
    method.body.train()
    views = method.conditioner(batch)
    views.penalty.backward()
    gradients = [p.grad for p in method.conditioner.retriever.parameters() if p.grad is not None]
    assert sum(float(g.abs().sum()) for g in gradients) > 0


@pytest.mark.parametrize("kind", [EtragQueryTemperature, RagMarginal, RagKnnReadout, EtragTaught])
def test_a_variant_trains_predicts_and_is_probed(
    kind: type[GenerativeMethod], context: MakeContext, corpus: Corpus
) -> None:
    train, dev, test = corpus
    method = kind(kind.Options(k=2), context(models=TINY))
    method.fit(train, dev)
    prediction = method.predict(test)
    admitted = context().schema.admitted(test)
    assert np.allclose(np.exp(np.where(admitted, prediction.scores, -np.inf)).sum(1), 1, atol=1e-5)
    assert prediction.neighbours is not None
    near = [[next(i for i in train if i.id == name) for name in found.ids] for found in prediction.neighbours]
    for shown in (near, "none"):
        found = method.predict_with(test, shown)
        assert found is not None
        assert (np.isfinite(found.scores) == admitted).all()
    assert np.array_equal(method.predict(test).scores, prediction.scores)
