"""Neighbours that are shown instead of retrieved: in a text prompt and in a soft one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.base import Context
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.parts.conditioning import checked
from methods.parts.generation.generator import EncoderInput
from methods.rag_bm25 import RagBM25
from methods.settings import Models
from methods.types import Instance, Prediction

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
TINY = Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96)


def scores(prediction: Prediction | None) -> np.ndarray:
    assert prediction is not None
    return prediction.scores


def retrieved(prediction: Prediction, database: Sequence[Instance]) -> list[list[Instance]]:
    by_id = {i.id: i for i in database}
    assert prediction.neighbours is not None
    return [[by_id[n] for n in near.ids] for near in prediction.neighbours]


def etrag(context: Context, corpus: Corpus, **options: object) -> Etrag:
    method = Etrag(EtragOptions(**({"candidate_count": 13, "k": 3} | options)), context)
    method.fit(corpus[0], corpus[1])
    return method


def test_text_retrieved_neighbours_give_the_ordinary_prediction(context: MakeContext, corpus: Corpus) -> None:
    train, dev, test = corpus
    method = RagBM25(RagBM25.Options(k=2), context(models=TINY))
    method.fit(train, dev)
    ordinary = method.predict(test)
    near = retrieved(ordinary, train)
    assert np.array_equal(scores(method.predict_with(test, near)), ordinary.scores)
    # One instance under two relations is two texts, whichever was seen first.
    changed = [[replace(i, relation="none") for i in row] for row in near]
    label = method.prompts.ids(test[0], changed[0])
    assert label != method.prompts.ids(test[0], near[0])
    assert "no relation" in method.prompts.tokenizer.decode(label)
    # Nothing shown is the prompt without retrieval.
    seen: list[EncoderInput] = []
    encode = method.generator.encode
    method.generator.encode = lambda inputs: seen.append(inputs) or encode(inputs)  # type: ignore[method-assign]
    method.predict_with(test[:1], "none")
    assert seen[0].ids.tolist() == [method.prompts.ids(test[0])]
    assert method.predict_with(test, "mean") is None


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"id": "train-1"}, "instance train-1 is shown to itself: its label leaks"),
        ({"document": "d"}, "instance train-1 is shown to instance q of its document: its label leaks"),
    ],
)
def test_what_a_query_bars_is_never_shown_to_it(own: dict[str, str], message: str, corpus: Corpus) -> None:
    first, second, third = (replace(i, document=d) for i, d in zip(corpus[0], "cde", strict=False))
    query = replace(corpus[2][0], **({"id": "q"} | own))  # type: ignore[arg-type]
    assert checked([[first, third]], [query], 2) == [[first, third]]
    with pytest.raises(ValueError, match=message):
        checked([[first, second]], [query], 2)


def test_soft_retrieved_neighbours_give_the_hard_selection(context: MakeContext, corpus: Corpus) -> None:
    method = etrag(context(models=TINY), corpus, selection="hard")
    ordinary = method.predict(corpus[2])
    near = retrieved(ordinary, corpus[0])
    # Equal weights are listed in no order of nearness, so the order is taken from the scores.
    method.body.eval()
    with torch.inference_mode():
        queries = method.conditioner.retriever(corpus[2], labelled=False)
        order = method.conditioner.pools(corpus[2], queries).scores.topk(3).indices.tolist()
    assert [{i.id for i in row} for row in near] == [{corpus[0][r].id for r in rows} for rows in order]
    shown = [[corpus[0][r] for r in rows] for rows in order]
    assert np.allclose(scores(method.predict_with(corpus[2], shown)), ordinary.scores, atol=1e-5)


def test_the_mean_is_the_selection_at_an_endless_temperature(context: MakeContext, corpus: Corpus) -> None:
    method = etrag(context(models=TINY), corpus, temperature=1e9, k=1)
    test, train = corpus[2], corpus[0]
    assert np.allclose(scores(method.predict_with(test, "mean")), method.predict(test).scores, atol=1e-5)
    # An instance of the database has no part in its own mean.
    assert np.allclose(scores(method.predict_with(train, "mean")), method.predict(train).scores, atol=1e-5)


def prefixes(method: Etrag, instance: Instance, shown: object) -> Tensor:
    seen: list[EncoderInput] = []
    encode = method.generator.encode
    method.generator.encode = lambda inputs: seen.append(inputs) or encode(inputs)  # type: ignore[method-assign]
    method.predict_with([instance], shown)  # type: ignore[arg-type]
    method.generator.encode = encode  # type: ignore[method-assign]
    assert seen[0].prefix is not None
    return seen[0].prefix[0]


def test_zeros_stand_in_the_neighbours_places(context: MakeContext, corpus: Corpus) -> None:
    method, query = etrag(context(models=TINY), corpus), corpus[2][0]
    none, some = prefixes(method, query, "none"), prefixes(method, query, [corpus[0][:3]])
    assert none.shape == some.shape == (3 + 9, method.generator.width)
    assert torch.equal(none[:3], some[:3])
    assert not none[3:].any()
    assert (some[3:] != 0).any(1).all()


def test_a_label_changes_its_own_place_alone(context: MakeContext, corpus: Corpus) -> None:
    method, near = etrag(context(models=TINY), corpus), list(corpus[0][:3])
    plain = prefixes(method, corpus[2][0], [near])
    other = prefixes(method, corpus[2][0], [[near[0], replace(near[1], relation="lives_in"), near[2]]])
    same = [bool(torch.allclose(a, b, atol=1e-5)) for a, b in zip(plain.split(3), other.split(3), strict=True)]
    assert same == [True, True, False, True]  # the query, and each neighbour
