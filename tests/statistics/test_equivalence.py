"""Data equivalence: interpolation by hand, its ends, and resampled draws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.statistics.equivalence import Equivalence, data_equivalence

RATIOS = (0.01, 0.1, 1.0)


def test_halfway_in_log_ratio():
    found = data_equivalence(RATIOS, np.array([[0.2, 0.4, 0.8]]), [0.6])
    assert found.ratio == pytest.approx(10**-0.5)
    assert (found.low, found.high, found.monotone) == (None, None, True)


@pytest.mark.parametrize(
    ("score", "ratio"), [(0.2, 0.01), (0.4, 0.1), (0.8, 1.0), (0.19, 0.0), (0.81, math.inf), (0.25, 0.01 * 10**0.25)]
)
def test_at_and_beyond_the_curve(score, ratio):
    assert data_equivalence(RATIOS, np.array([[0.2, 0.4, 0.8]]), [score]).ratio == pytest.approx(ratio)


def test_a_falling_curve_is_pooled():
    # 0.5 and 0.3 become 0.4 twice; 0.4 is reached at the first of them, 0.6 halfway between the last two in log ratio.
    falling = np.array([[0.5, 0.3, 0.8]])
    assert data_equivalence(RATIOS, falling, [0.4]) == Equivalence(0.01, None, None, False)
    assert data_equivalence(RATIOS, falling, [0.6]).ratio == pytest.approx(10**-0.5)


def test_the_baseline_against_itself_needs_the_same_ratio():
    curve = np.array([[0.21, 0.43, 0.8], [0.17, 0.47, math.nan], [0.23, 0.41, math.nan]])
    found = data_equivalence(RATIOS, curve, curve[:, 1])
    assert (found.ratio, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_interval_over_draws_of_a_method_by_hand():
    # The curve is the same in all draws; the method's mean is 0.4, 0.6 or 0.8 as its two draws are resampled.
    curve = np.array([[0.2, 0.4, 0.8]] * 2)
    found = data_equivalence(RATIOS, curve, [0.4, 0.8])
    assert (found.ratio, found.low, found.high) == pytest.approx((10**-0.5, 0.1, 1.0))
    above = data_equivalence(RATIOS, curve, [0.4, 0.9])
    assert (above.low, above.high) == (pytest.approx(0.1), math.inf)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_a_better_method_never_needs_less(curve, one, other):
    low, high = (data_equivalence(RATIOS, np.array([curve]), [score]).ratio for score in sorted((one, other)))
    assert low <= high * (1 + 1e-12)


@pytest.mark.parametrize(
    ("ratios", "curve", "method", "message"),
    [
        ((0.1, 0.01), [[1, 2]], [1], "ascend"),
        ((), [[]], [1], "ascend"),
        ((0.1,), [[1, 2]], [1], r"\(1, 1\), got \(1, 2\)"),
        ((0.1, 1.0), [[1, math.nan]], [1], "at least one score"),
        ((0.1, 1.0), [[1, 2]], [math.nan], "at least one score"),
    ],
)
def test_refuses(ratios, curve, method, message):
    with pytest.raises(ValueError, match=message):
        data_equivalence(ratios, np.array(curve, dtype=float), method)
