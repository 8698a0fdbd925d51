"""Plots: the front, the ticks, and SVG that is well formed and says its values."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report.frames import cells_frame, summary_frame
from bench.report.page import plots
from tests.records.factory import changed
from tests.report.test_tables import failed, record


def summary(records):
    return summary_frame(cells_frame(records))


def parsed(figure):
    return ET.fromstring(figure)


def said(figure):
    return [node.get("aria-label") for node in parsed(figure).iter("g") if node.get("tabindex") == "0"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (28.7, 29.9, [28.8, 29, 29.2, 29.4, 29.6, 29.8]),
     (0, 30, [0, 5, 10, 15, 20, 25, 30]), (3, 3, [3])],
)  # fmt: skip
def test_ticks(low, high, expected):
    assert plots.ticks(low, high) == expected


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_inside(low, width):
    found = plots.ticks(low, low + width)
    assert 2 <= len(found) <= 7
    slack = 1e-8 * width + 1e-9 * abs(low)
    assert all(low - slack <= tick <= low + width + slack for tick in found)


def test_points_by_ratio_say_their_values():
    runs = [record("a<b>", 0.1, draw=0, f1=0.25), record("a<b>", 0.1, draw=1, f1=0.35), record("plain", 0.1, f1=0.5)]
    figure = plots.f1_by_ratio(summary([*runs, failed(method="plain", ratio=1.0)]))
    # Two draws: 30 +- 12.706 * 7.07 / sqrt(2), cut at the ends of the metric.
    assert said(figure) == ["a<b> at 10%: 30.0 [0.0, 93.5], n = 2", "plain at 10%: 50.0, n = 1"]
    assert len([node for node in parsed(figure).iter("path") if node.get("class") == "whisker"]) == 1


def test_points_by_cost_say_whether_they_are_on_the_front():
    cheap = record("cheap", f1=0.4)
    dear = changed(record("dear", f1=0.3), cost=record().cost | {"train_seconds": 50.0})
    figure = plots.f1_by_cost(summary([cheap, dear]), 0.1)
    assert said(figure) == ["cheap: 40.0, n = 1, 12.5 s, on the front", "dear: 30.0, n = 1, 50 s"]
    places = [float(node.get("transform").split("(")[1].split()[0]) for node in parsed(figure).iter("g")
              if node.get("transform")]  # fmt: skip
    left, right = 40, 364  # of the axis, which ends at 54 seconds
    assert places == pytest.approx([left + (right - left) * 12.5 / 54, left + (right - left) * 50 / 54], abs=0.05)


def test_nothing_finished_nothing_drawn():
    assert plots.f1_by_ratio(summary([failed()])) == ""
    assert plots.f1_by_cost(summary([record()]), 0.1) == ""
    assert plots.f1_by_cost(summary([record("a", cost={}), record("b")]), 0.1) == ""


def test_equal_scores_still_have_an_axis():
    figure = plots.f1_by_ratio(summary([record(f1=0.0)]))
    assert said(figure) == ["etrag at 10%: 0.0, n = 1"]


def test_legend_escapes_names():
    assert "&lt;b&gt;" in plots.legend(["<b>"])
