"""When the database is encoded again: with keys that the test moves, without any model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.etrag.staleness import Staleness, distance, sample


class Moving:
    """Keys [1, 1, 2] that turn by a right angle with every call after ``still`` of them."""

    def __init__(self, still: int = 0) -> None:
        self.calls, self.still = 0, still

    def __call__(self) -> Tensor:
        turned = max(0, self.calls - self.still) % 2
        self.calls += 1
        return torch.tensor([[[1.0 - turned, float(turned)]]])


KEYS = torch.tensor([[[1.0, 0.0]]])
TURNED = torch.tensor([[[0.0, 1.0]]])


def test_the_first_time_and_then_every_interval() -> None:
    staleness = Staleness(5, 0.0, lambda: KEYS)
    due = [staleness.due(step, KEYS if step else None, True) for step in range(12)]
    assert [step for step, now in enumerate(due) if now] == [0, 5, 10]


def test_evaluation_needs_the_newest_once() -> None:
    staleness = Staleness(100, 0.0, lambda: KEYS)
    assert staleness.due(7, KEYS, training=False)
    assert not staleness.due(7, KEYS, training=False)
    assert staleness.due(8, KEYS, training=False)


def test_drift_brings_it_forward_when_it_is_looked_at() -> None:
    moved = Staleness(100, 0.5, lambda: TURNED)
    assert moved.due(0, None, True)
    assert [step for step in range(1, 25) if moved.due(step, KEYS, True)] == [10, 20]
    resting = Staleness(100, 0.5, lambda: KEYS)
    assert resting.due(0, None, True)
    assert not any(resting.due(step, KEYS, True) for step in range(1, 25))


def test_without_a_limit_no_drift_is_measured() -> None:
    moving = Moving()
    staleness = Staleness(100, 0.0, moving)
    staleness.due(0, None, True)
    assert not any(staleness.due(step, KEYS, True) for step in range(1, 25))
    assert moving.calls == 0


def test_what_training_reports() -> None:
    staleness = Staleness(2, 0.0, Moving(still=1))
    assert staleness.summary() == {}
    seen = [staleness.observe(step) for step in range(5)]  # keys at steps 0, 2 and 4: still, still, turned
    assert seen == [{}, {}, {"key_drift": pytest.approx(0.0)}, {}, {"key_drift": pytest.approx(1.0)}]
    assert staleness.summary() == {"key_drift": pytest.approx(0.5)}
    staleness.due(5, KEYS, True)  # the next look: not turned
    assert staleness.summary() == {
        "key_drift": pytest.approx(0.5),
        "refreshes": 1,
        "drift_at_refresh": pytest.approx(0),
    }


def test_the_distance_is_a_mean_of_cosines() -> None:
    assert distance(torch.cat([KEYS, KEYS]), torch.cat([KEYS, TURNED])) == pytest.approx(0.5)
    assert distance(KEYS, 3 * KEYS) == pytest.approx(0.0)


@pytest.mark.parametrize(("count", "expected"), [(7, 7), (32, 32), (67, 32), (1000, 32)])
def test_a_sample_is_spread_over_all(count: int, expected: int) -> None:
    rows = list(range(count))[sample(count)]
    assert len(rows) == expected
    assert rows[-1] >= count * 6 / 7
