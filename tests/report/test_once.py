"""Nothing is computed twice, read twice or drawn in vain: calls are counted over one `bench report`."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.cli.report import publish
from bench.records import prediction_lines
from bench.records.store import Store
from bench.report import render, report
from bench.report.page import document, plots
from bench.report.read_once import ReadOnce
from bench.report.report import Report
from tests.report.page.made_run import corpus, lines, record, run
from tests.report.test_report import record as plain_record

COMPUTED = (
    "cells_frame", "summary_frame", "significance", "variance_frame", "equivalence_frame", "result_table",
    "diagnostics_table", "domain_table", "probe_table", "quality_table", "published_table", "significance_table",
)  # fmt: skip
DRAWN = ("f1_by_ratio", "spread_by_run", "quality_by_cost")


@pytest.fixture
def calls(monkeypatch):
    """How often each of the functions above is called, from wherever a report calls it."""
    counted = Counter()

    def count(module, name, key=None):
        function = getattr(module, name)

        def counting(*args, **kwargs):
            counted[key or name] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, counting)

    for name in (*COMPUTED, *DRAWN):
        count(report, name)
    for name in ("figure_bytes", "write_file"):
        count(render, name)
    count(plots, "f1_by_ratio", "svg by ratio")
    count(plots, "f1_by_cost", "svg by cost")
    count(document, "write_file", "page")
    return counted


def stored(folder):
    """Two methods, two draws: everything that a report can draw."""
    dataset = corpus(folder / "data")
    cells = [
        (
            record(dataset, method, place + 2 * draw, draw=draw, subset_ids={"train": [f"d{draw}"], "dev": []}),
            lines(method),
        )
        for draw in (0, 1)
        for place, method in enumerate(("no_retrieval", "rag_text"))
    ]
    return run(folder / "run", cells, folder / "data")


def test_every_frame_and_every_drawing_once(tmp_path, calls):
    store = stored(tmp_path)
    publish(store, store.read_manifest(), None, anew=True)
    files = [path for path in store.out.rglob("*") if path.suffix in (".md", ".csv", ".tex", ".png", ".pdf")]
    once = dict.fromkeys((*COMPUTED, *DRAWN, "svg by ratio", "svg by cost", "page"), 1)
    assert calls == once | {"figure_bytes": 6, "write_file": len(files)}
    assert sum(path.suffix in (".png", ".pdf") for path in files) == 6


def test_a_report_draws_nothing_before_it_is_written(calls, tmp_path):
    made = Report.of([plain_record(), plain_record(draw=1)], {})
    text = render.console(made) + render.markdown(made.parts[0], made)
    assert "-spread.png)" in text
    assert not [name for name in DRAWN if calls[name]]
    render.write_report(tmp_path, made)
    assert [calls[name] for name in DRAWN] == [1, 1, 0]


def test_every_file_of_predictions_is_read_once(tmp_path, monkeypatch):
    opened = Counter()
    store = stored(tmp_path)
    monkeypatch.setattr(
        "bench.records.store.read_lines",
        lambda path, **more: opened.update([path.name]) or prediction_lines.read_lines(path, **more),
    )
    publish(store, store.read_manifest(), None, anew=True)
    assert opened == {f"{place:016x}.jsonl.gz": 1 for place in range(4)}


def test_answers_are_the_columns_of_the_predictions(tmp_path):
    store = ReadOnce(stored(tmp_path).out)
    cell = f"{1:016x}"
    wanted = [{key: line[key] for key in ("id", "gold", "predicted")} for line in lines("rag_text")]
    assert store.labelled(cell) == wanted
    assert [line["scores"] for line in store.each_prediction(cell)] == [line["scores"] for line in lines("rag_text")]
    assert store.labelled(cell) == wanted
    assert store.labelled("f" * 16) is None
    assert Store(store.out).predictions(cell) == lines("rag_text")
