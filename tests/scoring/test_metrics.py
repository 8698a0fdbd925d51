from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support

from bench.data.corpora.semeval import RELATIONS, TEST_FILE, read
from bench.scoring.metrics import METRICS
from methods.types import RelationSchema
from tests.shared import DATA, ORACLES, needs

needs_oracles = needs(ORACLES)

SINGLE = [name for name, metric in METRICS.items() if not metric.multi_label]
tacred_micro_f1, semeval_macro_f1, macro_f1_accuracy = (METRICS[name].report for name in SINGLE)

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def schema(names, negative=None):
    return RelationSchema(tuple(names), {name: f"text {name}" for name in names}, negative)


# The negative class stands in the middle: code that takes index 0 for it fails.
TACRED = schema(["a", "none", "b"], "none")
SEMEVAL = schema(["X(e1,e2)", "Other", "X(e2,e1)", "Y(e1,e2)", "Y(e2,e1)"], "Other")


def test_micro_f1_by_hand():
    gold = ["a", "a", "b", "none", "none", "b", "a"]
    pred = ["a", "b", "b", "a", "none", "none", "a"]
    # right: a, b, a = 3 of 5 guessed and of 5 positive
    scores = tacred_micro_f1(gold, pred, TACRED)
    assert (scores["primary"], scores["precision"], scores["recall"], scores["f1"]) == ("micro_f1", 0.6, 0.6, 0.6)
    assert scores["accuracy"] == 4 / 7
    assert scores["per_relation"]["a"] == {
        "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3, "predicted": 3,
    }  # fmt: skip
    assert scores["per_relation"]["none"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "predicted": 2}
    assert list(scores["per_relation"]) == ["a", "none", "b"]


def test_semeval_macro_by_hand():
    gold = ["X(e1,e2)", "X(e1,e2)", "X(e2,e1)", "Y(e1,e2)", "Other", "Other"]
    pred = ["X(e1,e2)", "X(e2,e1)", "X(e2,e1)", "Other", "Y(e1,e2)", "Other"]
    # X: 2 right of 3 predicted and 3 gold, since a wrong direction is wrong; Y: none right
    scores = semeval_macro_f1(gold, pred, SEMEVAL)
    assert scores["primary"] == "macro_f1"
    assert scores["per_group"]["X"] == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3, "predicted": 3}
    assert scores["per_group"]["Y"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1, "predicted": 1}
    assert (scores["precision"], scores["recall"], scores["f1"]) == (1 / 3, 1 / 3, 1 / 3)
    assert scores["accuracy"] == 0.5
    assert scores["per_relation"]["X(e1,e2)"]["recall"] == 0.5
    assert scores["per_relation"]["X(e2,e1)"]["precision"] == 0.5


def test_semeval_mean_is_over_the_relations_in_gold():
    """As the official scorer, which divides by the labels of the answer key."""
    assert semeval_macro_f1(["X(e1,e2)", "Other"], ["X(e1,e2)", "Y(e1,e2)"], SEMEVAL)["f1"] == 1.0


def test_semeval_wrong_direction_alone_scores_nothing():
    scores = semeval_macro_f1(["X(e1,e2)"] * 3, ["X(e2,e1)"] * 3, SEMEVAL)
    assert (scores["f1"], scores["per_group"]["X"]["predicted"]) == (0.0, 3)


def test_a_relation_without_direction_is_its_own_group():
    assert list(semeval_macro_f1(["Z"], ["Z"], schema(["Z", "Other"], "Other"))["per_group"]) == ["Z"]


def test_plain_macro_by_hand():
    scores = macro_f1_accuracy(["a", "a", "b"], ["a", "b", "b"], schema(["a", "b", "never"]))
    assert scores["f1"] == pytest.approx(2 / 3)  # a: 1, 1/2; b: 1/2, 1
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["per_relation"]["never"]["support"] == 0


@pytest.mark.parametrize("name", SINGLE)
def test_no_positives_score_zero_without_warnings(name):
    for labels in ([], ["Other"] * 4):
        scores = METRICS[name].report(labels, labels, SEMEVAL)
        assert scores["f1"] == (1.0 if name == "macro_f1_accuracy" and labels else 0.0)
        assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    never = METRICS[name].report(["X(e1,e2)", "Y(e1,e2)"], ["Other", "Other"], SEMEVAL)
    assert (never["precision"], never["recall"], never["f1"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", SINGLE)
def test_bad_input(name):
    with pytest.raises(ValueError, match="2 gold labels but 1 predictions"):
        METRICS[name].report(["Other", "Other"], ["Other"], SEMEVAL)
    with pytest.raises(ValueError, match="unknown predicted label 'Z'"):
        METRICS[name].report(["Other"], ["Z"], SEMEVAL)
    with pytest.raises(ValueError, match="unknown gold label 'Z'"):
        METRICS[name].report(["Z"], ["Other"], SEMEVAL)
    with pytest.raises(ValueError, match=f"metric '{name}' scores single labels, not sets"):
        METRICS[name].report([["Other"]], [["Other"]], SEMEVAL)


labels = st.lists(st.tuples(st.sampled_from(TACRED.names), st.sampled_from(TACRED.names)), min_size=1, max_size=40)


@given(labels)
@relaxed
def test_agrees_with_scikit_learn(pairs):
    gold, pred = (list(side) for side in zip(*pairs, strict=True))
    micro = precision_recall_fscore_support(gold, pred, labels=["a", "b"], average="micro", zero_division=0)
    ours = tacred_micro_f1(gold, pred, TACRED)
    assert (ours["precision"], ours["recall"], ours["f1"]) == pytest.approx(micro[:3])
    plain = macro_f1_accuracy(gold, pred, TACRED)
    assert plain["f1"] == pytest.approx(f1_score(gold, pred, average="macro", zero_division=0))


@given(labels, st.randoms())
@relaxed
def test_the_order_of_names_and_instances_does_not_matter(pairs, rng):
    shuffled = list(pairs)
    rng.shuffle(shuffled)
    names = list(TACRED.names)
    random.Random(0).shuffle(names)
    one = tacred_micro_f1(*(list(side) for side in zip(*pairs, strict=True)), TACRED)
    other = tacred_micro_f1(*(list(side) for side in zip(*shuffled, strict=True)), schema(names, "none"))
    assert one == other


@needs_oracles
def test_semeval_equals_the_official_scorer():
    gold = [i.relation for i in read(DATA / "semeval2010" / TEST_FILE, "test")]
    cases = json.loads((ORACLES / "semeval2010_official_scores.json").read_text())["cases"]
    assert len(cases) >= 5
    for case in cases:
        scores = semeval_macro_f1(gold, case["predictions"], schema(RELATIONS, "Other"))
        assert f"{100 * scores['f1']:.2f}" == f"{case['official_macro_f1_percent']:.2f}", case["name"]


@needs_oracles
def test_tacred_equals_the_official_scorer():
    cases = json.loads((ORACLES / "tacred_micro_f1.json").read_text())["cases"]
    assert len(cases) >= 3
    for case in cases:
        names = sorted({*case["gold"], *case["pred"]}, reverse=True)
        scores = tacred_micro_f1(case["gold"], case["pred"], schema(names, "no_relation"))
        for key in ("precision", "recall", "f1"):
            assert math.isclose(scores[key], case[key], rel_tol=1e-15), key
