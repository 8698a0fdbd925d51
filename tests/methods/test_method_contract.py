"""Runs over every registered method: what a plugin promises, on a tiny corpus with real MiniLM weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from methods.base import Context, Method, MethodError
from methods.registry import METHODS
from methods.settings import Models
from methods.types import Instance

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]


def make(name: str, settings: Context, **options: object) -> Method:
    cls = METHODS.load(name)
    if "candidate_count" in cls.Options.model_fields:
        options.setdefault("candidate_count", 13)
    method: Method = cls(cls.Options(**options), settings)
    return method


@pytest.fixture(params=METHODS.targets())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_contract(name: str, context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    settings = context()
    method = make(name, settings)
    report = method.fit(train, dev)
    assert report.steps <= settings.budget.steps(len(train)) == 4  # never beyond the budget
    assert report.instances_seen <= 4 * settings.budget.batch_size
    assert 0 <= report.parameters["trained"] <= report.parameters["total"]

    prediction = method.predict(test)
    admitted = settings.schema.admitted(test)
    assert prediction.scores.shape == (11, 4)
    assert (np.isfinite(prediction.scores) == admitted).all()
    # The constrained rule is a distribution over the admitted relations.
    assert np.allclose(np.exp(np.where(admitted, prediction.scores, -np.inf)).sum(1), 1, atol=1e-5)

    again = make(name, settings)
    again.fit(train, dev)
    assert np.array_equal(again.predict(test).scores, prediction.scores)
    # Nothing depends on the order or the company of the instances predicted, beyond the last bits of a sum.
    assert np.allclose(method.predict(test[::-1]).scores[::-1], prediction.scores, atol=1e-4)

    relabelled = [Instance(i.id, i.tokens, i.head, i.tail, "none", i.head_type, i.tail_type) for i in test]
    assert np.array_equal(make_and_fit(name, settings, train, dev).predict(relabelled).scores, prediction.scores)

    if prediction.neighbours is None:
        assert "k" not in METHODS.load(name).Options.model_fields
        return
    ids = {i.id for i in train}
    for near in prediction.neighbours:
        assert len(near.ids) == len(near.weights) == len(set(near.ids)) == method.options.k
        assert set(near.ids) <= ids
        assert list(near.weights) == sorted(near.weights, reverse=True)
    own = method.predict(train).neighbours
    assert own is not None
    assert all(i.id not in near.ids for i, near in zip(train, own, strict=True))


def test_another_database_at_test_time(name: str, context: MakeContext, corpus: Corpus) -> None:
    """Neighbours come from the new database alone, also with relations that are never predicted; the old one gives
    the old predictions back."""
    train, dev, test = corpus
    schema = replace(context().schema, verbalisations=context().schema.verbalisations | {"foreign": "far from tail"})
    settings = replace(context(), schema=schema)
    method = make_and_fit(name, settings, train, dev)
    before = method.predict(test)
    foreign = [replace(i, id=f"other-{i.id}", relation="foreign") for i in train[::-1][:13]]
    if not method.swap_datastore(foreign):
        assert before.neighbours is None
        assert np.array_equal(method.predict(test).scores, before.scores)
        return
    swapped = method.predict(test)
    assert swapped.neighbours is not None
    assert {i for near in swapped.neighbours for i in near.ids} <= {i.id for i in foreign}
    assert not np.allclose(swapped.scores, before.scores, atol=1e-6)
    with pytest.raises(MethodError, match=r"k = \d+ .*has 1"):
        method.swap_datastore(foreign[:1])
    assert method.swap_datastore(train)
    again = method.predict(test)
    assert np.allclose(again.scores, before.scores, atol=1e-6)
    assert again.neighbours == before.neighbours


def test_other_neighbours_at_test_time(name: str, context: MakeContext, corpus: Corpus) -> None:
    """A method predicts from the neighbours that it is shown, whatever their relations, and forgets them."""
    train, dev, test = corpus
    settings = context(models=Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96))
    method = make_and_fit(name, settings, train, dev)
    before = method.predict(test)
    if before.neighbours is None:
        assert all(method.predict_with(test, shown) is None for shown in ("none", "mean"))
        return
    database = {i.id: i for i in train}
    retrieved = [[database[n] for n in near.ids] for near in before.neighbours]
    relabelled = [
        [replace(i, relation="none" if i.relation != "none" else "born_in") for i in near] for near in retrieved
    ]
    others = [[i for i in train[::-1] if i not in near][: len(near)] for near in retrieved]
    scores = []
    for shown in (retrieved, relabelled, others, "none", "mean"):
        found = method.predict_with(test, shown)
        if shown == "mean" and found is None:  # text has no mean
            continue
        assert found is not None
        assert found.neighbours is None
        assert (np.isfinite(found.scores) == settings.schema.admitted(test)).all()
        again = method.predict_with(test, shown)
        assert again is not None
        assert np.array_equal(again.scores, found.scores)
        assert not any(np.allclose(found.scores, other, atol=1e-6) for other in scores)
        scores.append(found.scores)
    after = method.predict(test)
    assert np.array_equal(after.scores, before.scores)
    assert after.neighbours == before.neighbours
    with pytest.raises(ValueError, match="instance train-0 is shown to itself"):
        method.predict_with(train[:1], [train[: method.options.k]])
    with pytest.raises(ValueError, match=rf"1 neighbours, expected k = {method.options.k}"):
        method.predict_with(test[:1], [train[:1]])
    with pytest.raises(ValueError, match="neighbours of 1 instances, expected 11"):
        method.predict_with(test, retrieved[:1])


def make_and_fit(name: str, settings: Context, train: list[Instance], dev: list[Instance]) -> Method:
    method = make(name, settings)
    method.fit(train, dev)
    return method


def test_a_seed_matters_where_something_is_trained(name: str, context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    one, two = (make(name, context(seed=seed)) for seed in (1, 2))
    trained = one.fit(train, dev).parameters["trained"] > 0
    two.fit(train, dev)
    assert np.array_equal(one.predict(test).scores, two.predict(test).scores) != trained


def test_k_beyond_the_database_is_refused(name: str, context: MakeContext, corpus: Corpus) -> None:
    if "k" not in METHODS.load(name).Options.model_fields:
        options: dict[str, object] = {}
        make(name, context(), **options).fit(corpus[0][:1], [])  # no database: one instance is enough
        return
    # An instance is never its own neighbour, so 5 instances hold 4 neighbours.
    with pytest.raises(MethodError, match=r"k = 5 .*5"):
        make(name, context(), k=5).fit(corpus[0][:5], [])


def test_an_empty_training_set_is_refused(name: str, context: MakeContext) -> None:
    with pytest.raises(MethodError, match="training subset is empty"):
        make(name, context()).fit([], [])
