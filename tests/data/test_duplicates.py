"""The search for repeated instances, against answers worked out by hand and against brute force."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bench.data import duplicates
from bench.data.duplicates import THRESHOLD, Repeat, key, leaks, repeats, shingles, similar, token_words
from methods.types import Instance, Span

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make(name: str, sentence: str, head: str, tail: str, relation: str = "r") -> Instance:
    """``head`` and ``tail`` are tokens of the sentence, the n-th of several as `token#n`."""
    tokens = tuple(sentence.split())

    def span(text: str) -> Span:
        word, _, number = text.partition("#")
        places = [place for place, token in enumerate(tokens) if token == word]
        place = places[int(number or 1) - 1]
        return Span(place, place + 1)

    return Instance(name, tokens, span(head), span(tail), relation)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Straße", ("strasse",)),
        ("Ｎａｔｏ", ("nato",)),  # full width
        ("Mid-1990s", ("mid", "1990", "s")),
        ("snake_case", ("snake", "case")),
        ("e\u0301tude", ("étude",)),
        ("x²", ("x", "2")),
        ("...", ()),
        ("_", ()),
        ("", ()),
        ("学生", ("学生",)),
    ],
)
def test_words_of_a_token(token, words):
    assert token_words(token) == words


def test_key_of_an_instance():
    own = key(Instance("a", ("In", "1990", ",", "IL-2", "met", "“Öz”", "."), Span(3, 4), Span(5, 6), "r"))
    assert own.words == ("in", "0", "il", "0", "met", "öz")
    assert own.pair == (("il", "2"), ("öz",))
    assert own.place == (2, 4, 5, 6)


def test_a_sentence_of_signs_keeps_its_signs():
    assert key(make("a", "☃ ? ☃", "☃", "?")).words == ("☃", "?", "☃")
    empty = key(Instance("a", ("", ""), Span(0, 1), Span(1, 2), "r"))
    assert (empty.words, empty.place) == (("", ""), (0, 1, 1, 2))


def test_shingles():
    assert shingles(tuple("abcd")) == {("a", "b", "c"), ("b", "c", "d")}
    assert shingles(tuple("abcabc")) == {("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")}
    assert shingles(("a", "b")) == {("a", "b")}
    assert shingles(()) == {()}


BASE = "Ann met Bob in the old town of Rome"  # 9 words, 7 shingles


@pytest.mark.parametrize(
    ("sentence", "head", "tail", "expected"),
    [
        (BASE, "Ann", "Bob", (True, True, 1.0)),
        ("ANN  met Bob , in the old town of Rome .", "ANN", "Bob", (True, True, 1.0)),
        ("“Ann” met Bob in the old-town of Rome!", "“Ann”", "Bob", (True, True, 1.0)),
        (BASE, "Ann", "Rome", (False, True, 1.0)),
        (BASE, "Bob", "Ann", (False, True, 1.0)),  # the direction is part of the pair
        ("Ann met Bob in the old town of Paris", "Ann", "Bob", (True, False, 6 / 8)),
        ("Ann met Bob in the old town of Paris", "Ann", "Paris", (False, False, 6 / 8)),
        ("Yesterday , Ann met Bob in the old town of Rome", "Ann", "Bob", (True, False, 7 / 8)),
        ("Ann met Bob in the new town of Rome", "Ann", "Bob", None),  # 4 of 10, below 0.6
        ("Sue saw Tom at a fair", "Sue", "Tom", None),
    ],
)
def test_known_repetitions(sentence, head, tail, expected):
    found = repeats([make("q", sentence, head, tail)], [make("d", BASE, "Ann", "Bob")])
    assert found == (() if expected is None else (Repeat("q", "d", *expected),))
    assert leaks(found) == ({"q"} if expected and expected[0] else set())


def test_in_one_sentence_the_same_words_in_another_place_are_another_entity():
    sentence = "The letter went from group to group of believers"
    database = [make("d", sentence, "letter", "group#1")]
    assert [r.same_pair for r in repeats([make("q", sentence, "letter", "group#2")], database)] == [False]
    longer = "Then " + sentence  # no longer the same sentence: the texts decide
    assert [r.same_pair for r in repeats([make("q", longer, "letter", "group#2")], database)] == [True]


def test_numbers_matter_in_entities_only():
    database = [make("d", "In 1990 IL-2 bound to receptor R1 on cells", "IL-2", "R1")]
    (found,) = repeats([make("q", "In 2001 IL-2 bound to receptor R1 on cells", "IL-2", "R1")], database)
    assert (found.same_pair, found.exact) == (True, True)
    (found,) = repeats([make("q", "In 1990 IL-6 bound to receptor R1 on cells", "IL-6", "R1")], database)
    assert (found.same_pair, found.exact) == (False, True)


def test_the_strongest_repetition_is_told():
    near_leak = make("near", "Ann met Bob in the old town of Paris", "Ann", "Bob")
    context = make("context", BASE, "Ann", "Rome")
    leak, second = make("leak", BASE, "Ann", "Bob"), make("second", BASE, "Ann", "Bob")
    query = [make("q", BASE, "Ann", "Bob")]
    assert repeats(query, [context, near_leak])[0].of == "near"
    assert repeats(query, [context, near_leak, leak, second])[0].of == "leak"
    assert repeats(query, [second, leak])[0].of == "second"
    assert repeats(query, []) == repeats([], query) == ()


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.0001, float("nan")])
def test_a_threshold_that_is_none(threshold):
    with pytest.raises(ValueError, match=r"lies in \(0, 1\]"):
        list(similar([("a",)], [("a",)], threshold))


def brute_force(first, second, threshold):
    for i, j in itertools.product(range(len(first)), range(len(second))):
        a, b = shingles(first[i]), shingles(second[j])
        similarity = len(a & b) / len(a | b)
        if similarity >= threshold:
            yield i, j, similarity


texts = st.lists(st.lists(st.sampled_from("abc"), max_size=8).map(tuple), max_size=7)
# Ratios of small numbers, to hit the threshold exactly.
thresholds = st.fractions(min_value="1/20", max_value=1, max_denominator=20).map(float)


@given(first=texts, second=texts, threshold=thresholds)
@settings(relaxed, max_examples=300)
def test_search_equals_brute_force(first, second, threshold):
    assert sorted(similar(first, second, threshold)) == sorted(brute_force(first, second, threshold))


@pytest.mark.parametrize("threshold", [0.5, THRESHOLD, 0.7, 0.9, 1.0])
def test_every_planted_copy_is_found(threshold):
    """Sentences of 5 to 40 words from a small vocabulary, copies of them with words replaced, dropped and added."""
    rng = random.Random(7)
    vocabulary = [f"w{number}" for number in range(60)]
    first = [tuple(rng.choices(vocabulary, k=rng.randint(5, 40))) for _ in range(151)]
    second = []
    for source in rng.choices(first, k=199):
        words = list(source)
        for _ in range(rng.randint(0, 4)):
            place = rng.randrange(len(words))
            words[place : place + rng.randint(0, 1)] = rng.choices(vocabulary, k=rng.randint(0, 2))
            words = words or ["w0"]
        second.append(tuple(words))
    expected = sorted(brute_force(first, second, threshold))
    assert sorted(similar(first, second, threshold)) == expected
    assert len(expected) > 30


@st.composite
def instances(draw, alphabet="abcde", prefix="i"):
    made = []
    for number in range(draw(st.integers(0, 6))):
        tokens = tuple(draw(st.lists(st.sampled_from(alphabet), min_size=2, max_size=7)))
        starts = [draw(st.integers(0, len(tokens) - 1)) for _ in range(2)]
        head, tail = (Span(start, draw(st.integers(start + 1, len(tokens)))) for start in starts)
        made.append(Instance(f"{prefix}{number}", tokens, head, tail, draw(st.sampled_from(("r", "s")))))
    return made


@given(first=instances(), second=instances())
@relaxed
def test_repetition_is_symmetric(first, second):
    pairs = [(a, b) for a in first for b in second]
    for a, b in pairs:
        assert [(r.same_pair, r.exact, r.similarity) for r in repeats([a], [b])] == [
            (r.same_pair, r.exact, r.similarity) for r in repeats([b], [a])
        ]
    assert leaks(repeats(first, second)) == {a.id for a, b in pairs if leaks(repeats([a], [b]))}
    assert {r.instance for r in repeats(first, second)} == {a.id for a, b in pairs if repeats([a], [b])}


@given(part=instances())
@relaxed
def test_every_instance_repeats_itself_exactly(part):
    found = repeats(part, part, 1.0)
    assert [r.instance for r in found] == [i.id for i in part]
    assert all(r.same_pair and r.exact and r.similarity == 1 for r in found)


@given(part=instances("abcde!?"), other=instances("vwxyz.☃"))
@relaxed
def test_no_leak_between_disjoint_vocabularies(part, other):
    assert repeats(part, other, 0.01) == ()


@given(first=instances(), second=instances(), thresholds=st.tuples(thresholds, thresholds).map(sorted))
@relaxed
def test_a_higher_threshold_finds_a_part(first, second, thresholds):
    low, high = thresholds
    assume(low < high)
    assert {r.instance for r in repeats(first, second, high)} <= {r.instance for r in repeats(first, second, low)}
    assert leaks(repeats(first, second, high)) <= leaks(repeats(first, second, low))


def test_the_result_for_a_large_corpus_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(duplicates, "CACHED_FROM", 5)
    searches = []
    search = duplicates._repeats
    monkeypatch.setattr(duplicates, "_repeats", lambda *given: searches.append(given) or search(*given))
    first = [make("q", "Ann met Bob in Rome today", "Ann", "Bob")]
    second = [make(f"d{n}", f"Ann met Bob in Rome today {word}", "Ann", "Bob") for n, word in enumerate("xyz")]
    small = repeats(first, second)
    assert not list(tmp_path.iterdir())
    second += [make("d3", "something else entirely here", "something", "here")]
    found = repeats(first, second)
    assert found == small == repeats(first, second)
    assert len(searches) == 2
    for changed in (
        (first, second[::-1], THRESHOLD),
        (second, first, THRESHOLD),
        (first, second, 0.9),
        (first, [*second[:3], make("d3", "something else entirely here", "something", "entirely")], THRESHOLD),
    ):
        assert repeats(*changed) == search(*changed)
    assert len(searches) == 6
    assert repeats(first, second, 0.9) == ()
