"""The formula against the published one, and against the test whose power it promises (test_simulation.py)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bench.statistics.power import minimum_detectable_difference, plan_lines, power_of


@given(st.integers(50, 20_000), st.floats(0.05, 0.6), st.sampled_from([0.01, 0.05]), st.sampled_from([0.5, 0.8, 0.9]))
def test_the_difference_solves_connors_equation(n, discordance, alpha, power):
    found = minimum_detectable_difference(n, discordance, alpha, power)
    if found is not None:
        a, b = norm.ppf(1 - alpha / 2), norm.ppf(power)
        assert (a * math.sqrt(discordance) + b * math.sqrt(discordance - found**2)) ** 2 / found**2 == pytest.approx(n)
        if found < discordance:
            assert power_of(found, n, discordance, alpha) == pytest.approx(power, abs=1e-3)


@pytest.mark.parametrize(("n", "alpha", "power"), [(22.01, 0.05, 0.8), (22.81, 0.1, 0.9)])
def test_published_examples(n, alpha, power):
    # Discordant proportions 0.45 and 0.05 (powerandsamplesize.com, after Connor 1987): 23 pairs, rounded up.
    assert math.ceil(n) == 23
    assert minimum_detectable_difference(n, 0.5, alpha, power) == pytest.approx(0.4, abs=1e-3)


def test_more_instances_show_less_and_few_show_nothing():
    found = [minimum_detectable_difference(n, 0.2) for n in (100, 400, 2717, 15_509)]
    assert found == sorted(found, reverse=True)
    assert found[2] == pytest.approx(2.8016 * math.sqrt(0.2 / 2717), rel=0.01)  # z = 1.9600 + 0.8416
    assert minimum_detectable_difference(3, 0.05) is None
    assert minimum_detectable_difference(1, 0.05) is None


@pytest.mark.parametrize(
    "change", [{"instances": 0}, {"discordance": 0}, {"discordance": 20}, {"alpha": 5}, {"power": 0.3}]
)
def test_impossible_arguments_are_refused(change):
    with pytest.raises(ValueError, match="impossible"):
        minimum_detectable_difference(**({"instances": 100} | change))


def test_a_difference_above_its_discordance_is_refused():
    with pytest.raises(ValueError, match="discordance above it"):
        power_of(0.2, 100, 0.2)


def test_lines_of_a_plan():
    lines = plan_lines(2717, 3, 2)
    assert "2717 test instances" in lines[0]
    assert "3 draws x 2 seeds" in lines[0]
    assert lines[2] == "  2.4 points if exactly one of two methods is right on 20% of the instances"
    assert "none, too few instances" in plan_lines(0, 1, 1)[1]
    assert "none, too few instances" in plan_lines(7, 1, 1)[1]
