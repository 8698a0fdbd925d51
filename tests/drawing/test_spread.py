"""Every run is a point; means weigh draws alike."""

import pandas as pd
import pytest

from bench.drawing.spread import spread_by_run
from bench.drawing.style import figure_bytes


def cells(**changes):
    rows = [
        {"dataset": "toy", "metric": "macro_f1", "status": "ok", "method": "m$1", "ratio": ratio, "draw": draw}
        | {"seed": seed, "subset": f"s{draw}", "order": f"o{draw}", "f1": f1}
        for ratio in (0.1, 1.0)
        for draw, seed, f1 in ((0, 0, 0.2), (0, 1, 0.4), (1, 0, 0.7))
    ]
    return pd.DataFrame(rows).assign(**changes)


def test_runs_draws_and_means():
    axes = spread_by_run(cells()).axes
    assert [panel.get_title(loc="left") for panel in axes] == ["10%", "100%"]
    columns = [(set(line.get_xdata()), list(line.get_ydata())) for line in axes[0].lines]
    (first, seeds), (second, single) = columns
    assert seeds == pytest.approx([20, 40])
    assert single == pytest.approx([70])
    assert max(first) < 0 < min(second)
    levels = [collection.get_segments()[0][0][1] for collection in axes[0].collections]
    assert levels == pytest.approx([30, 70, 50])


def test_failed_and_repeated_runs_are_no_points():
    frame = cells()
    frame.loc[0, "status"] = "failed"
    frame = pd.concat([frame, frame.iloc[[2]].assign(draw=5)])  # the same run under another name
    assert [len(line.get_ydata()) for line in spread_by_run(frame).axes[0].lines] == [1, 1]
    assert not spread_by_run(cells(status="failed")).axes[0].lines


def test_same_bytes_twice():
    assert figure_bytes(spread_by_run(cells()), "png") == figure_bytes(spread_by_run(cells()), "png")


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.concat([cells(), cells(dataset="other")])])
def test_one_dataset_at_a_time(frame):
    with pytest.raises(ValueError, match="a figure shows one dataset"):
        spread_by_run(frame)
