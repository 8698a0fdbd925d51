"""Instances with several relations and mentions: as types, as text, as spans, in the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.base import Context
from methods.etrag.span_encoder import SpanEncoder
from methods.no_retrieval import NoRetrieval
from methods.parts.generation.offline import train_tokenizer
from methods.parts.text_prompt import PromptBuilder
from methods.parts.verbalize import MARKERS, entities_left, label_words, marked_words, neighbour_words, window
from methods.settings import Models
from methods.types import Instance, RelationSchema, Span
from tests.methods.conftest import make_instances

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
WORDS = ("ann", "left", "oslo", "for", "lima", ".", "ann", "likes", "oslo", ".", "eve", "stays")
ONE = Instance(
    "m",
    WORDS,
    Span(6, 7),
    Span(8, 9),
    "born_in",
    "PERSON",
    "CITY",
    ("lives_in",),
    (Span(0, 1), Span(10, 11)),
    (Span(2, 3),),
)


def test_every_relation_and_mention_the_primary_first() -> None:
    assert ONE.relations == ("born_in", "lives_in")
    assert ONE.heads == (Span(6, 7), Span(0, 1), Span(10, 11))
    assert ONE.tails == (Span(8, 9), Span(2, 3))
    plain = make_instances("t", 1)[0]
    assert (plain.relations, plain.heads, plain.tails) == ((plain.relation,), (plain.head,), (plain.tail,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head_mentions": (Span(11, 13),)}, r"instance m: head span \[11, 13\) reaches beyond its 12 tokens"),
        ({"tail_mentions": (Span(12, 13),)}, r"instance m: tail span \[12, 13\) reaches beyond"),
        ({"head_mentions": (Span(6, 7),)}, "instance m: a head mention is given twice"),
        ({"tail_mentions": (Span(2, 3), Span(2, 3))}, "instance m: a tail mention is given twice"),
        ({"more_relations": ("born_in",)}, "a relation is given twice among born_in, born_in"),
        ({"more_relations": ("x", "x")}, "a relation is given twice among born_in, x, x"),
    ],
)
def test_what_an_instance_refuses(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ONE, **changes)  # type: ignore[arg-type]


def test_mentions_of_both_entities_may_be_the_same() -> None:
    shared = replace(ONE, tail_mentions=(Span(2, 3), Span(6, 7)))
    assert Span(6, 7) in shared.heads
    assert Span(6, 7) in shared.tails


def test_all_mentions_in_the_window_are_marked() -> None:
    assert " ".join(marked_words(ONE)) == (
        "<e1> person ann </e1> left <e2> city oslo </e2> for lima . "
        "<e1> person ann </e1> likes <e2> city oslo </e2> . <e1> person eve </e1> stays"
    )
    assert " ".join(marked_words(ONE, 5)) == ". <e1> person ann </e1> likes <e2> city oslo </e2> ."
    wide = replace(ONE, head_mentions=(Span(4, 6),))  # half of it stands in the window: not marked
    assert window(wide, 5) == (5, 10)
    assert marked_words(wide, 5) == marked_words(ONE, 5)


mentions = st.lists(
    st.tuples(st.integers(0, 11), st.integers(1, 3)).map(lambda pair: Span(pair[0], min(12, sum(pair)))),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(heads=mentions, tails=mentions, room=st.integers(1, 14))
@settings(deadline=None)
def test_markers_are_balanced_however_mentions_overlap(heads: list[Span], tails: list[Span], room: int) -> None:
    one = Instance("m", WORDS, heads[0], tails[0], "r", "", "", (), tuple(heads[1:]), tuple(tails[1:]))
    lo, hi = window(one, room)
    words = marked_words(one, room)
    assert [w for w in words if w not in MARKERS] == list(WORDS[lo:hi])
    for opening, closing, spans in (("<e1>", "</e1>", heads), ("<e2>", "</e2>", tails)):
        inside = sum(lo <= s.start and s.end <= hi for s in spans)
        assert words.count(opening) == words.count(closing) == inside >= 1
        depth = 0
        for word in words:
            depth += (word == opening) - (word == closing)
            assert depth >= 0
    assert entities_left(words, MARKERS) == 2


def test_a_neighbour_states_all_its_relations(schema: RelationSchema) -> None:
    assert " ".join(neighbour_words(ONE, schema, 3)) == (
        "<nb> born in tail and resident of tail : ann , oslo : ann likes oslo"
    )
    assert label_words(replace(ONE, more_relations=()), schema) == ["born", "in", "tail"]


def test_entities_left_by_hand() -> None:
    words = ["<e1>", "a", "</e1>", "b", "<e2>", "c", "</e2>", "<e1>", "d", "</e1>"]
    assert [entities_left(words[:n], MARKERS) for n in range(len(words) + 1)] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert entities_left(["</e1>", "a", "<e1>"], MARKERS) == 0  # closed before it is opened
    assert entities_left([7, 8, 3], [7, 3, 5, 6]) == 1  # token ids


def tiny(room: int) -> Models:
    return Models(instance_encoder="tiny", max_input_tokens=room, dropout=0.0)


def builder(schema: RelationSchema, room: int) -> PromptBuilder:
    tokenizer = train_tokenizer([" ".join(WORDS), "person city : , and", *schema.verbalisations.values()])
    tokenizer.add_tokens(list(MARKERS), special_tokens=True)
    return PromptBuilder(tokenizer, schema, room)


def test_a_long_document_keeps_the_nearest_mentions(schema: RelationSchema) -> None:
    document = Instance(
        "long", WORDS * 20, Span(126, 127), Span(128, 129), "born_in", "", "", (),
        tuple(Span(12 * n, 12 * n + 1) for n in range(20)), tuple(Span(12 * n + 2, 12 * n + 3) for n in range(20)),
    )  # fmt: skip
    prompts = builder(schema, 48)
    ids = prompts.ids(document)
    assert len(ids) <= 48
    assert (prompts.shortened, prompts.lost_entities) == (1, 0)
    text = prompts.tokenizer.decode(ids)
    assert "<e1> ann </e1> likes <e2> oslo </e2>" in text
    assert text.count("<e1>") == text.count("</e1>") > 1  # more mentions than the nearest


def test_entities_too_far_apart_are_counted_as_lost(schema: RelationSchema) -> None:
    far = Instance("far", WORDS * 20, Span(0, 1), Span(200, 201), "born_in")
    prompts = builder(schema, 48)
    assert len(prompts.ids(far)) == 48
    assert (prompts.shortened, prompts.lost_entities) == (1, 1)
    prompts.ids(far)
    assert prompts.lost_entities == 1  # once per query


def test_words_that_the_tokenizer_drops_do_not_stop_the_shortening(schema: RelationSchema) -> None:
    tokens = (*WORDS[6:9], *["likes", *["\u00a0"] * 9] * 9)
    prompts = builder(schema, 14)
    ids = prompts.ids(Instance("blank", tokens, Span(0, 1), Span(2, 3), "born_in"))
    whole = prompts._tokenise([marked_words(Instance("blank", tokens, Span(0, 1), Span(2, 3), "born_in"))])[0]
    assert len(ids) <= 14 < len(whole)
    assert prompts.lost_entities == 0


def test_the_span_of_an_entity_is_all_its_mentions(schema: RelationSchema) -> None:
    encoder = SpanEncoder(tiny(64), schema, [" ".join(WORDS), "born resident and"])
    ids, (head, tail, label) = encoder._tokenise(ONE, labelled=True)
    words = encoder.tokenizer.convert_ids_to_tokens(ids)
    assert [words[p] for p in head] == ["ann", "ann", "eve"]
    assert [words[p] for p in tail] == ["oslo", "oslo"]
    assert [ids[p] for p in label] == encoder.tokenizer(
        "born in tail and resident of tail", add_special_tokens=False
    ).input_ids
    single = replace(ONE, head_mentions=(), tail_mentions=(), more_relations=())
    assert [len(span) for span in encoder._tokenise(single, labelled=False)[1]] == [1, 1, 1]
    narrow = SpanEncoder(tiny(8), schema, [" ".join(WORDS)])
    ids, (head, tail, _) = narrow._tokenise(ONE, labelled=False)
    assert [narrow.tokenizer.convert_ids_to_tokens(ids)[p] for p in (*head, *tail)] == ["ann", "eve", "oslo"]


def prepared(context: Context, train: list[Instance]) -> NoRetrieval:
    """Built, not trained, without dropout."""
    method = NoRetrieval(NoRetrieval.Options(), context)
    method.start(train)
    method.body.eval()
    return method


@pytest.mark.parametrize("memory", ["markers", "sentence"])
def test_the_loss_is_the_mean_over_the_gold_relations(
    context: Callable[..., Context], corpus: Corpus, memory: str
) -> None:
    models = Models(generator="tiny", max_input_tokens=96, memory=memory)
    method = prepared(context(models=models), corpus[0])
    first, second, third = corpus[0][0], corpus[0][1], corpus[0][3]
    several = replace(third, id="several", relation="born_in", more_relations=("lives_in", "works_for"))

    def loss(*batch: Instance) -> float:
        return float(method.loss(batch).detach())

    # `works_for` is excluded by the types of this instance; as label noise it must be finite all the same.
    alone = [loss(replace(several, relation=name, more_relations=())) for name in several.relations]
    assert loss(several) == pytest.approx(sum(alone) / 3, abs=1e-5)
    expected = (loss(first) + loss(second) + sum(alone) / 3) / 3
    assert loss(first, several, second) == pytest.approx(expected, abs=1e-5)
    assert method.mean_loss([first, several, second]) == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_several_relations_trains(context: Callable[..., Context], corpus: Corpus) -> None:
    train = [*corpus[0], replace(corpus[0][3], id="several", relation="born_in", more_relations=("lives_in",))]
    method = prepared(context(), train)
    method.body.train()
    method.loss(train[-3:]).backward()
    gradients = [p.grad for p in method.body.parameters() if p.requires_grad and p.grad is not None]
    assert sum(float(g.abs().sum()) for g in gradients) > 0
    assert all(torch.isfinite(g).all() for g in gradients)
