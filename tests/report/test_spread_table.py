"""Spread and data equivalence of hand-made runs, and the published block."""

from __future__ import annotations

import math
import re

import pytest

from bench.report.frames import cells_frame
from bench.report.published import published, published_table
from bench.report.spread_table import equivalence_frame, equivalence_table, variance_frame, variance_table
from bench.report.tabular import to_latex
from tests.records.factory import make_record


def run(method, f1, ratio=0.1, draw=0, seed=0, status="ok"):
    subset = {"train": [f"{ratio}-{0 if ratio == 1 else draw}"], "dev": []}
    return make_record(f1, method=method, ratio=ratio, draw=draw, seed=seed, status=status, subset_ids=subset)


GRID = [
    run("etrag", f1, draw=draw, seed=seed)
    for draw, row in enumerate([[0.1, 0.2], [0.3, 0.6]])
    for seed, f1 in enumerate(row)
]


def test_components_are_shown_in_points():
    # As in tests/statistics/test_intervals.py: variances 4, 1.5 and 1 of a tenth of these scores.
    (row,) = variance_table(variance_frame(cells_frame([*GRID, run("lonely", 0.5)]))).rows
    assert row[:5] == ("etrag", "10%", "20.0", "12.2", "10.0")
    assert row[6] == "4 of 2×2"


def test_seeds_keep_their_column_and_failed_runs_are_holes():
    grid = [run("etrag", 0.2, draw=0, seed=0), run("etrag", 0.5, draw=0, seed=1), run("etrag", 0.2, draw=1, seed=0)]
    frame = variance_frame(cells_frame([*grid, run("etrag", 0, draw=1, seed=1, status="failed")]))
    assert (frame.iloc[0]["n"], frame.iloc[0]["n_draws"], frame.iloc[0]["n_seeds"]) == (3, 2, 2)


def test_a_negative_estimate_is_marked():
    runs = [run("etrag", f1, draw=d, seed=s) for d, s, f1 in ((0, 0, 0.1), (0, 1, 0.3), (1, 0, 0.3), (1, 1, 0.1))]
    table = variance_table(variance_frame(cells_frame(runs)))
    assert table.rows[0][2:5] == ("0 (cut)", "0 (cut)", "20.0")
    assert table.notes[-1].startswith("0 (cut)")


def test_nothing_to_spread():
    assert variance_table(variance_frame(cells_frame([run("etrag", 0.5)]))) is None


def curve(method, scores, draw=0):
    return [run(method, f1, ratio, draw=draw) for ratio, f1 in zip((0.01, 0.1, 1.0), scores, strict=True)]


def test_equivalents_by_hand():
    cells = cells_frame(
        [*curve("base", [0.2, 0.4, 0.8]), *curve("new", [0.1, 0.6, 0.9]), run("new", 0, 0.5, status="failed")]
    )
    frame = equivalence_frame(cells, "base")
    assert list(frame["equivalent"]) == pytest.approx([0.0, 10**-0.5, math.inf])
    table = equivalence_table(frame, "micro_f1")
    assert table.header == ("method", "at 1%", "at 10%", "at 100%")
    assert table.rows == (("new", "< 1%", "31.6%", "> 100%"),)
    assert len(table.notes) == 1
    assert r"\textless{} 1\%" in to_latex(table)


def test_intervals_over_draws_and_a_falling_reference():
    runs = [*curve("base", [0.2, 0.4, 0.8]), *curve("new", [0.3, 0.4, 0.8])]
    runs += [run("base", 0.2, 0.01, draw=1), run("base", 0.3, 0.1, draw=1), run("new", 0.1, 0.01, draw=1)]
    (row,) = equivalence_table(equivalence_frame(cells_frame(runs), "base"), "micro_f1").rows
    # Draw 0 alone: 0.3 lies halfway between 0.2 and 0.4; draw 1 alone: 0.1 lies below; both: 0.2 is reached at 1%.
    assert row[1] == "1% [< 1%, 3.16%]"
    falling = equivalence_frame(cells_frame([*curve("base", [0.5, 0.3, 0.8]), *curve("new", [0.5, 0.3, 0.8])]), "base")
    assert "falls somewhere" in equivalence_table(falling, "micro_f1").notes[-1]


@pytest.mark.parametrize("reference", ["absent", "base"])
def test_a_reference_without_a_curve_gives_nothing(reference):
    frame = equivalence_frame(cells_frame([run("base", 0.5), run("new", 0.6)]), reference)
    assert equivalence_table(frame, "micro_f1") is None


def test_every_published_score_has_a_source_and_a_range():
    entries = published()
    assert len({(e.dataset, e.method, e.ratio) for e in entries}) == len(entries)
    for entry in entries:
        assert re.fullmatch(r"\d{4}\.\d{5}(v\d+)?", entry.source)
        assert entry.metric in ("micro_f1", "macro_f1")
        assert 0 < entry.ratio <= 1
        assert 1 < entry.score < 100


def test_published_block():
    table = published_table("tacred")
    assert table.header == ("method", "1%", "5%", "10%", "100%", "source")
    assert table.rows[0] == ("SuRE", "52.0", "–", "70.7", "75.1", "arXiv 2205.09837")
    assert table.rows[1] == ("NLI_DeBERTa", "63.7", "69.0", "67.9", "73.9", "arXiv 2109.03659")
    assert "not ours" in table.notes[0]
    assert published_table("semeval").rows == (("SuRE", "89.7", "arXiv 2205.09837"),)
    assert published_table("toy") is None
