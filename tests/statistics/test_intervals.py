"""Hand-computed intervals, their edges, and their coverage on simulated runs."""

import math

import numpy as np
import pytest

from bench.statistics.intervals import (
    MeanInterval,
    bootstrap_interval,
    mean_interval,
    probability_of_improvement,
)

# 97.5% quantile of Student's t with 2 degrees of freedom: t = (2p - 1) * sqrt(2 / (4p (1 - p))).
T_2 = 0.95 * math.sqrt(2 / 0.0975)


def test_draws_are_the_unit_and_seeds_are_averaged_first():
    # Draw means 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7.
    found = mean_interval([[0.0, 2.0], [1.0, 3.0], [5.0, 7.0]])
    half = T_2 * math.sqrt(7 / 3)
    assert found.mean == 3
    assert found.low == pytest.approx(3 - half, rel=1e-12)
    assert found.high == pytest.approx(3 + half, rel=1e-12)
    assert (found.n_draws, found.n_seeds, found.n, found.unit) == (3, 2, 6, "draws")


def test_two_draws_by_hand():
    # s = sqrt(0.02), s / sqrt(2) = 0.1; t(0.975, 1) = 12.7062047
    found = mean_interval([0.4, 0.6])
    assert found.mean == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.5 - 1.27062047364, 0.5 + 1.27062047364))
    assert (found.n_draws, found.n_seeds, found.n, found.unit) == (2, 1, 2, "draws")


def test_bounds_cut_what_the_metric_cannot_reach():
    found = mean_interval([0.4, 0.6], bounds=(0.0, 1.0))
    assert (found.low, found.high) == (0.0, 1.0)


def test_one_draw_speaks_of_its_seeds():
    found = mean_interval([[1.0, 2.0, 3.0]])
    assert (found.n_draws, found.n_seeds, found.n, found.unit) == (1, 3, 3, "seeds")
    assert found.low == pytest.approx(2 - T_2 / math.sqrt(3))


@pytest.mark.parametrize("scores", [[0.7], [[0.7]], np.array([[0.7]])])
def test_one_run_has_no_interval(scores):
    assert mean_interval(scores) == MeanInterval(0.7, None, None, 1, 1, 1, "run")


@pytest.mark.parametrize("n", [2, 3, 7])
def test_identical_values_have_a_zero_width_interval(n):
    found = mean_interval([0.1] * n)
    assert found.low == found.mean == found.high == 0.1


def test_rows_may_differ_in_length():
    found = mean_interval([[1.0, 3.0, 5.0], [5.0]])
    assert found.mean == 4
    assert (found.n_draws, found.n_seeds, found.n, found.unit) == (2, 3, 4, "draws")


def test_axes_are_draws_then_seeds():
    scores = np.arange(10.0).reshape(5, 2)
    assert (mean_interval(scores).n_draws, mean_interval(scores.T).n_draws) == (5, 2)


def test_seeds_alone_add_no_evidence_about_draws():
    few = mean_interval([[0.4, 0.4], [0.6, 0.6]])
    many = mean_interval([[0.4] * 11, [0.6] * 11])
    assert (few.low, few.high) == pytest.approx((many.low, many.high))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "no scores"),
        ([[]], "draw 0 has no run"),
        ([[0.5], []], "draw 1 has no run"),
        ([0.5, math.nan], "draw 1, seed 0 is nan"),
        ([[0.5, math.inf]], "draw 0, seed 1 is inf"),
        ([0.5, 50.0], "outside"),
        (np.zeros((2, 3, 5)), r"shape \(3, 5\)"),
    ],
)
def test_refuses(scores, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(scores, bounds=(0.0, 1.0))


def test_refuses_a_confidence_in_percent():
    with pytest.raises(ValueError, match="95"):
        mean_interval([0.1, 0.2], confidence=95)


@pytest.mark.parametrize("draws", [2, 3, 7])
def test_interval_covers_the_true_mean_as_often_as_it_says(draws):
    # 2,000 experiments with two sources of variation; the share has standard error 0.0049.
    rng = np.random.default_rng(20_260_101 + draws)
    runs, seeds, truth = 2_000, 3, 0.62
    scores = truth + 0.03 * rng.normal(size=(runs, draws, 1)) + 0.02 * rng.normal(size=(runs, draws, seeds))
    found = [mean_interval(experiment) for experiment in scores]
    share = np.mean([f.low <= truth <= f.high for f in found])
    assert abs(share - 0.95) < 4 * math.sqrt(0.95 * 0.05 / runs)


def test_bootstrap_of_two_draws_by_hand():
    # Means of two resampled draws are 0 (1/4), 3 (1/2) or 6 (1/4): the 2.5% and 97.5% quantiles are the extremes.
    assert bootstrap_interval([0.0, 6.0]) == (0.0, 6.0)
    assert bootstrap_interval([0.0, 6.0], confidence=0.4) == (3.0, 3.0)
    assert bootstrap_interval([[0.7]]) is None
    assert bootstrap_interval([[0.2, 0.2], [0.2]]) == (0.2, 0.2)


def test_bootstrap_resamples_seeds_within_draws():
    # One draw: means of two resampled seeds. Two draws of equal spread around equal means: draws add nothing.
    assert bootstrap_interval([[0.0, 6.0]]) == (0.0, 6.0)
    low, high = bootstrap_interval([[0.0, 6.0]] * 2, resamples=20_000)
    # The mean of four independent values 0 or 6: 0 with probability 1/16, 1.5 with 4/16, and so on.
    assert (low, high) == (0.0, 6.0)
    assert bootstrap_interval([[0.0, 6.0]] * 2, confidence=0.8) == (1.5, 4.5)


def test_bootstrap_covers_where_there_are_many_draws():
    rng = np.random.default_rng(7)
    scores = rng.normal(size=(600, 23, 1)) + 0.5 * rng.normal(size=(600, 23, 2))
    found = [bootstrap_interval(experiment, resamples=300) for experiment in scores]
    share = np.mean([low <= 0 <= high for low, high in found])
    assert abs(share - 0.94) < 4 * math.sqrt(0.94 * 0.06 / 600)  # a percent short, as ever with a percentile bootstrap


@pytest.mark.parametrize("scores", [[], [[]], [math.nan]])
def test_bootstrap_refuses(scores):
    with pytest.raises(ValueError, match=r"no scores|no run|nan"):
        bootstrap_interval(scores)


def test_probability_of_improvement_by_hand():
    # Pairs of [3, 5] with [1, 3, 4]: 3 > 1, 3 = 3, 3 < 4, and 5 above all three.
    assert probability_of_improvement([[3.0], [5.0]], [1.0, 3.0, 4.0]) == pytest.approx(4.5 / 6)
    assert probability_of_improvement([1.0], [1.0]) == 0.5
    with pytest.raises(ValueError, match="no scores"):
        probability_of_improvement([], [1.0])
