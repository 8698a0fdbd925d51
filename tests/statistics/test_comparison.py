"""Paired tests: the counted metric is the metric, the random numbers do what brute force does, ties stay ties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bench.scoring.metric import Counts, Metric
from bench.scoring.metrics import METRICS
from bench.statistics import comparison
from bench.statistics.comparison import average, bootstrap, compare, holm, randomisation_p
from methods.types import RelationSchema

relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
# The negative class stands in the middle: code that takes index 0 for it fails.
NAMES = ("X(e1,e2)", "X(e2,e1)", "none", "Y(e1,e2)", "Z")
SCHEMA = RelationSchema(NAMES, {name: f"text {name}" for name in NAMES}, "none")
SINGLE = [name for name, metric in METRICS.items() if not metric.multi_label]
ACCURACY = Metric("accuracy", "micro_f1", lambda schema: dict.fromkeys(schema.names, "all"))
labels = st.lists(st.sampled_from(NAMES), min_size=1, max_size=23)


def count(metric, gold, cells):
    return METRICS[metric].count(gold, cells, SCHEMA)


def accuracy(gold, cells):
    return ACCURACY.count(gold, cells, SCHEMA)


@st.composite
def predictions(draw, cells=1):
    gold = draw(labels)
    rows = st.lists(st.sampled_from(NAMES), min_size=len(gold), max_size=len(gold))
    return gold, [draw(rows) for _ in range(cells)]


@pytest.mark.parametrize("metric", SINGLE)
@given(data=predictions(cells=3))
@relaxed
def test_counts_give_the_metric(metric, data):
    gold, cells = data
    found = count(metric, gold, cells).scores()
    assert found == pytest.approx([METRICS[metric].report(gold, cell, SCHEMA)["f1"] for cell in cells], abs=1e-12)


@given(data=predictions())
@relaxed
def test_counts_give_the_accuracy(data):
    gold, (cell,) = data
    found = accuracy(gold, [cell]).scores()
    assert found[0] == pytest.approx(np.mean([g == p for g, p in zip(gold, cell, strict=True)]))


@given(st.lists(st.tuples(*[st.sets(st.sampled_from(NAMES))] * 2), min_size=1, max_size=17), st.integers(0, 5))
@relaxed
def test_counts_of_sets_give_docreds_f1(pairs, absent):
    gold, found = [sorted(g) for g, _ in pairs], [sorted(p) for _, p in pairs]
    docred = METRICS["docred_f1"]
    wanted = docred.report(gold, found, SCHEMA, unpaired=absent)["f1"]
    assert docred.count(gold, [found], SCHEMA, absent).scores()[0] == pytest.approx(wanted)


def test_every_cell_needs_all_instances():
    with pytest.raises(ValueError, match="1 gold labels but 2 predictions"):
        count("tacred_micro_f1", ["Z"], [["Z"], ["Z", "Z"]])


GOLD = ["X(e1,e2)", "X(e2,e1)", "none", "Y(e1,e2)", "Y(e1,e2)", "X(e1,e2)", "Z"]
FIRST = [
    ["X(e1,e2)", "X(e2,e1)", "none", "Y(e1,e2)", "Z", "X(e1,e2)", "Z"],
    ["X(e1,e2)", "X(e1,e2)", "none", "Y(e1,e2)", "Y(e1,e2)", "none", "Z"],
]
SECOND = [
    ["X(e2,e1)", "none", "Z", "Y(e1,e2)", "Y(e1,e2)", "X(e1,e2)", "none"],
    ["X(e1,e2)", "Z", "none", "Y(e1,e2)", "X(e1,e2)", "Z", "Z"],
]


def metric_gap(metric, gold, first, second):
    def score(row):
        return METRICS[metric].report(gold, row, SCHEMA)["f1"]

    return np.mean([score(a) - score(b) for a, b in zip(first, second, strict=True)])


@pytest.mark.parametrize("metric", SINGLE)
def test_p_is_that_of_all_permutations(metric):
    def swapped(one, other, flips):
        return [[b if flip else a for a, b, flip in zip(*rows, flips, strict=True)] for rows in zip(one, other)]  # noqa: B905

    observed = abs(metric_gap(metric, GOLD, FIRST, SECOND)) - 1e-12
    extreme = [
        abs(metric_gap(metric, GOLD, swapped(FIRST, SECOND, flips), swapped(SECOND, FIRST, flips))) >= observed
        for flips in itertools.product((False, True), repeat=len(GOLD))
    ]
    exact = np.mean(extreme)
    assert 0.05 < exact < 0.95
    counts = [count(metric, GOLD, cells) for cells in (FIRST, SECOND)]
    found = randomisation_p(*counts, draws=[0, 1], resamples=20_011)
    assert abs(found - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_011)


def test_p_of_accuracies_is_that_of_the_exact_mcnemar_test():
    gold = ["Z"] * 211
    first = ["Z"] * 190 + ["none"] * 21
    second = ["none"] * 25 + ["Z"] * 176 + ["none"] * 10  # 25 against 11 discordant instances
    counts = [accuracy(gold, [row]) for row in (first, second)]
    exact = binomtest(25, 36).pvalue
    assert 0.01 < exact < 0.05
    assert abs(randomisation_p(*counts, draws=[0], resamples=40_009) - exact) < 4 * math.sqrt(exact / 40_009)


@pytest.mark.parametrize("metric", SINGLE)
def test_bootstrap_is_that_of_resampled_lists(metric):
    counts = [count(metric, GOLD, cells) for cells in (FIRST, SECOND)]
    found = bootstrap(*counts, draws=[0, 1], bootstraps=53, seed=5)
    for place, chosen in enumerate(np.random.default_rng(5).integers(0, len(GOLD), (53, len(GOLD)))):
        gold = [GOLD[i] for i in chosen]
        for method, cells in enumerate((FIRST, SECOND)):
            scores = [METRICS[metric].report(gold, [row[i] for i in chosen], SCHEMA)["f1"] for row in cells]
            assert found[method, place] == pytest.approx(np.mean(scores), abs=1e-12)


def test_the_samples_of_the_bootstrap_are_the_same_in_small_blocks_and_when_none_is_kept(monkeypatch):
    counts = [METRICS["macro_f1_accuracy"].count(GOLD, cells, SCHEMA) for cells in (FIRST, SECOND)]
    found = bootstrap(*counts, draws=[0, 1], bootstraps=53, seed=7)
    assert np.array_equal(bootstrap(*counts, draws=[0, 1], bootstraps=53, seed=7), found)
    monkeypatch.setattr(comparison, "_KEPT", 0)
    monkeypatch.setattr(comparison, "_BLOCK", 5 * len(GOLD))
    monkeypatch.setattr(comparison, "_AT_ONCE", 3)
    assert np.array_equal(bootstrap(*counts, draws=[0, 1], bootstraps=53, seed=7), found)


@given(data=predictions(cells=2), metric=st.sampled_from(SINGLE))
@relaxed
def test_identical_predictions_are_a_tie(data, metric):
    gold, cells = data
    counts = count(metric, gold, cells)
    found = compare(counts, counts, [0, 0], resamples=101, bootstraps=103)
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert (found.draws.mean, found.n_cells, found.n_instances) == (0.0, 2, len(gold))


@given(data=predictions(cells=4), metric=st.sampled_from(SINGLE))
@relaxed
def test_exchanging_the_methods_changes_signs_alone(data, metric):
    gold, cells = data
    one, other = (count(metric, gold, part) for part in (cells[:2], cells[2:]))
    there, back = (compare(*pair, [0, 1], resamples=101, bootstraps=103) for pair in ((one, other), (other, one)))
    assert there.p == back.p
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert there == compare(one, other, [0, 1], resamples=101, bootstraps=103)


def test_any_score_of_summed_counts_is_compared():
    # Recall of one group: 5 of 7 against 2 of 7 facts found, the same number by every resample of equal instances.
    tables = [np.array([[[int(i < right)] for i in range(7)]], dtype=np.int8) for right in (5, 2)]
    gold = np.ones((7, 1), dtype=np.int8)
    pair = [Counts(t, t, gold, lambda correct, predicted, gold: (correct / gold).sum(axis=-1)) for t in tables]
    found = compare(*pair, [0], resamples=997, bootstraps=97)
    assert found.difference == pytest.approx(3 / 7)
    # Three instances can change sides: one of 2^3 swaps keeps them all, one turns them all.
    assert abs(found.p - 1 / 4) < 4 * math.sqrt(1 / 4 * 3 / 4 / 997)


def test_by_hand():
    # Accuracy: 37 of 53 against 21 of 53 right, so 16 of the second's 32 errors are saved.
    gold = ["Z"] * 53
    first, second = ["Z"] * 37 + ["none"] * 16, ["none"] * 32 + ["Z"] * 21
    counts = [accuracy(gold, [row]) for row in (first, second)]
    found = compare(*counts, [0], resamples=997, bootstraps=499)
    assert found.difference == pytest.approx(16 / 53)
    assert found.reduction is not None
    assert found.reduction[0] == pytest.approx(0.5)
    assert found.reduction[1] < 0.5 < found.reduction[2]
    # A bootstrap of a mean: 16/53 -+ 1.96 sqrt((48/53 - (16/53)^2) / 53), 32 instances for and 16 against the first.
    half = 1.96 * math.sqrt((48 / 53 - (16 / 53) ** 2) / 53)
    assert (found.low, found.high) == pytest.approx((16 / 53 - half, 16 / 53 + half), abs=0.04)
    assert found.draws.unit == "run"


def test_a_second_method_without_errors_has_no_reduction():
    gold = ["Z"] * 5
    counts = [accuracy(gold, [row]) for row in (["none"] * 5, gold)]
    found = compare(*counts, [0], resamples=97, bootstraps=97)
    assert found.reduction is None
    assert (found.low, found.high) == (-1.0, -1.0)
    assert found.p >= 2 / 32


def test_draws_weigh_alike():
    assert average(np.array([[1.0, 3.0, 8.0]]), [4, 4, 7]) == pytest.approx([5.0])
    gold = ["Z"] * 3
    cells = [["Z", "none", "none"], ["Z", "Z", "none"], ["Z"] * 3]
    first, second = (accuracy(gold, rows) for rows in (cells, [["none"] * 3] * 3))
    found = compare(first, second, [0, 0, 1], resamples=97, bootstraps=97)
    assert found.difference == pytest.approx((1 / 2 + 1) / 2)
    assert (found.draws.n_draws, found.draws.n, found.n_cells) == (2, 3, 3)


def test_the_smallest_p_is_not_zero():
    gold = ["Z"] * 97
    counts = [accuracy(gold, [row]) for row in (gold, ["none"] * 97)]
    assert randomisation_p(*counts, draws=[0], resamples=199) == 1 / 200


def test_unmatched_methods_are_refused():
    one, two = (accuracy(GOLD, cells) for cells in (FIRST[:1], SECOND))
    with pytest.raises(ValueError, match="one draw per cell"):
        compare(one, two, [0])
    one, other = (count("macro_f1_accuracy", gold, SECOND[:1]) for gold in (GOLD, GOLD[::-1]))
    with pytest.raises(ValueError, match="same gold relations"):
        randomisation_p(one, other, [0])
    empty = accuracy([], [[]])
    with pytest.raises(ValueError, match="at least one"):
        compare(empty, empty, [0])


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3 = 0.06, 0.04 * 2 = 0.08, 0.03 would be 0.06 but comes third of the sorted values.
    assert holm([0.04, 0.01, 0.02, 0.9]) == pytest.approx([0.08, 0.04, 0.06, 0.9])
    assert holm([0.02, 0.03, 0.021]) == pytest.approx([0.06, 0.06, 0.06])
    assert holm([0.8, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=11))
@relaxed
def test_holm_lies_between_the_raw_value_and_bonferroni(values):
    adjusted = holm(values)
    assert all(p <= a <= min(1, len(values) * p) + 1e-12 for p, a in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=lambda i: values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)
