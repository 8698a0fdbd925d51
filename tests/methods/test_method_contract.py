"""Runs over every registered method: what a plugin promises, on a tiny corpus with real MiniLM weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from methods.base import Context, Method, MethodError
from methods.registry import METHODS
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
