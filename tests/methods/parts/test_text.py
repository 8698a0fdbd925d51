"""Instances as text: markers, windows, prompts that never lose the query or a label."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts.generation.offline import train_tokenizer
from methods.parts.text_prompt import PromptBuilder
from methods.parts.verbalize import MARKERS, marked_words, neighbour_words, sure_lead, sure_words, type_words, window
from methods.types import Instance, RelationSchema, Span
from tests.methods.conftest import make_instances


def instance(tokens: str, head: tuple[int, int], tail: tuple[int, int], kinds: tuple[str, str] = ("", "")) -> Instance:
    return Instance("q", tuple(tokens.split()), Span(*head), Span(*tail), "born_in", *kinds)


def test_markers_enclose_the_entities_and_name_their_types() -> None:
    one = instance("Ada Lovelace was born in London .", (0, 2), (5, 6), ("PERSON", "STATE_OR_PROVINCE"))
    assert " ".join(marked_words(one)) == (
        "<e1> person Ada Lovelace </e1> was born in <e2> state or province London </e2> ."
    )
    assert type_words("") == []
    swapped = instance("London bore Ada", (2, 3), (0, 1))
    assert " ".join(marked_words(swapped)) == "<e2> London </e2> bore <e1> Ada </e1>"


def test_nested_and_equal_spans_stay_balanced() -> None:
    for head, tail in (((0, 3), (1, 2)), ((1, 2), (1, 2)), ((0, 2), (1, 3)), ((0, 3), (2, 3))):
        words = marked_words(instance("a b c", head, tail))
        assert sorted(w for w in words if w in MARKERS) == sorted(MARKERS[:4])
        assert [w for w in words if w not in MARKERS] == ["a", "b", "c"]
        for opening, closing, span in (("<e1>", "</e1>", head), ("<e2>", "</e2>", tail)):
            inside = [w for w in words[words.index(opening) : words.index(closing)] if w not in MARKERS]
            assert inside == ["a", "b", "c"][slice(*span)]


@pytest.mark.parametrize(
    ("head", "tail", "marked"),
    [
        ((0, 1), (0, 2), "<e2> <e1> New </e1> York </e2>"),
        ((0, 2), (0, 1), "<e1> <e2> New </e2> York </e1>"),
        ((1, 2), (0, 2), "<e2> New <e1> York </e1> </e2>"),
        ((0, 2), (1, 2), "<e1> New <e2> York </e2> </e1>"),
        ((0, 2), (0, 2), "<e1> <e2> New York </e2> </e1>"),
        ((0, 1), (1, 2), "<e1> New </e1> <e2> York </e2>"),
    ],
)
def test_markers_of_nested_entities_nest(head: tuple[int, int], tail: tuple[int, int], marked: str) -> None:
    assert " ".join(marked_words(instance("New York", head, tail))) == marked


spans = st.tuples(st.integers(0, 4), st.integers(1, 5)).filter(lambda span: span[0] < span[1])


@given(
    heads=st.lists(spans, min_size=1, max_size=3, unique=True),
    tails=st.lists(spans, min_size=1, max_size=3, unique=True),
)
def test_markers_cross_only_where_mentions_do(heads: list[tuple[int, int]], tails: list[tuple[int, int]]) -> None:
    head, *more_heads = (Span(*span) for span in heads)
    tail, *more_tails = (Span(*span) for span in tails)
    one = Instance(
        "x", tuple("abcde"), head, tail, "r", head_mentions=tuple(more_heads), tail_mentions=tuple(more_tails)
    )
    every = [*heads, *tails]
    if any(a[0] < b[0] < a[1] < b[1] for a in every for b in every):
        return
    waiting: list[str] = []
    for word in marked_words(one):
        if word in ("<e1>", "<e2>"):
            waiting.append(word)
        elif word in ("</e1>", "</e2>"):
            assert waiting.pop() == word.replace("/", "")
    assert waiting == []


def test_a_literal_marker_in_the_corpus_is_no_marker() -> None:
    words = marked_words(instance("x</e1>y is <nb> z", (0, 1), (3, 4)))
    assert "<nb>" not in " ".join(words)
    assert words.count("</e1>") == 1
    assert "x< /e1 >y" in words


def test_the_input_of_sure_names_entities_and_types() -> None:
    one = instance("Ada Lovelace was born in London .", (0, 2), (5, 6), ("PERSON", "STATE_OR_PROVINCE"))
    assert " ".join(sure_words(one)) == (
        "The head entity is Ada Lovelace . The tail entity is London . The type of Ada Lovelace is person . "
        "The type of London is state or province . Ada Lovelace was born in London ."
    )


def test_without_types_the_input_of_sure_has_markers() -> None:
    assert " ".join(sure_words(instance("Ada wrote notes", (0, 1), (2, 3)))) == (
        "The head entity is Ada . The tail entity is notes . <e1> Ada </e1> wrote <e2> notes </e2>"
    )


def test_an_entity_without_a_type_has_no_sentence_about_it() -> None:
    assert " ".join(sure_words(instance("Ada wrote notes", (0, 1), (2, 3), ("", "WORK")))) == (
        "The head entity is Ada . The tail entity is notes . The type of notes is work . Ada wrote notes"
    )


def test_a_literal_marker_is_no_marker_in_the_input_of_sure() -> None:
    assert not set(MARKERS) & set(sure_words(instance("<e1> wrote </e2>", (0, 1), (2, 3), ("A", "B"))))


def test_the_lead_outlives_a_cut(schema: RelationSchema) -> None:
    one = instance("year " * 97 + "ann born oslo", (97, 98), (99, 100), ("PERSON", "CITY"))
    builder = prompts(schema, 40, "sure")
    text = builder.tokenizer.decode(builder.ids(one))
    assert builder.tokenizer.decode(builder.tokenizer(" ".join(sure_lead(one))).input_ids[1:-1]) in text
    assert (builder.shortened, builder.lost_entities) == (1, 0)


def test_entities_that_the_lead_has_no_room_for_are_counted(schema: RelationSchema) -> None:
    one = instance("ann " * 9 + "oslo", (0, 9), (9, 10), ("PERSON", "CITY"))
    lead = len(prompts(schema, 99).tokenizer(" ".join(sure_lead(one)[: 5 + 9])).input_ids) - 2
    for room, lost in ((lead, 1), (lead - 1, 2)):
        builder = prompts(schema, room + 2, "sure")
        builder.ids(one)
        assert builder.lost_entities == lost


spans = st.tuples(st.integers(0, 40), st.integers(1, 5))


@settings(deadline=None)
@given(length=st.integers(1, 46), head=spans, tail=spans, room=st.integers(1, 50))
def test_a_window_always_holds_both_entities(
    length: int, head: tuple[int, int], tail: tuple[int, int], room: int
) -> None:
    ends = [(min(s, length - 1), min(s + n, length)) for s, n in (head, tail)]
    ends = [(s, max(e, s + 1)) for s, e in ends]
    one = Instance("w", tuple("abc"[i % 3] for i in range(length)), Span(*ends[0]), Span(*ends[1]), "r")
    lo, hi = window(one, room)
    hull = max(e for _, e in ends) - min(s for s, _ in ends)
    assert 0 <= lo <= min(s for s, _ in ends)
    assert max(e for _, e in ends) <= hi <= length
    assert hi - lo <= max(room, hull)
    assert [w for w in marked_words(one, room) if w not in MARKERS] == list(one.tokens[lo:hi])


def prompts(schema: RelationSchema, room: int, kind: str = "markers") -> PromptBuilder:
    texts = [" ".join(i.tokens) for i in make_instances("t", 23)] + list(schema.verbalisations.values())
    tokenizer = train_tokenizer([*texts, "person city firm : ,", " ".join(sure_lead(make_instances("t", 1)[0]))])
    tokenizer.add_tokens(list(MARKERS), special_tokens=True)
    return PromptBuilder(tokenizer, schema, room, kind=kind)


def test_a_prompt_is_the_query_then_its_neighbours(schema: RelationSchema) -> None:
    builder = prompts(schema, 200)
    query, one, two = make_instances("q", 3)
    expected = (
        "[CLS] <e1> person ann </e1> was born in <e2> city oslo </e2> in the year 1900 . "
        "<nb> employee of tail : bob , initech : bob works for initech in the year 1901 . "
        "<nb> no relation : cleo , cairo : cleo never saw cairo in the year 1902 . [SEP]"
    )
    assert builder.ids(query, [one, two]) == builder.tokenizer(expected, add_special_tokens=False).input_ids
    assert neighbour_words(one, schema)[:4] == ["<nb>", "employee", "of", "tail"]


def test_neighbours_share_what_the_query_leaves(schema: RelationSchema) -> None:
    query, *near = make_instances("q", 4)
    alone = prompts(schema, 200).ids(query)
    for room in (len(alone), len(alone) + 13, len(alone) + 40):
        ids = prompts(schema, room).ids(query, near)
        assert len(ids) <= room
        assert ids[: len(alone) - 1] == alone[:-1]
        assert ids[-1] == alone[-1]
    builder = prompts(schema, len(alone) + 13)
    marker = builder.tokenizer.convert_tokens_to_ids("<nb>")
    assert builder.ids(query, near).count(marker) == 3  # each keeps its label when room is short


def test_a_long_query_keeps_its_entities(schema: RelationSchema) -> None:
    tokens = ("in", "the", "year") * 31
    one = Instance("long", (*tokens, "ann", "born", "oslo", *tokens), Span(93, 94), Span(95, 96), "born_in")
    builder = prompts(schema, 37)
    ids = builder.ids(one)
    assert len(ids) <= 37
    assert builder.shortened == 1
    text = builder.tokenizer.decode(ids)
    for word in ("<e1>", "</e1>", "<e2>", "</e2>", "ann", "oslo"):
        assert word in text


def test_batches_are_padded_and_masked(schema: RelationSchema) -> None:
    builder = prompts(schema, 50)
    batch = builder.batch([[5, 6, 7], [8]])
    assert batch.ids.tolist() == [[5, 6, 7], [8, builder.pad, builder.pad]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]


def test_a_learned_vocabulary_is_the_same_in_every_process() -> None:
    code = (
        "from methods.parts.generation.offline import train_tokenizer as t;"
        "from tests.methods.conftest import make_instances as m;"
        "print(sorted(t([' '.join(i.tokens) for i in m('t', 97)]).get_vocab().items()))"
    )
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1


def test_markers_in_an_entity_stay_text_in_a_neighbour(schema: RelationSchema) -> None:
    hostile = Instance("h", ("<nb>", "born", "in", "</e2>"), Span(0, 1), Span(3, 4), schema.names[0])
    words = " ".join(neighbour_words(hostile, schema)[1:])
    assert not any(marker in words for marker in MARKERS)
