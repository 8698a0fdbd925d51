"""The metric over facts, held against a transcription of DocRED's evaluation script."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.corpora.docred_format import read
from bench.data.corpora.redocred import DEV_FILE, NEGATIVE, RELATIONS, TEST_FILE, in_training, pairs
from bench.scoring.metrics import METRICS
from methods.types import RelationSchema
from tests.data.documents import ada, mention, write, zoe
from tests.shared import DATA, ORACLES, needs

docred_f1 = METRICS["docred_f1"].report

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# The negative class stands in the middle: code that takes index 0 for it fails.
SCHEMA = RelationSchema(("a", "none", "b", "c"), {n: f"text {n}" for n in ("a", "none", "b", "c")}, "none")
NOTHING: frozenset[str] = frozenset()


def test_by_hand() -> None:
    gold = [("a", "b"), ("none",), ("a",), ("c",), ("none",)]
    predicted = [("a", "c"), ("b",), ("a",), ("none",), ("none",)]
    # correct: a, a = 2 of 4 predicted facts and of 4 gold ones
    scores = docred_f1(gold, predicted, SCHEMA, [NOTHING] * 5)
    assert (scores["primary"], scores["precision"], scores["recall"], scores["f1"]) == ("micro_f1", 0.5, 0.5, 0.5)
    assert scores["accuracy"] == 2 / 5
    assert scores["per_relation"]["a"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2, "predicted": 2}
    assert scores["per_relation"]["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1, "predicted": 1}
    assert scores["per_relation"]["none"] == {
        "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2, "predicted": 2
    }  # fmt: skip
    assert list(scores["per_relation"]) == list(SCHEMA.names)
    assert scores["ign_precision"] == 2 / (4 + 1e-5)


def test_known_facts_leave_the_precision_alone() -> None:
    gold, predicted = [("a", "b"), ("c",), ("a",)], [("a", "b"), ("a",), ("none",)]
    # correct 2 of 3, one of them known: (2 - 1) / (3 - 1); a known fact that is no correct prediction changes nothing
    scores = docred_f1(gold, predicted, SCHEMA, [frozenset("a"), frozenset("ac"), frozenset("a")])
    assert (scores["precision"], scores["recall"]) == (2 / 3, 2 / 4)
    assert scores["ign_precision"] == 1 / (2 + 1e-5)
    assert scores["ign_f1"] == pytest.approx(0.5, rel=1e-5)
    assert scores["f1"] == pytest.approx(4 / 7)


def test_unpaired_facts_are_missed() -> None:
    scores = docred_f1([("a",)], [("a",)], SCHEMA, [NOTHING], unpaired=3)
    assert (scores["precision"], scores["recall"]) == (1.0, 0.25)


def test_a_relation_named_twice_counts_once_and_the_negative_never() -> None:
    once = docred_f1([("a",)], [("a",)], SCHEMA, [NOTHING])
    assert docred_f1([("a", "a")], [("none", "a", "a")], SCHEMA, [NOTHING]) == once


def test_nothing_to_count_is_zero() -> None:
    for gold, predicted in (([], []), ([("none",)], [("none",)]), ([("a",)], [()]), ([("none",)], [("a",)])):
        scores: Any = docred_f1(gold, predicted, SCHEMA, [NOTHING] * len(gold))
        assert [scores[key] for key in ("precision", "recall", "f1", "ign_precision", "ign_f1")] == [0.0] * 5
        assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    every = docred_f1([("a",)], [("a",)], SCHEMA, [frozenset("a")])  # all that is correct is known
    assert (every["f1"], every["ign_f1"]) == (1.0, 0.0)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="2 gold labels but 1 predictions"):
        docred_f1([("a",), ("b",)], [("a",)], SCHEMA, [NOTHING] * 2)
    with pytest.raises(ValueError, match="1 gold labels but 2 known ones"):
        docred_f1([("a",)], [("a",)], SCHEMA, [NOTHING] * 2)
    with pytest.raises(ValueError, match="unknown predicted label 'z'; the schema has a, none, b, c"):
        docred_f1([("a",)], [("z",)], SCHEMA, [NOTHING])
    with pytest.raises(ValueError, match="unknown gold label 'z'"):
        docred_f1([("z",)], [("a",)], SCHEMA, [NOTHING])


def official(
    answers: list[dict[str, Any]], truth: list[dict[str, Any]], train: list[dict[str, Any]]
) -> tuple[float, float, float, float, float]:
    """precision, recall, F1, Ign precision, Ign F1 as in DocRED's evaluation.py (thunlp/DocRED), evidence left out."""
    fact_in_train = set()
    for data in train:
        for label in data["labels"]:
            for n1 in data["vertexSet"][label["h"]]:
                for n2 in data["vertexSet"][label["t"]]:
                    fact_in_train.add((n1["name"], n2["name"], label["r"]))
    std = set()
    title_to_vertices = {}
    for x in truth:
        title_to_vertices[x["title"]] = x["vertexSet"]
        for label in x["labels"]:
            std.add((x["title"], label["r"], label["h"], label["t"]))
    answers.sort(key=lambda x: (x["title"], x["h_idx"], x["t_idx"], x["r"]))
    submission = [answers[0]] if answers else []
    for before, x in pairwise(answers):
        if (x["title"], x["h_idx"], x["t_idx"], x["r"]) != tuple(before[k] for k in ("title", "h_idx", "t_idx", "r")):
            submission.append(x)
    correct, correct_in_train = 0, 0
    for x in submission:
        vertices = title_to_vertices[x["title"]]
        if (x["title"], x["r"], x["h_idx"], x["t_idx"]) in std:
            correct += 1
            in_train = False
            for n1 in vertices[x["h_idx"]]:
                for n2 in vertices[x["t_idx"]]:
                    if (n1["name"], n2["name"], x["r"]) in fact_in_train:
                        in_train = True
            correct_in_train += in_train
    p = 1.0 * correct / len(submission) if submission else 0.0
    r = 1.0 * correct / len(std) if std else 0.0
    f1 = 2.0 * p * r / (p + r) if p + r != 0 else 0
    p_ignore = 1.0 * (correct - correct_in_train) / (len(submission) - correct_in_train + 1e-5)
    f1_ignore = 2.0 * p_ignore * r / (p_ignore + r) if p_ignore + r != 0 else 0
    return p, r, f1, p_ignore, f1_ignore


