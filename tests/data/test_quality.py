"""The card of hand-made corpora, finding by finding, and of the real ones."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from bench.data import load_dataset
from bench.data.findings import Example
from bench.data.findings import shown as visible
from bench.data.quality import inspect, truncated
from methods.types import Instance, Span
from tests.data.test_duplicates import BASE, make
from tests.data.test_leaks import corpus
from tests.shared import DATA, needs

OFFICIAL = DATA / "semeval2010"
needs_official = needs(OFFICIAL)


def findings(dataset, **options):
    card = inspect(dataset, **({"ratios": (1.0,), "max_tokens": 100} | options))
    return {finding.kind: finding for finding in card.findings}


def test_a_clean_corpus_has_counts_and_no_findings():
    dataset = corpus(
        train=[make("t1", "a b c", "a", "b", "r"), make("t2", "d e f g", "d", "e", "none")],
        dev=[make("d1", "h i j k l", "h", "i", "r")],
        test=[make("x1", "m n", "m", "n", "r")],
        read=4,
    )
    card = inspect(dataset, (1.0, 0.5), 100)
    assert card.findings == ()
    assert card.leaks == ()
    assert card.splits["train"] == {
        "instances": 2,
        "tokens": {"p5": 3, "p50": 3, "p95": 4, "p99": 4, "max": 4},
        "negative_share": 0.5,
        "relations": {"r": 1, "s": 0, "none": 1},
    }
    assert card.subsets["0.5"] == {
        "train": 2, "dev": 1, "absent_in_train": [], "absent_in_dev": [], "once_in_train": ["r", "none"],
    }  # fmt: skip
    assert list(card.subsets) == ["0.5", "1"]
    assert card.counted == {"read": 4}


def test_repetitions_by_kind():
    near = "Ann met Bob in the old town of Paris"
    found = findings(
        corpus(
            train=[make("t1", BASE, "Ann", "Bob"), make("t2", "one two", "one", "two")],
            dev=[make("d1", "three four", "three", "four")],
            test=[
                make("x1", BASE + " .", "Ann", "Bob"),
                make("x2", near, "Ann", "Bob"),
                make("x3", BASE, "Bob", "Ann"),
                make("x4", near, "Ann", "Paris"),
                make("x5", "five six", "five", "six"),
            ],
        )
    )
    assert {kind: finding.count for kind, finding in found.items()} == {
        "leak_exact_test_in_train": 1,
        "leak_near_test_in_train": 1,
        "context_exact_test_in_train": 1,
        "context_near_test_in_train": 1,
        "pair_test_in_train": 2,
    }
    leak = found["leak_near_test_in_train"]
    assert (leak.severity, leak.total) == ("leak", 5)
    assert leak.examples == (Example(("x2", "t1"), f"0.75: {near}"),)
    assert found["context_near_test_in_train"].severity == "note"


def test_pair_overlap_counts_equal_relations():
    found = findings(
        corpus(
            train=[make("t1", "a b c", "a", "b", "r")],
            dev=[],
            test=[make("x1", "z A b", "A", "b", "r"), make("x2", "y a B", "a", "B", "s"), make("x3", "b a", "b", "a")],
        )
    )
    overlap = found["pair_test_in_train"]
    assert (overlap.count, overlap.total) == (2, 3)
    assert "(1 with its relation)" in overlap.message


def test_conflicts_and_repetitions_within_a_split():
    found = findings(
        corpus(
            train=[
                make("t1", BASE, "Ann", "Bob", "r"),
                make("t2", BASE, "Ann", "Rome", "s"),
                make("t3", BASE + " !", "Ann", "Bob", "r"),
                make("t4", BASE, "Ann", "Bob", "s"),
            ],
            dev=[],
            test=[],
        )
    )
    conflict = found["label_conflict"]
    assert (conflict.severity, conflict.count, conflict.total) == ("warning", 3, 4)
    assert conflict.examples == (Example(("t1", "t3", "t4"), f"r / s: {BASE}"),)
    assert [found["repeats_within"].count, found["repeats_within"].examples[0].ids] == [2, ("t3",)]


def test_relations_that_a_split_lacks():
    found = findings(
        corpus(
            train=[make(f"t{n}", f"a{n} b{n}", f"a{n}", f"b{n}", "r") for n in range(4)],
            dev=[make("d", "c d", "c", "d", "s")],
            test=[make("x1", "e f", "e", "f", "r"), make("x2", "g h", "g", "h", "s")],
        ),
        ratios=(0.25, 1.0),
    )
    assert found["absent_in_train"].severity == "warning"
    assert found["absent_in_train"].examples == (Example((), "s at 0.25, 1"),)
    assert (found["absent_in_dev"].severity, found["absent_in_dev"].count, found["absent_in_dev"].total) == (
        "note",
        1,
        3,
    )


def test_truncation_loses_an_entity_only_where_the_stretch_between_them_is_too_long():
    words = tuple(f"w{n}" for n in range(11))
    close = Instance("close", words, Span(3, 4), Span(5, 6), "r")  # 3 of 11 words and 4 markers
    apart = Instance("apart", words, Span(9, 11), Span(0, 1), "r")  # 11 words and 4 markers
    short = Instance("short", words[:3], Span(0, 1), Span(1, 2), "r")  # 2 of 3 words and 4 markers
    everything = [close, apart, short]
    assert truncated(everything, 15) == ([], [])
    assert truncated(everything, 14) == ([close, apart], [apart])
    assert truncated(everything, 7) == ([close, apart], [apart])
    assert truncated(everything, 6) == (everything, [close, apart])
    # A tokenizer of three tokens a word, which needs 21 for what 7 words hold.
    assert truncated(everything, 20, lambda marked: 3 * len(marked)) == (everything, [close, apart])
    assert truncated(everything, 21, lambda marked: 3 * len(marked)) == ([close, apart], [apart])
    dataset = corpus(everything, [], [])
    assert inspect(dataset, (1.0,), 7).truncation == {"max_tokens": 7, "shortened": 2, "entity_lost": 1}
    assert findings(dataset, max_tokens=7)["entity_lost"].message == "instances that lose an entity at 7 words"
    counted = findings(dataset, max_tokens=21, count_tokens=lambda marked: 3 * len(marked))
    assert counted["entity_lost"].message == "instances that lose an entity at 21 tokens"


def test_oddities():
    found = findings(
        corpus(
            train=[
                Instance("signs", ("?", "!"), Span(0, 1), Span(1, 2), "r"),
                Instance("mark", ("a", "-", "b"), Span(1, 2), Span(2, 3), "r"),
                Instance("same", ("c", "d"), Span(0, 1), Span(0, 1), "r"),
                Instance("nested", ("e", "f", "g"), Span(0, 3), Span(1, 2), "r"),
                Instance("touching", ("h", "i", "j"), Span(1, 2), Span(0, 1), "r"),
            ],
            dev=[],
            test=[],
        )
    )
    assert {kind: (finding.count, finding.examples[0].ids[0]) for kind, finding in found.items()} == {
        "wordless": (1, "signs"),
        "entity_without_word": (2, "signs"),
        "entities_overlap": (2, "same"),
    }
    assert "(1 with equal ones)" in found["entities_overlap"].message


def test_the_digest_is_that_of_the_plain_card_and_follows_the_content():
    dataset = load_dataset("synthetic", None, {"train": 60, "dev": 30, "test": 30})
    card = inspect(dataset, (0.1, 1.0), 64)
    plain = json.dumps(card.plain(), sort_keys=True, separators=(",", ":"))
    assert card.digest == hashlib.sha256(plain.encode()).hexdigest()
    assert json.loads(plain) == card.plain()
    again = load_dataset("synthetic", None, {"train": 60, "dev": 30, "test": 30})
    assert inspect(again, (1.0, 0.1), 64).digest == card.digest
    assert inspect(dataset, (0.1, 1.0), 65).digest != card.digest
    smaller = dataclasses.replace(dataset, test=dataset.test[1:])
    assert inspect(smaller, (0.1, 1.0), 64).digest != card.digest


def test_a_run_keeps_numbers_and_no_text():
    dataset = corpus([make("t", BASE, "Ann", "Bob")], [], [make("x", BASE, "Ann", "Bob")])
    card = inspect(dataset, (1.0,), 64)
    assert card.summary() == {
        "digest": card.digest,
        "findings": {"leak_exact_test_in_train": 1, "pair_test_in_train": 1, "absent_in_dev": 1},
    }


def told(kind):
    return load_dataset("synthetic", None, {"train": 60, "dev": 30, "test": 30, "verbalisation": kind})


def test_the_card_names_the_kind_of_texts():
    cards = [inspect(told(kind), (1.0,), 64) for kind in ("phrase", "template")]
    assert [card.plain()["verbalisation"] for card in cards] == ["phrase", "template"]
    assert cards[0].digest != cards[1].digest


def test_the_card_shows_templates_and_no_phrases():
    note = findings(told("template"))["templates"]
    assert (note.severity, note.count, note.total) == ("note", 13, 13)
    assert note.examples[1] == Example((), "per:employee_of: {head} works for {tail}")
    assert "templates" not in findings(told("phrase"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/]", "plain [bold]text[/]"),
        ("a\x1b[31m\tb\nc", "a\\u{1b}[31m b c"),
        ("\u202eright", "\\u{202e}right"),
        ("\ud800", "\\u{d800}"),
        ("é 学 😀", "é 学 😀"),
        ("x" * 121, "x" * 119 + "…"),
        ("x" * 120, "x" * 120),
    ],
)
def test_untrusted_text_is_made_visible(text, shown):
    assert visible(text) == shown


@needs_official
def test_the_official_semeval():
    """Checked by eye: every one of the repetitions is real, and one test instance stands in train with its pair."""
    dataset = load_dataset("semeval", OFFICIAL, {})
    counts = inspect(dataset, (0.01, 1.0), 256).summary()["findings"]
    assert counts == {
        "context_exact_dev_in_train": 4,
        "context_near_dev_in_train": 1,
        "leak_near_test_in_train": 1,
        "context_exact_test_in_train": 15,
        "context_near_test_in_train": 4,
        "context_exact_test_in_dev": 2,
        "context_near_test_in_dev": 1,
        "pair_dev_in_train": 52,
        "pair_test_in_train": 184,
        "absent_in_dev": 1,
    }
    (leak,) = (repeat for repeat in dataset.repeats["test_in_train"] if repeat.same_pair)
    assert (leak.instance, leak.of, round(leak.similarity, 3)) == ("test-9451", "train-2449", 0.739)
    clean = load_dataset("semeval", OFFICIAL, {}, drop_leaks=True)
    assert {i.id for i in dataset.train} - {i.id for i in clean.train} == {"train-2449"}
    assert clean.test == dataset.test


def test_the_rule_of_comparison_is_said_where_a_twin_is_told():
    twins = [make(f"t{dose}", f"take {dose} mg of A with B", "A", "B", name) for dose, name in ((5, "r"), (10, "s"))]
    found = findings(corpus(train=twins, dev=[], test=[]))["label_conflict"]
    assert found.message.endswith(
        "(entities and sentences equal up to case, punctuation and, outside entities, numbers)"
    )
