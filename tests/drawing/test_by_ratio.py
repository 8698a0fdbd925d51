"""Figures show the computed numbers, in any palette-free reading, and are the same bytes twice."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from bench.drawing.by_ratio import f1_by_ratio
from bench.drawing.style import figure_bytes

METHODS = ("no_retrieval", "rag_text", "rag_bm25", "etrag")


def summary(methods=METHODS, ratios=(0.01, 0.1, 1.0), **changes):
    rows = []
    for place, method in enumerate(methods):
        for step, ratio in enumerate(ratios):
            mean = 0.3 + 0.2 * step + 0.01 * place
            row = {"dataset": "toy", "metric": "micro_f1", "method": method, "ratio": ratio, "f1_mean": mean}
            row |= {"f1_low": mean - 0.05, "f1_high": mean + 0.03, "n": 2, "n_draws": 2, "n_seeds": 1}
            rows.append(row | changes)
    return pd.DataFrame(rows)


def tick_labels(figure):
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_points_and_intervals_are_the_numbers_in_percent():
    figure = f1_by_ratio(summary())
    for place, drawn in enumerate(figure.axes[0].containers):
        assert list(drawn[0].get_ydata()) == pytest.approx([30 + place, 50 + place, 70 + place])
        (bars,) = drawn[2]
        first = bars.get_segments()[0]
        assert first[:, 1] == pytest.approx([25 + place, 33 + place])


def test_methods_at_one_ratio_stand_side_by_side_and_near_it():
    lines = [drawn[0] for drawn in f1_by_ratio(summary()).axes[0].containers]
    at_ten_percent = [line.get_xdata()[1] for line in lines]
    assert at_ten_percent == sorted(set(at_ten_percent))
    assert all(0.08 < x < 0.125 for x in at_ten_percent)


def test_close_ratios_do_not_mix():
    lines = [drawn[0] for drawn in f1_by_ratio(summary(ratios=(0.05, 0.06))).axes[0].containers]
    assert max(line.get_xdata()[0] for line in lines) < min(line.get_xdata()[1] for line in lines)


def test_methods_differ_without_colour():
    lines = [drawn[0] for drawn in f1_by_ratio(summary()).axes[0].containers]
    assert len({line.get_marker() for line in lines}) == len(METHODS)
    assert len({str(line._dash_pattern) for line in lines}) == len(METHODS)
    assert len({to_hex(line.get_color()) for line in lines}) == len(METHODS)


def test_labels_name_metric_ratios_and_n():
    figure = f1_by_ratio(summary())
    axes = figure.axes[0]
    assert axes.get_ylabel() == "micro-F1 (%)"
    assert tick_labels(figure) == ["1%\n2×1", "10%\n2×1", "100%\n2×1"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(METHODS)


def test_n_where_methods_differ_and_where_nothing_ran():
    frame = summary(methods=("a", "b"))
    frame.loc[0, ["n", "n_draws"]] = [1, 1]
    frame.loc[frame["ratio"] == 0.1, "n"] = 3  # 3 runs in 2 draws: not a full grid
    frame.loc[frame["ratio"] == 1.0, ["n", "f1_mean", "f1_low", "f1_high"]] = [
        0,
        float("nan"),
        float("nan"),
        float("nan"),
    ]
    assert tick_labels(f1_by_ratio(frame)) == ["1%\n1–2", "10%\n3", "100%\n–"]


def test_a_missing_point_breaks_the_line_and_a_single_run_has_no_bar():
    frame = summary(methods=("a",))
    frame.loc[0, ["f1_low", "f1_high"]] = float("nan")
    drawn = f1_by_ratio(frame.drop(index=1).reset_index(drop=True)).axes[0].containers[0]
    assert len(drawn[0].get_ydata()) == 2  # with one method alone the absent ratio is not on the axis
    both = pd.concat([summary(methods=("b",)), frame.drop(index=1)])
    values = f1_by_ratio(both).axes[0].containers[1][0].get_ydata()
    assert [value == value for value in values] == [True, False, True]


def test_nothing_finished_still_draws():
    nothing = summary(f1_mean=float("nan"), f1_low=float("nan"), f1_high=float("nan"), n=0)
    assert figure_bytes(f1_by_ratio(nothing), "png").startswith(b"\x89PNG")


def test_axis_stays_within_the_metric():
    low, high = f1_by_ratio(summary(f1_low=0.0, f1_high=1.0)).axes[0].get_ylim()
    assert low >= -2
    assert high <= 102


def test_more_methods_than_colours_and_names_with_dollar_signs():
    names = [f"method_{n}$x^$" for n in range(11)]
    figure = f1_by_ratio(summary(methods=names, dataset="a$b$c"))
    assert len(figure.axes[0].containers) == 11
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_same_bytes_twice(form):
    frame = summary(methods=("a", "b"), ratios=(0.05, 0.5))
    first, second = (figure_bytes(f1_by_ratio(frame), form) for _ in range(2))
    assert first == second
    assert b"CreationDate" not in first
    assert b"Matplotlib v" not in first


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.concat([summary(), summary(dataset="other")])])
def test_one_dataset_at_a_time(frame):
    with pytest.raises(ValueError, match="a figure shows one dataset"):
        f1_by_ratio(frame)