few = RELATIONS[:5]
number = st.integers(0, 3)
facts = st.lists(st.tuples(number, number, st.sampled_from(few)), max_size=12)


@st.composite
def document(draw: st.DrawFn, title: str) -> dict[str, Any]:
    """Four entities with few names, so that documents share some."""
    names = st.lists(st.sampled_from("ABCDEF"), min_size=1, max_size=2)
    return {
        "title": title,
        "sents": [["w"] * 9],
        "vertexSet": [[mention(n, 0, e, e + 1) for n in draw(names)] for e in range(4)],
        "labels": [{"h": h, "t": t, "r": r} for h, t, r in draw(facts)],
    }


@given(
    train=document("train"),
    truth=st.tuples(document("x"), document("y")),
    guesses=st.tuples(facts, facts),
)
@settings(relaxed, max_examples=150)
def test_agrees_with_the_official_script(
    tmp_path_factory: pytest.TempPathFactory,
    train: dict[str, Any],
    truth: tuple[dict[str, Any], ...],
    guesses: tuple[list[tuple[int, int, str]], ...],
) -> None:
    folder = tmp_path_factory.getbasetemp()
    # Nobody can predict a relation of an entity with itself; its gold facts count all the same.
    guessed = [[g for g in found if g[0] != g[1]] for found in guesses]
    answers = [
        {"title": t["title"], "h_idx": h, "t_idx": e, "r": r}
        for t, found in zip(truth, guessed, strict=True)
        for h, e, r in found
    ]
    documents = read(write(folder / "truth.json", truth), RELATIONS)
    test = pairs(documents, "test")
    known = in_training(read(write(folder / "train.json", [train]), RELATIONS), {"test": documents})
    predicted = []
    for i in test:
        _, d, h, t = i.id.split("-")
        predicted.append([r for a, b, r in guessed[int(d)] if (a, b) == (int(h), int(t))] or [NEGATIVE])
    schema = RelationSchema((*RELATIONS, NEGATIVE), {n: f"text {n}" for n in (*RELATIONS, NEGATIVE)}, NEGATIVE)
    unpaired = len({(t["title"], f["h"], f["r"]) for t in truth for f in t["labels"] if f["h"] == f["t"]})
    ours: Any = docred_f1(
        [i.relations for i in test], predicted, schema, [known.get(i.id, NOTHING) for i in test], unpaired
    )
    theirs = official(answers, list(truth), [train])
    assert [ours[key] for key in ("precision", "recall", "f1", "ign_precision", "ign_f1")] == pytest.approx(theirs)


def test_any_name_of_the_entities_makes_a_fact_known(tmp_path: Path) -> None:
    """Zoë's document calls the dead Ada "Ada" only, the other one also "Ada Byron"."""
    train, test = (
        read(write(tmp_path / f"{name}.json", [content]), RELATIONS) for name, content in (("a", zoe()), ("b", ada()))
    )
    assert in_training(train, {"test": test}) == {"test-0-0-1": {"P20"}}
    assert in_training(test, {"dev": train}) == {"dev-0-1-2": {"P20"}}
    assert in_training((), {"dev": train}) == {}


@needs(ORACLES)
def test_docred_equals_the_official_scorer(tmp_path: Path) -> None:
    """Re-DocRED's script on the first 12 test documents, with 200 dev documents as its training annotations."""
    oracle = json.loads((ORACLES / "docred_official.json").read_text())
    documents = {}
    for name, count in ((TEST_FILE, 12), (DEV_FILE, 200)):
        raw = json.loads((DATA / "redocred" / name).read_text(encoding="utf-8"))
        documents[name] = read(write(tmp_path / name, raw[:count]), RELATIONS)
    test, stated = pairs(documents[TEST_FILE], "test"), in_training(documents[DEV_FILE], {"test": documents[TEST_FILE]})
    titles = {document.title: document.number for document in documents[TEST_FILE]}
    schema = RelationSchema((*RELATIONS, NEGATIVE), {n: f"text {n}" for n in (*RELATIONS, NEGATIVE)}, NEGATIVE)
    assert len(oracle["cases"]) >= 3
    for case in oracle["cases"]:
        guessed: dict[str, list[str]] = {}
        for title, head, tail, relation in case["predictions"]:
            guessed.setdefault(f"test-{titles[title]}-{head}-{tail}", []).append(relation)
        assert guessed.keys() <= {i.id for i in test}
        predicted = [guessed.get(i.id, [NEGATIVE]) for i in test]
        known = [stated.get(i.id, NOTHING) for i in test]
        ours: Any = docred_f1([i.relations for i in test], predicted, schema, known)
        for key in ("precision", "recall", "f1", "ign_f1"):
            assert ours[key] == pytest.approx(case[key], rel=1e-12), key
