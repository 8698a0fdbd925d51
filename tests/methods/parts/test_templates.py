"""Templates filled with an instance's entities: what is written, and scores against one instance and one prefix at a
time on plain Hugging Face models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSeq2SeqLM

from methods.base import MethodError
from methods.parts.generation import label_scoring
from methods.parts.generation.generator import EncoderInput, Generator, Memory, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.targets import Targets
from methods.parts.verbalize import MARKERS, label_words, neighbour_words
from methods.settings import Models, Scoring
from methods.types import Instance, RelationSchema, Span

TEXTS = {
    "none": "{head} has no known relation to {tail}",
    "founded_by": "{head} was founded by {tail}",
    "founded": "{head} was founded in {tail}",
    "title": "{head} is a {tail}",
    "alias": "{head} is {tail}",
    "name_of": "{tail} is {head}",  # the same as `alias` where head and tail are the same words
    "member": "{tail} has the member {head}",
    "unnamed": "something else",
}
SCHEMA = RelationSchema(tuple(TEXTS), TEXTS, "none", template=True)
FAMILIES = ["t5", "gated_t5", "bart", "pegasus"]


def pair(head: str, tail: str, relation: str = "none") -> Instance:
    """`head ; tail`, as instances have them: words without blanks."""
    one, two = head.split(), tail.split()
    tokens = (*one, ";", *two)
    return Instance(f"{head} {tail}", tokens, Span(0, len(one)), Span(len(one) + 1, len(tokens)), relation)


def targets(limit: int = 64) -> Targets:
    """With a tokenizer whose tokens are characters."""
    return Targets(lambda texts: [(*map(ord, text), 0) for text in texts], SCHEMA, limit, "letters")


def written(found: Targets, instance: Instance) -> list[str]:
    return ["".join(map(chr, ids[:-1])) for ids in found(instance)]


def test_a_template_takes_the_entities_of_the_instance() -> None:
    assert written(targets(), pair("Acme Corp", "Ann"))[1] == "Acme Corp was founded by Ann"


def test_braces_in_an_entity_are_text() -> None:
    assert written(targets(), pair("{tail} {x}", "Ann {head}"))[3] == "{tail} {x} is a Ann {head}"


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_in_an_entity_is_text(marker: str) -> None:
    assert not any(marker in text for text in written(targets(), pair(f"a{marker}b", marker)))


def test_an_entity_longer_than_the_limit_is_cut_and_counted() -> None:
    found = targets(limit=45)
    texts = written(found, pair("Bo", "x" * 97))
    assert max(map(len, texts)) <= 44
    assert texts[1].startswith("Bo was founded by xxxx")
    written(found, pair("Bo", "x" * 97))
    written(found, pair("Bo", "Ann"))
    assert found.shortened() == 1
    assert found.shortened() == 0  # since it was last asked


def test_a_target_is_cut_itself_where_one_character_is_too_much() -> None:
    def tokenise(texts: Sequence[str]) -> list[tuple[int, ...]]:  # a character may be several tokens
        return [(*(ord(c) for c in text for _ in range(9 if c == "漢" else 1)), 0) for text in texts]

    found = Targets(tokenise, SCHEMA, 40, "bytes")
    ids = found(pair("漢", "漢"))
    assert max(map(len, ids)) == 40
    assert all(row[-1] == 0 for row in ids)
    assert found.shortened() == 1


def test_every_relation_is_cut_alike() -> None:
    texts = written(targets(limit=45), pair("y" * 31, "x" * 97))
    assert len({text.count("x") for text in texts[:7]}) == 1


def test_a_template_too_long_for_any_entity_is_refused_by_name() -> None:
    with pytest.raises(MethodError, match=r"'none' has \d+ tokens, more than models\.max_target_tokens = 20"):
        targets(limit=20)


def test_templates_that_the_tokenizer_cannot_tell_apart_are_refused_with_both_texts() -> None:
    schema = RelationSchema(("founded_by", "founded"), TEXTS, template=True)
    both = r"'\{head\} was founded by \{tail\}' of 'founded_by' and '\{head\} was founded in \{tail\}' of 'founded'"
    with pytest.raises(MethodError, match=f"{both} are the same tokens to blind; .*dataset.verbalisations=FILE"):
        Targets(lambda texts: [(len(text.split()), 0) for text in texts], schema, 64, "blind")


def test_a_schema_of_templates_needs_a_place() -> None:
    with pytest.raises(ValueError, match=r"no verbalisation has a place for an entity, \{head\} or \{tail\}"):
        RelationSchema(("a",), {"a": "text"}, template=True)


def test_a_neighbour_as_text_carries_its_filled_sentence() -> None:
    words = " ".join(neighbour_words(pair("Acme", "Ann", "founded_by"), SCHEMA))
    assert words == "<nb> Acme was founded by Ann : Acme ; Ann"


def test_several_relations_are_filled_one_by_one() -> None:
    one = Instance("i", ("Acme", "Ann"), Span(0, 1), Span(1, 2), "founded_by", more_relations=("member",))
    assert " ".join(label_words(one, SCHEMA)) == "Acme was founded by Ann and Ann has the member Acme"


# Letters of several scripts, one of two code points, a combining accent, signs that tokenizers split off.
WORDS = st.lists(
    st.text(st.sampled_from("abcXYZ09éß漢字ñ{}<>/.-\u0301😀"), min_size=1, max_size=5), min_size=1, max_size=3
).map(" ".join)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    """Two entities: unlike, equal, of one character, or one the beginning of the other."""
    head = draw(WORDS)
    tail = draw(st.one_of(WORDS, st.just(head), st.just(f"{head} more"), st.just(f"{head}x"), st.sampled_from("a漢")))
    return (head, tail) if draw(st.booleans()) else (tail, head)


@cache
def models(folder: Path) -> tuple[Generator, Any]:
    generator = build_generator(Models(generator=str(folder), dropout=0.0), [], [], open_vocabulary=True).eval()
    return generator, AutoModelForSeq2SeqLM.from_pretrained(folder).eval()


def encoded(generator: Generator, texts: list[str]) -> Memory:
    coded = generator.tokenizer(texts, padding=True, return_tensors="pt")
    return generator.encode(EncoderInput(coded.input_ids, coded.attention_mask.bool()))


def one_prefix_at_a_time(generator: Generator, plain: Any, memory: Memory, labels: dict[int, tuple[int, ...]]) -> dict:
    """Score of every label of ONE encoded instance by the plain model, and of labels with equal tokens their share."""
    scores = {}
    for relation, label in labels.items():
        total = 0.0
        for depth, token in enumerate(label):
            prefix = label[:depth]
            allowed = sorted({o[depth] for o in labels.values() if len(o) > depth and o[:depth] == prefix})
            logits = plain(
                encoder_outputs=(memory.states,),
                attention_mask=memory.mask.long(),
                decoder_input_ids=torch.tensor([[generator.start, *prefix]]),
            ).logits[0, -1]
            total += float(logits[token] - logits[allowed].logsumexp(0))
        scores[relation] = total - np.log(sum(other == label for other in labels.values()))
    return scores


@settings(max_examples=9, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entities=st.lists(pairs(), min_size=3, max_size=3), data=st.data())
@pytest.mark.parametrize("family", FAMILIES)
def test_batched_scores_equal_one_prefix_at_a_time(
    family: str, seq2seq: dict[str, Path], entities: list[tuple[str, str]], data: st.DataObject
) -> None:
    generator, plain = models(seq2seq[family])
    instances = [pair(*two) for two in entities]
    found = Targets(generator.tokenise, SCHEMA, 64, family)
    every = st.lists(st.booleans(), min_size=len(TEXTS), max_size=len(TEXTS))
    admitted = np.array([data.draw(every) for _ in instances])
    admitted[:, 0] = True
    with torch.inference_mode():
        memory = encoded(generator, [" ".join(i.tokens) for i in instances])
        scores = LabelScorer(generator, found, Scoring()).scores(memory, instances, admitted)
        for row, one in enumerate(instances):
            labels = {int(r): found(one)[r] for r in np.flatnonzero(admitted[row])}
            alone = one_prefix_at_a_time(generator, plain, memory.rows(torch.tensor([row])), labels)
            assert [float(scores[row, r]) for r in labels] == pytest.approx([alone[r] for r in labels], abs=1e-5)
    assert torch.allclose(scores.exp().sum(1), torch.ones(len(instances)), atol=1e-5)


@settings(max_examples=9, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(two=pairs(), relation=st.integers(0, len(TEXTS) - 1))
@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_the_cross_entropy_of_the_plain_model(
    family: str, seq2seq: dict[str, Path], two: tuple[str, str], relation: int
) -> None:
    generator, plain = models(seq2seq[family])
    one, found = pair(*two), Targets(generator.tokenise, SCHEMA, 64, family)
    labels = found(one)
    assume(labels.count(labels[relation]) == 1)
    scorer = LabelScorer(generator, found, Scoring(train="likelihood", train_per_token=True))
    with torch.inference_mode():
        memory = encoded(generator, [" ".join(one.tokens)])
        score = scorer.gold(memory, [one], [[relation]], np.ones((1, len(TEXTS)), dtype=bool))
        loss = plain(
            encoder_outputs=(memory.states,),
            attention_mask=memory.mask.long(),
            labels=torch.tensor([labels[relation]]),
        ).loss
    assert float(-score) == pytest.approx(float(loss), abs=1e-5)


def test_head_and_tail_of_the_same_words_share_what_they_cannot_tell_apart(seq2seq: dict[str, Path]) -> None:
    generator, _ = models(seq2seq["t5"])
    one = pair("acme", "acme")
    scorer = LabelScorer(generator, Targets(generator.tokenise, SCHEMA, 64, "t5"), Scoring())
    with torch.inference_mode():
        scores = scorer.scores(encoded(generator, ["acme"]), [one], np.ones((1, len(TEXTS)), dtype=bool))[0]
    names = list(TEXTS)
    assert float(scores[names.index("alias")]) == float(scores[names.index("name_of")])
    assert float(scores.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_memory_is_bounded_by_a_chunk(seq2seq: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    generator, _ = models(seq2seq["t5"])
    instances = [pair(f"head {n}", f"tail {n}") for n in range(7)]
    rows: list[int] = []
    decode = generator.decode
    monkeypatch.setattr(generator, "decode", lambda memory, ids: rows.append(len(ids)) or decode(memory, ids))
    with torch.inference_mode():
        memory = encoded(generator, [" ".join(i.tokens) for i in instances])
        monkeypatch.setattr(label_scoring, "CHUNK", 5 * memory.states[0].numel())
        LabelScorer(generator, Targets(generator.tokenise, SCHEMA, 64, "t5"), Scoring()).scores(
            memory, instances, np.ones((7, len(TEXTS)), dtype=bool)
        )
    assert max(rows) == 5
    assert len(rows) > 1
