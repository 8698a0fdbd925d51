"""Claims decided on numbers whose intervals are worked out by hand: t(0.975, 2) = 4.302653."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures.rules import Estimate, decide, verdicts
from bench.statistics.intervals import mean_interval
from tests.figures.made import CONTRACT, cells, contract, record

ONE_RATIO = CONTRACT.replace("[0.1, 0.5]", "[0.5]")


def pairs(*leads, ratio=0.5, **more):
    """Records of both methods, one draw per lead of `mini`."""
    both = [(record("mini", 0.5 + lead, ratio, draw), record("mini_plain", 0.5, ratio, draw, **more))
            for draw, lead in enumerate(leads)]  # fmt: skip
    return [one for pair in both for one in pair]


def verdict(text, *records):
    of = contract(text)
    (found,) = verdicts(of, cells(of, *records))
    return found


def test_supported_where_the_paired_interval_lies_above_zero(mini_preset):
    # Mean 0.05, standard deviation 0.02: half width 4.302653 x 0.02 / sqrt(3) = 0.049683.
    found = verdict(ONE_RATIO, *pairs(0.03, 0.05, 0.07))
    (estimate,) = found.estimates
    assert found.decision == "supported"
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx((0.000317, 0.099683), abs=1e-6)
    assert (estimate.n_draws, estimate.interval.unit) == (3, "draws")


def test_not_supported_within_the_margin_or_in_doubt(mini_preset):
    with_margin = ONE_RATIO + "    margin: 0.001\n"
    assert verdict(with_margin, *pairs(0.03, 0.05, 0.07)).decision == "not supported"
    found = verdict(ONE_RATIO, *pairs(0.02, 0.05, 0.08))
    assert (found.decision, found.because) == ("not supported", "1 of 1 comparisons do not hold")
    found = verdict(ONE_RATIO, *pairs(-0.03, -0.05, -0.07))
    assert found.because.endswith("in 1 the whole interval lies below")


def test_pairs_matter_not_means(mini_preset):
    """Draws differ by 20 points and methods by one: unpaired intervals would overlap."""
    records = [record(method, 0.3 + 0.2 * draw + lead + 0.0001 * draw, draw=draw) for draw in range(3)
               for method, lead in (("mini", 0.01 * (1 + 0.01 * draw)), ("mini_plain", 0))]  # fmt: skip
    assert verdict(ONE_RATIO, *records).decision == "supported"


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_draws_decide_nothing(mini_preset, n):
    found = verdict(ONE_RATIO, *pairs(*[0.1] * n))
    assert (found.decision, found.because) == ("not testable here", f"n = {n} draws, 3 are needed")


def test_seeds_are_no_draws(mini_preset):
    text = ONE_RATIO.replace("draws: [0, 1, 2], seeds: [0]", "draws: [0], seeds: [0, 1, 2]")
    records = [record(method, f1 + 0.01 * seed, seed=seed) for seed in range(3)
               for method, f1 in (("mini", 0.7), ("mini_plain", 0.5))]  # fmt: skip
    found = verdict(text, *records)
    assert (found.decision, found.estimates[0].n_draws, found.estimates[0].interval.n) == ("not testable here", 1, 3)


def test_runs_on_other_instances_are_no_pair(mini_preset):
    found = verdict(ONE_RATIO, *pairs(0.03, 0.05), *pairs(0, 0, 0.07, identity={"subset_hash": "other"})[4:])
    assert (found.decision, found.estimates[0].n_draws, found.estimates[0].apart) == ("not testable here", 2, 1)


def test_a_refuted_ratio_refutes_though_another_is_missing(mini_preset):
    found = verdict(CONTRACT, *pairs(-0.03, -0.05, -0.07))
    assert found.decision == "not supported"
    assert [estimate.ratio for estimate in found.estimates] == ["0.1", "0.5"]
    found = verdict(CONTRACT, *pairs(0.03, 0.05, 0.07))
    assert (found.decision, found.because) == ("not testable here", "n = 0 draws, 3 are needed")
    only = CONTRACT + "    ratios: [0.5, 0.7]\n"
    assert verdict(only, *pairs(0.03, 0.05, 0.07)).decision == "supported"


def test_more_at_low_takes_differences_draw_by_draw(mini_preset):
    # 0.05 - 0.02, 0.07 - 0.02, 0.09 - 0.05 = 0.03, 0.05, 0.04: mean 0.04, half width 4.302653 x 0.01 / sqrt(3).
    text = CONTRACT.replace("rule: greater", "rule: more_at_low\n    low: 0.1\n    high: 0.5")
    records = [*pairs(0.05, 0.07, 0.09, ratio=0.1), *pairs(0.02, 0.02, 0.05)]
    found = verdict(text, *records)
    (estimate,) = found.estimates
    assert found.decision == "supported"
    assert (estimate.interval.mean, estimate.interval.low) == pytest.approx((0.04, 0.015158), abs=1e-6)
    assert verdict(text, *pairs(0.05, 0.07, 0.09, ratio=0.1)).decision == "not testable here"


AT_LEAST = (
    ONE_RATIO.partition("claims:")[0]
    + """claims:
  - {says: high, whose: ours, rule: at_least, threshold: 0.45, of: {series: mini, value: metrics.f1}}
"""
)


def test_at_least_wants_the_whole_interval_above(mini_preset):
    # 0.48, 0.50, 0.52: half width 0.049683, so from 0.450317 on.
    records = [record("mini", f1, draw=draw) for draw, f1 in enumerate((0.48, 0.50, 0.52))]
    assert verdict(AT_LEAST, *records).decision == "supported"
    assert verdict(AT_LEAST.replace("0.45", "0.451"), *records).decision == "not supported"
    assert verdict(AT_LEAST, *records[:2]).decision == "not testable here"


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=7))
def test_a_claim_and_its_opposite_are_never_both_supported(leads):
    both = [Estimate("", "", "", mean_interval(rows), 0.0) for rows in (leads, [-lead for lead in leads])]
    assert [decide([one], 3)[0] for one in both].count("supported") <= 1


def test_nothing_compared_decides_nothing():
    assert decide([], 3) == ("not testable here", "n = 0 draws, 3 are needed")
