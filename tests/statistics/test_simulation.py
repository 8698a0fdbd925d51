"""Tests and intervals keep their promises on simulated comparisons; shorter than `bench simulate`, the same code."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.comparison import bootstrap, randomisation_p
from bench.statistics.power import power_of
from bench.statistics.simulation import Rate, World, rates


def rejected(world: World, comparisons: int, seed: int, resamples: int = 199) -> float:
    rng = np.random.default_rng(seed)
    tests = (randomisation_p(*world.sample(rng), range(world.cells), resamples) for _ in range(comparisons))
    return float(np.mean([p < 0.05 for p in tests]))


@pytest.mark.parametrize("metric", ["tacred_micro_f1", "semeval_macro_f1", "macro_f1_accuracy"])
@pytest.mark.parametrize("cells", [1, 3])
def test_no_difference_is_found_in_5_of_100(metric: str, cells: int) -> None:
    share = rejected(World(metric, 211, cells=cells), 1000, seed=11 * cells)
    assert 0.03 <= share <= 0.07


def test_a_difference_of_3_f1_is_found_as_often_as_the_formula_says() -> None:
    world = World("tacred_micro_f1", 2000, negative_share=0.0, difference=0.03)
    promised = power_of(0.03, 2000, world.discordance)
    assert abs(rejected(world, 1000, seed=5) - promised) < 3 * math.sqrt(promised * (1 - promised) / 1000)


def test_swapping_cell_by_cell_would_find_too_much() -> None:
    # Why instances are swapped in all cells together: the cells share them, and one cell's error is the other's too.
    world, rng, found = World("tacred_micro_f1", 101, cells=17), np.random.default_rng(2), []
    for _ in range(300):
        first, second = world.sample(rng)
        parts = []
        for counts in (first, second):
            flat = [table.reshape(1, -1, table.shape[-1]) for table in (counts.correct, counts.predicted)]
            parts.append(type(counts)(*flat, np.tile(counts.gold, (17, 1)), counts.score))
        found.append(randomisation_p(*parts, [0], 199) < 0.05)
    assert np.mean(found) > 0.12


@pytest.mark.parametrize("cells", [1, 2])
def test_the_bootstrap_interval_covers_the_true_difference(cells: int) -> None:
    world, rng = World("tacred_micro_f1", 503, difference=0.04, cells=cells), np.random.default_rng(13)
    covered = []
    for _ in range(600):
        sampled = bootstrap(*world.sample(rng), range(cells), 199)
        low, high = np.quantile(sampled[0] - sampled[1], [0.025, 0.975])
        covered.append(low <= world.truth() <= high)
    assert abs(np.mean(covered) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 600)


def test_the_truth_is_that_of_a_large_sample() -> None:
    world = World("tacred_micro_f1", 200_003, difference=0.1, negative_share=0.3)
    first, second = world.sample(np.random.default_rng(1))
    assert (first.scores() - second.scores())[0] == pytest.approx(world.truth(), abs=0.005)


def test_rates_are_the_same_twice_and_know_their_error() -> None:
    found = list(rates(7, 19, seed=3))
    assert found == list(rates(7, 19, seed=3))
    assert all(0 <= rate.rate <= 1 for rate in found)
    assert Rate("x", 0.5, 0.2, 100).error == pytest.approx(0.04)
    assert Rate("x", 0.5, None, 100).error == pytest.approx(0.05)
    with pytest.raises(ValueError, match="at least one"):
        list(rates(0))
