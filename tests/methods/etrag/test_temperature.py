"""The rules of the temperature, by hand; one call for all."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from methods.etrag.options import EtragOptions, TemperatureRule
from methods.etrag.temperature import RULES, Annealed, Fixed, Learned, Spread

SCORES = torch.tensor([[1.0, 3.0, 9.0], [2.0, 2.0, 8.0]])
MASK = torch.tensor([[True, True, False], [True, True, True]])
QUERIES = torch.zeros(2, 3, 5)


def test_every_rule_that_can_be_set_is_there() -> None:
    assert set(RULES) == set(get_args(TemperatureRule))
    assert EtragOptions().temperature_rule == "fixed"


def test_fixed_is_one_number() -> None:
    assert float(Fixed(0.3)(SCORES, MASK, QUERIES, 0.5)) == pytest.approx(0.3)
    assert not list(Fixed(0.3).parameters())


def test_annealed_falls_geometrically_in_training_alone() -> None:
    rule = Annealed(0.01, start=1.0)
    assert [float(rule(SCORES, MASK, QUERIES, done)) for done in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.1, 0.01])
    assert float(rule.eval()(SCORES, MASK, QUERIES, 0.0)) == pytest.approx(0.01)


def test_learned_starts_where_it_is_told_and_has_a_gradient() -> None:
    rule = Learned(0.5)
    value = rule(SCORES, MASK, QUERIES, 0.0)
    value.backward()
    assert float(value.detach()) == pytest.approx(0.5)
    assert float(rule.log.grad) == pytest.approx(0.5)  # d exp(u) / du


def test_spread_is_in_units_of_each_querys_admitted_scores() -> None:
    found = Spread(0.5)(SCORES, MASK, QUERIES, 0.0)
    assert found.tolist() == [[pytest.approx(0.5)], [pytest.approx(0.5 * 8**0.5)]]  # std 1 and sqrt((4+4+16)/3)
