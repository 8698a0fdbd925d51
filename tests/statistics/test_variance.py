"""Variance components by hand, with holes, and what they cannot tell."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.statistics.variance import Components, variance_components


def test_components_of_a_complete_grid_by_hand():
    # Mean squares: draws 9, seeds 4, rest 1; two runs per draw and per seed.
    found = variance_components([[1.0, 2.0], [3.0, 6.0]])
    assert (found.draw, found.seed, found.rest) == pytest.approx(((9 - 1) / 2, (4 - 1) / 2, 1.0))
    assert (found.cut, found.n) == ((), 4)


def test_nested_components_of_uneven_draws_by_hand():
    # Between draws 50/3 with 1 degree of freedom, within 2 with 1; n0 = 3 - (4 + 1) / 3 = 4/3.
    found = variance_components([[0.0, 2.0], [6.0]], crossed=False)
    assert (found.draw, found.rest) == pytest.approx(((50 / 3 - 2) / (4 / 3), 2.0))
    assert found.seed is None


def test_negative_estimates_are_cut_and_named():
    # Draw means are equal, as are seed means: both mean squares are 0 and the rest's is 4.
    found = variance_components([[0.0, 2.0], [2.0, 0.0]])
    assert found == Components(0.0, 0.0, pytest.approx(4.0), ("draw", "seed"), 4)


@pytest.mark.parametrize(
    ("scores", "draw", "seed", "rest"),
    [
        ([[0.5]], None, None, None),
        ([[1.0, 3.0]], None, None, 2.0),  # one draw: the seeds alone
        ([[1.0], [3.0]], None, None, 2.0),  # one seed: the draws alone
        ([[1.0, math.nan], [math.nan, 3.0]], None, None, 2.0),  # every run has its own draw and seed
        ([[0.4, 0.4], [0.4, 0.4]], 0.0, 0.0, 0.0),
    ],
)
def test_what_the_runs_cannot_tell_is_in_the_rest(scores, draw, seed, rest):
    found = variance_components(scores)
    assert (found.draw, found.seed, found.cut) == (draw, seed, ())
    assert found.rest == (None if rest is None else pytest.approx(rest))


def test_components_are_recovered_from_a_grid_with_holes():
    rng = np.random.default_rng(3)
    draws, seeds = 101, 53
    scores = 3 * rng.normal(size=(draws, 1)) + 2 * rng.normal(size=(1, seeds)) + rng.normal(size=(draws, seeds))
    scores[:, 5:][rng.random((draws, seeds - 5)) < 0.9] = math.nan
    found = variance_components(scores)
    assert found.n < draws * seeds / 4
    # Standard errors: about 2 v^2 / m under the root, with m levels.
    assert found.draw == pytest.approx(9, abs=4 * 9 * math.sqrt(2 / draws))
    assert found.seed == pytest.approx(4, abs=4 * 4 * math.sqrt(2 / seeds))
    assert found.rest == pytest.approx(1, abs=4 * math.sqrt(2 / (found.n - draws - seeds)))


grids = st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=5)


@given(grids, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_components_ignore_shifts_and_orders_and_scale_with_the_square(scores, random):
    grid = np.array(scores)
    found = variance_components(grid)
    order = random.sample(range(len(grid)), len(grid))
    moved = variance_components(7 * grid[order][:, [2, 0, 1]] + 3)
    for name in ("draw", "seed", "rest"):
        assert getattr(moved, name) == pytest.approx(49 * getattr(found, name), abs=1e-9)


@pytest.mark.parametrize("scores", [[], [[math.nan]], [[0.1, math.inf]]])
def test_components_refuse(scores):
    with pytest.raises(ValueError, match="at least one run"):
        variance_components(scores)
