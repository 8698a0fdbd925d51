from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora.synthetic import NEGATIVE, RELATIONS, Options
from bench.data.corpora.synthetic_grammar import NEUTRAL, PREDICATES
from bench.data.corpora.synthetic_text import expand
from bench.errors import DataError
from methods.types import Instance

SMALL = {"train": 200, "dev": 60, "test": 100}


@pytest.fixture(scope="module")
def default() -> Dataset:
    return load_dataset("synthetic", None, {})


def test_default_sizes_and_shape(default):
    assert (len(default.train), len(default.dev), len(default.test)) == (1600, 200, 400)
    assert default.schema.names == (NEGATIVE, *list(RELATIONS)[:12])
    assert (default.schema.negative, default.metric) == (NEGATIVE, "tacred_micro_f1")
    for part in (default.train, default.dev, default.test):
        counts = Counter(i.relation for i in part)
        assert counts[NEGATIVE] == round(0.6 * len(part))
        assert set(counts) == set(default.schema.names)
    assert not any(default.repeats.values())


def test_types_admit_the_gold_relation_but_do_not_give_it_away(default):
    instances = (*default.train, *default.dev, *default.test)
    admitted = default.schema.admitted(instances)
    assert all(row[default.schema.index[i.relation]] for row, i in zip(admitted, instances, strict=True))
    seen: dict[tuple[str, str], set[str]] = {}
    for i in default.train:
        seen.setdefault((i.head_type, i.tail_type), set()).add(i.relation)
    assert set(seen) == set(default.schema.type_constraints)
    assert all(NEGATIVE in relations for relations in seen.values())
    assert sum(len(relations) > 2 for relations in seen.values()) >= 4  # two relations and the negative class


def test_sentences_are_well_formed(default):
    for i in (*default.train, *default.dev, *default.test):
        text = i.text()
        assert not re.search(r"[\[\]{}|]", text)
        assert i.tokens[-1] == "."
        assert i.tokens[0][0].isupper() or i.tokens[0][0].isdigit()
        assert i.head.end <= i.tail.start or i.tail.end <= i.head.start
        assert all(token and token == token.strip() for token in i.tokens)


def test_both_orders_of_head_and_tail_occur_in_every_relation(default):
    orders = {(i.relation, i.head.start < i.tail.start) for i in default.train}
    assert len(orders) == 2 * len(default.schema.names)


def masked(i: Instance) -> str:
    words = list(i.tokens)
    for span, mark in sorted([(i.head, "{h}"), (i.tail, "{t}")], key=lambda pair: -pair[0].start):
        words[span.start : span.end] = [mark]
    return " ".join(words)


def test_few_instances_do_not_cover_the_wordings_and_names_are_new(default):
    plain = load_dataset("synthetic", None, {"distractors": 0})
    wordings = {masked(i) for i in plain.train[:100] if i.relation != NEGATIVE}
    tests = [masked(i) for i in plain.test if i.relation != NEGATIVE]
    assert sum(wording not in wordings for wording in tests) > len(tests) / 2
    known = {i.text(span) for i in default.train for span in (i.head, i.tail)}
    people = [i.text(i.head) for i in default.test if i.head_type == "PERSON"]
    assert sum(name not in known for name in people) > 0.9 * len(people)


def test_frequencies_have_a_long_tail():
    plain = load_dataset("synthetic", None, {"distractors": 0, "relations": 2, "negative_share": 0, "train": 1200})
    counts = Counter(masked(i).removesuffix(" .").lower()[-12:] for i in plain.train).most_common()
    assert counts[0][1] > 8 * counts[-1][1]


def test_knobs(default):
    few = load_dataset("synthetic", None, SMALL | {"relations": 4, "negative_share": 0.25, "paraphrases": 1})
    assert few.schema.names == (NEGATIVE, *list(RELATIONS)[:4])
    assert sum(i.relation == NEGATIVE for i in few.train) == 50
    bare = load_dataset("synthetic", None, SMALL | {"paraphrases": 1, "distractors": 0, "negative_share": 0})
    assert len({i.relation for i in bare.train}) == 12
    full = load_dataset("synthetic", None, SMALL | {"relations": len(RELATIONS)})
    assert {"DATE", "TITLE", "CITY"} <= {kind for i in full.train for kind in (i.head_type, i.tail_type)}
    long, short = (load_dataset("synthetic", None, SMALL | {"distractors": share}) for share in (1, 0))
    assert sum(len(i.tokens) for i in long.train) > 1.2 * sum(len(i.tokens) for i in short.train)


def test_a_split_does_not_depend_on_the_size_of_another(default):
    other = load_dataset("synthetic", None, {"train": 300, "dev": 100})
    assert other.test == default.test
    assert load_dataset("synthetic", None, {"seed": 1}).test != default.test


def test_the_same_in_another_process():
    code = f"from bench.data import load_dataset; print(load_dataset('synthetic', None, {SMALL!r}).content_hash)"
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "5", "PYTHONPATH": str(root)}
    printed = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True)
    assert printed.stdout.decode().strip() == load_dataset("synthetic", None, SMALL).content_hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 20}, "train=20 with negative_share=0.6 leaves 8 instances for 12 relations"),
        (
            {"relation": 3},
            r"unknown option 'relation' \(did you mean 'relations'\?\).*Known options: .*train, dev, test",
        ),
        ({"relations": 1}, "option 'relations' = 1"),
        ({"paraphrases": 41}, "option 'paraphrases' = 41"),
        ({"negative_share": 1}, "option 'negative_share' = 1"),
    ],
)
def test_unfit_options(options, message):
    with pytest.raises(DataError, match=message):
        load_dataset("synthetic", None, options)


def test_reads_no_directory(tmp_path):
    with pytest.raises(DataError, match="embedded and reads no files; leave out --data-dir"):
        load_dataset("synthetic", tmp_path, {})


def test_every_predicate_has_enough_distinct_wordings_that_name_both_entities():
    most = next(m.le for m in Options.model_fields["paraphrases"].metadata if hasattr(m, "le"))
    for predicate in (*PREDICATES.values(), *NEUTRAL):
        wordings = [text for frame in predicate.frames for text in expand(frame)]
        assert len(set(wordings)) == len(wordings)
        assert all(text.split().count("{x}") == text.split().count("{y}") == 1 for text in wordings)
    assert all(sum(len(expand(frame)) for frame in p.frames) >= most for p in PREDICATES.values())
    pairs = {frozenset((p.x, p.y)) for p in NEUTRAL}
    assert all(frozenset((p.x, p.y.replace("SCHOOL", "ORGANIZATION"))) in pairs for p in PREDICATES.values())


def test_expand():
    assert expand("{x} [met|saw] {y} [|twice]") == [
        "{x} met {y}",
        "{x} met {y} twice",
        "{x} saw {y}",
        "{x} saw {y} twice",
    ]
