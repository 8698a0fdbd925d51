"""Panels and heatmaps show the numbers that they are given."""

import math

import pandas as pd
import pytest

from bench.drawing.heatmap import confusion_heatmap
from bench.drawing.lines import line_panels
from bench.drawing.style import figure_bytes

COLUMNS = ["panel", "line", "x", "mean", "low", "high", "reference"]


def points(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


POINTS = points(
    ("F1", "a", 3.0, 50.0, 47.0, 53.0, False),
    ("F1", "a", 1.0, 40.0, math.nan, math.nan, False),
    ("F1", "b$", 1.0, 60.0, 59.0, 61.0, False),
    ("F1", "a", 1.0, 11.0, math.nan, math.nan, True),
    ("F1", "a", 3.0, 11.0, math.nan, math.nan, True),
    ("seconds", "b$", 3.0, 7.0, 5.0, 9.0, False),
)


def test_lines_intervals_and_references():
    figure = line_panels(POINTS, "title", "k")
    first, second = figure.axes
    (a, b) = first.containers
    assert [list(a[0].get_xdata()), list(a[0].get_ydata())] == [[1, 3], [40, 50]]
    assert a[2][0].get_segments()[1][:, 1] == pytest.approx([47, 53])
    assert list(b[0].get_ydata()) == [60]
    dotted = next(line for line in first.lines if line.get_linestyle() == ":" and len(line.get_xdata()))
    assert list(dotted.get_ydata()) == [11, 11]
    assert [axes.get_ylabel() for axes in (first, second)] == ["F1", "seconds"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["1", "3"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", r"b\$"]
    only_b = second.containers[0][0]
    assert only_b.get_color() == b[0].get_color()  # a line keeps its colour from panel to panel


def test_one_label_for_panels_of_one_kind():
    shared = POINTS.copy()
    shared.attrs["y_label"] = "share (%)"
    figure = line_panels(shared, "title", "k")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["F1", "seconds"]
    assert figure.axes[0].get_ylabel() == "share (%)"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_a_logarithmic_axis():
    figure = line_panels(POINTS, "title", "t", log_x=True)
    assert figure.axes[0].get_xscale() == "log"


def test_rows_of_the_heatmap_are_shares():
    figure = confusion_heatmap({"b": {"a": 3, "c": 1}, "a": {"a": 997, "b": 3}}, "title", "query", "neighbour")
    image = figure.axes[0].images[0].get_array()
    assert image.tolist() == [[pytest.approx(99.7), pytest.approx(0.3), 0], [75, 0, 25]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a", "b", "c"]
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["100", "25", "75"]


@pytest.mark.parametrize("make", [lambda: line_panels(POINTS, "t", "x"),
                                  lambda: confusion_heatmap({"a": {"b": 1}}, "t", "x", "y")])  # fmt: skip
def test_same_bytes_twice(make):
    assert figure_bytes(make(), "png") == figure_bytes(make(), "png")
    assert figure_bytes(make(), "pdf") == figure_bytes(make(), "pdf")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no points"):
        line_panels(points(), "t", "x")
    with pytest.raises(ValueError, match="no counts"):
        confusion_heatmap({}, "t", "x", "y")
    with pytest.raises(ValueError, match="no counts"):
        confusion_heatmap({"a": {}}, "t", "x", "y")
