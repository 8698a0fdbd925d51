"""Retrievers (real BM25, real MiniLM) and the span encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from methods.base import MethodError
from methods.etrag.span_encoder import SpanEncoder
from methods.parts.model_files import MINILM, MINILM_SHA256, identify, resolve
from methods.parts.retrieval.bm25 import BM25Retriever, CompiledBM25, largest
from methods.parts.retrieval.dense import DenseRetriever, sentence_encoder
from methods.parts.retrieval.random import RandomRetriever
from methods.parts.retrieval.retriever import Retriever
from methods.parts.verbalize import sure_words
from methods.settings import Models
from methods.types import Instance, Neighbours, RelationSchema, Span
from tests.methods.conftest import make_instances


def sentences(*texts: str) -> list[Instance]:
    return [Instance(f"s{i}", tuple(t.split()), Span(0, 1), Span(1, 2), "none") for i, t in enumerate(texts)]


def test_bm25_is_rank_bm25_with_ties_by_database_order() -> None:
    database = sentences("a cat sat", "the dog ran", "the dog ran", "birds sing loudly today", "a Dog barked")
    retriever = BM25Retriever()
    retriever.index(database)
    query = sentences("DOG ran fast")[0]
    scores = BM25Okapi([[t.lower() for t in i.tokens] for i in database]).get_scores(["dog", "ran", "fast"])
    found = retriever.search([query], 3)[0]
    assert found.ids[:2] == ("s1", "s2")  # equal scores
    assert found.weights == tuple(sorted(scores.tolist(), reverse=True)[:3])
    without = retriever.search([dataclasses.replace(query, id="s1")], 3)[0]
    assert "s1" not in without.ids
    assert without.ids[0] == "s2"
    assert len(without.ids) == 3


words = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "the", "of"]), max_size=11)


@settings(max_examples=80, deadline=None)
@given(documents=st.lists(words, min_size=1, max_size=23), query=words)
def test_compiled_bm25_is_bit_identical(documents: list[list[str]], query: list[str]) -> None:
    """Repeated query words, absent words, empty documents, the floor for negative idf."""
    if not any(documents):
        documents.append(["a"])
    expected = BM25Okapi(documents).get_scores(query)
    found = CompiledBM25(documents).scores(query)
    assert np.array_equal(found, expected)
    order = np.argsort(-expected, kind="stable")
    for k in (1, 3, len(documents)):
        assert largest(found, k) == order[:k].tolist()


def test_dense_retrieval_equals_a_matrix_product_and_knows_meaning() -> None:
    database = sentences(
        "the physician treated a patient",
        "stocks fell on monday",
        "a doctor cured the sick",
        "the bank raised rates",
        "rain is expected tonight",
    )
    encode = sentence_encoder(MINILM, "cpu")
    retriever = DenseRetriever(encode)
    retriever.index(database)
    query = dataclasses.replace(sentences("medical staff healed people")[0], id="q")
    found = retriever.search([query], 5)[0]
    assert set(found.ids[:2]) == {"s0", "s2"}
    vectors, asked = encode(database).numpy(), encode([query]).numpy()
    similarity = vectors @ asked[0]
    assert [database[i].id for i in np.argsort(-similarity)] == list(found.ids)
    assert np.allclose(sorted(similarity, reverse=True), found.weights, atol=1e-5)
    assert retriever.search([database[0]], 2)[0].ids[0] == "s2"
    assert retriever.search([], 2) == []


def test_minilm_comes_from_the_package_and_is_the_hubs_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = resolve("minilm")
    assert found.source in {"package", "hub"}
    if found.source == "package":
        assert identify("minilm")["hash"] == f"sha256:{MINILM_SHA256}"
    assert identify("tiny")["source"] == "built-in"
    assert identify(MINILM)["hash"] == identify("minilm")["hash"]
    assert identify(str(found.path))["source"] == "directory"
    with pytest.raises(MethodError, match="neither a directory nor in the hub cache"):
        identify("not a name/at all/really")


@pytest.mark.parametrize("name", ["minilm", "tiny", "roberta"])
def test_span_vectors_are_means_of_hidden_states(name: str, schema: RelationSchema, seq2seq: dict[str, Path]) -> None:
    torch.manual_seed(0)
    texts = [" ".join(i.tokens) for i in make_instances("t", 23)]
    models = Models(instance_encoder=str(seq2seq.get(name, name)), max_input_tokens=64)
    encoder = SpanEncoder(models, schema, texts).eval()
    one, other = make_instances("q", 2)
    spans = encoder([one, other], labelled=True)
    assert spans.shape == (2, 3, encoder.width)
    coded = encoder.tokenizer(list(one.tokens), ["born", "in", "tail"], is_split_into_words=True, return_tensors="pt")
    hidden = encoder.model(input_ids=coded.input_ids, attention_mask=coded.attention_mask).last_hidden_state[0]
    words, parts = coded.word_ids(), coded.sequence_ids()

    def mean(part: int, start: int, end: int) -> torch.Tensor:
        kept = [i for i, (p, w) in enumerate(zip(parts, words, strict=True)) if p == part and start <= w < end]
        return hidden[kept].mean(0)

    expected = [mean(0, 0, 1), mean(0, 4, 5), mean(1, 0, 3)]
    for found, wanted in zip(spans[0], expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-4)
    # A query never carries its label; its label span is the closing separator.
    unlabelled = Instance("q2", one.tokens, one.head, one.tail, "works_for")
    assert torch.equal(encoder([one], labelled=False), encoder([unlabelled], labelled=False))
    bare = encoder.tokenizer(list(one.tokens), is_split_into_words=True, return_tensors="pt")
    last = encoder.model(input_ids=bare.input_ids, attention_mask=bare.attention_mask).last_hidden_state[0, -1]
    assert torch.allclose(encoder([one], labelled=False)[0, 2], last, atol=1e-4)


@pytest.mark.parametrize("name", ["tiny", "roberta"])
def test_a_filled_template_is_the_label_span(name: str, seq2seq: dict[str, Path]) -> None:
    text = "{head} was born in {tail}"
    schema = RelationSchema(("born_in",), {"born_in": text}, template=True)
    one = Instance("i", ("ann", "left", "oslo"), Span(0, 1), Span(2, 3), "born_in")
    models = Models(instance_encoder=str(seq2seq.get(name, name)), max_input_tokens=64)
    encoder = SpanEncoder(models, schema, ["ann left oslo was born in"])
    ids, (_, _, label) = encoder._row(one, True)
    assert encoder.tokenizer.decode([ids[p] for p in label]) == "ann was born in oslo"
    assert [ids[label[0] - 1], ids[-1]] == [encoder.tokenizer.sep_token_id] * 2  # one separator, one end


def test_spans_lie_in_the_sentence_not_in_the_lead(schema: RelationSchema) -> None:
    one = Instance("i", ("ann", "left", "oslo"), Span(0, 1), Span(2, 3), "born_in", "PERSON", "CITY")
    models = Models(instance_encoder="tiny", input="sure", max_input_tokens=64, memory="sentence")
    encoder = SpanEncoder(models, schema, [" ".join(sure_words(one))])
    ids, (head, tail, _) = encoder._row(one, False)
    text = encoder.tokenizer(" ".join(sure_words(one))).input_ids
    assert ids == text
    spots = [p for p, t in enumerate(text) if t == encoder.tokenizer.convert_tokens_to_ids("ann")]
    assert head == spots[-1:]
    assert tail == [len(text) - 2]


def test_a_long_sentence_keeps_its_entities(schema: RelationSchema) -> None:
    tokens = ("year",) * 200 + ("ann", "born", "oslo") + ("year",) * 200
    one = Instance("long", tokens, Span(200, 201), Span(202, 203), "born_in")
    models = Models(instance_encoder="tiny", max_input_tokens=32, dropout=0.0)
    encoder = SpanEncoder(models, schema, ["ann born oslo year tail in"])
    ids, (head, tail, _) = encoder._row(one, True)
    assert len(ids) <= 32
    assert encoder.tokenizer.decode([ids[i] for i in head]) == "ann"
    assert encoder.tokenizer.decode([ids[i] for i in tail]) == "oslo"


def noise_vectors(instances: Sequence[Instance]) -> torch.Tensor:
    """Unit vectors that depend on nothing but how many there are."""
    vectors = torch.randn(len(instances), 17, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(vectors, dim=1)


@pytest.mark.parametrize("retriever", [BM25Retriever(), DenseRetriever(noise_vectors), RandomRetriever(3)])
def test_no_retriever_returns_what_a_query_bars(retriever: Retriever) -> None:
    """Its own id, in whatever document, and every instance of its document."""
    database = [dataclasses.replace(i, document=d) for i, d in zip(sentences(*["a b c"] * 5), "xxyyz", strict=True)]
    retriever.index(database)
    queries = [database[0], database[4], dataclasses.replace(database[2], document="x")]
    found = [sorted(near.ids) for near in retriever.search(queries, 5)]
    assert found == [["s2", "s3", "s4"], ["s0", "s1", "s2", "s3"], ["s3", "s4"]]


def test_equal_similarities_keep_the_database_order_around_what_is_barred() -> None:
    database = [dataclasses.replace(i, document=d) for i, d in zip(sentences(*["a b c"] * 5), "xxyyz", strict=True)]
    for retriever in (BM25Retriever(), DenseRetriever(sentence_encoder(MINILM, "cpu"))):
        retriever.index(database)
        found = retriever.search([database[0], database[4]], 3)
        assert [near.ids for near in found] == [("s2", "s3", "s4"), ("s0", "s1", "s2")]


def test_a_database_may_be_encoded_otherwise_than_queries() -> None:
    database = sentences(*["a b c"] * 5)
    retriever = DenseRetriever(lambda queries: torch.eye(5)[3].repeat(len(queries), 1), lambda _: torch.eye(5))
    retriever.index(database)
    assert retriever.search([dataclasses.replace(database[0], id="q")], 1)[0] == Neighbours(("s3",), (1.0,))


def test_an_approximate_search_tells_its_recall() -> None:
    database = [dataclasses.replace(i, id=f"d{n}") for n, i in enumerate(sentences("a b c") * 211)]
    for limit, approximate in ((500, False), (100, True)):
        retriever = DenseRetriever(noise_vectors, exact_below=limit)
        retriever.index(database)
        retriever.search(database[:3], 2)
        assert (retriever.recall is not None) == approximate
        assert not approximate or retriever.recall >= 0.97


def test_random_neighbours_are_uniform_and_each_query_s_own() -> None:
    database, queries = make_instances("d", 7), make_instances("q", 701)
    retriever = RandomRetriever(5)
    retriever.index(database)
    found = retriever.search(queries, 3)
    assert retriever.search(queries[600:], 3) == found[600:]
    assert all(len(set(near.ids)) == 3 for near in found)
    counts = np.array([sum(i.id in near.ids for near in found) for i in database])
    assert np.abs(counts / 701 - 3 / 7).max() < 0.08  # four standard deviations
    other = RandomRetriever(6)
    other.index(database)
    assert other.search(queries, 3) != found
    without = retriever.search(database, 6)
    assert [set(near.ids) for near in without] == [{i.id for i in database} - {own.id} for own in database]
