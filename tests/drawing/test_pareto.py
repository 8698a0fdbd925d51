"""Pareto fronts, and points where the numbers are."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.drawing.pareto import pareto_front, quality_by_cost
from bench.drawing.style import figure_bytes


def summary(**changes):
    rows = [
        {"dataset": "toy", "metric": "micro_f1", "method": method, "ratio": ratio, "f1_mean": f1, "n": 2}
        | {"train_seconds": seconds, "predict_seconds": seconds / 10}
        for ratio in (0.1, 1.0)
        for method, f1, seconds in (("cheap", 0.3, 5.0), ("dear", 0.5, 70.0), ("wasteful", 0.2, 80.0))
    ]
    return pd.DataFrame(rows).assign(**changes)


def test_front_by_hand():
    assert pareto_front([3, 1, 2, 2, 4], [5, 1, 1, 3, 5]) == [1, 3, 0]
    # (3, 70) is dearer and worse than (2, 80); (5, 80) only dearer.
    assert pareto_front([2, 3, 1, 5, 7], [80, 70, 50, 80, 90]) == [2, 0, 4]
    assert pareto_front([], []) == []


def test_equal_points_do_not_beat_each_other():
    assert pareto_front([2, 5, 1, 2], [7, 7, 3, 7]) == [2, 0, 3]
    assert pareto_front([2, 2], [7, 8]) == [1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=13))
def test_a_point_is_beaten_or_on_the_front(points):
    front = pareto_front([cost for cost, _ in points], [score for _, score in points])

    def beaten(one):
        return any(c <= one[0] and s >= one[1] and (c, s) != one for c, s in points)

    assert set(front) == {place for place, point in enumerate(points) if not beaten(point)}
    assert len(set(front)) == len(front)
    assert [points[place] for place in front] == sorted(points[place] for place in front)


def test_points_and_fronts():
    train, predict = quality_by_cost(summary()).axes
    fronts = [line for line in train.lines if len(line.get_xdata()) > 1]
    assert [list(line.get_xdata()) for line in fronts] == [[5.0, 70.0]] * 2
    assert [list(line.get_ydata()) for line in fronts] == [pytest.approx([30, 50])] * 2
    assert {line.get_xdata()[0] for line in predict.lines} == {0.5, 7.0, 8.0}
    assert [text.get_text() for text in train.texts] == ["10%", "100%"]


def test_unfinished_and_unmeasured_points_are_left_out():
    frame = summary()
    frame.loc[0, ["n", "f1_mean"]] = [0, float("nan")]
    frame["predict_seconds"] = float("nan")
    train, predict = quality_by_cost(frame).axes
    assert len([line for line in train.lines if len(line.get_xdata()) == 1]) == 5 + 1  # one front is one point
    assert not predict.lines


def test_same_bytes_twice():
    assert figure_bytes(quality_by_cost(summary()), "pdf") == figure_bytes(quality_by_cost(summary()), "pdf")


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.concat([summary(), summary(dataset="other")])])
def test_one_dataset_at_a_time(frame):
    with pytest.raises(ValueError, match="a figure shows one dataset"):
        quality_by_cost(frame)
