"""The page and its files: made from the records alone, the same bytes twice, nothing missing unnamed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.figures.page import write_page
from bench.records.record import read_record
from tests.figures.made import CONTRACT, cells, contract, record
from tests.records.factory import changed

RECORDS = [(method, f1 + 0.01 * draw, ratio, draw) for method, f1 in (("mini", 0.5), ("mini_plain", 0.4))
           for ratio in (0.1, 0.5) for draw in range(3)]  # fmt: skip


def made(out, records, text=CONTRACT):
    of = contract(text)
    write_page(Path(out), [(of, cells(of, *records))])
    return {path.name: path.read_bytes() for path in Path(out).iterdir()}


@pytest.fixture
def records(mini_preset):
    return [record(*one) for one in RECORDS]


def test_files_and_what_they_say(records):
    files = made("out", records)
    assert sorted(files) == ["claims.csv", "figure-mini.pdf", "figure-mini.png", "figure.csv", "figures.md"]
    page = files["figures.md"].decode()
    assert "The paper reports: nothing \\| at all" in page
    assert "| theirs | 71.5 | a page |" in page
    assert "**supported**: mini is better (all 2 comparisons hold)" in page
    assert "| mini | 10% | 3×1 | 51.0 [48.5, 53.5] |" in page
    assert "| mini minus mini_plain | F1 × 100 | 0.5 | +10.0 [10.0, 10.0] | 3 | 3 | yes |" in page
    assert "missing" not in page.partition("## ")[2]
    rows = list(csv.DictReader(files["claims.csv"].decode().splitlines()))
    assert [(row["ratio"], float(row["mean"]), row["decision"]) for row in rows] == [
        ("0.1", pytest.approx(0.1), "supported"),
        ("0.5", pytest.approx(0.1), "supported"),
    ]
    rows = list(csv.DictReader(files["figure.csv"].decode().splitlines()))
    assert [float(row["metrics.f1"]) for row in rows] == pytest.approx([one[1] for one in RECORDS])


def test_the_same_records_give_the_same_bytes_in_any_order(records):
    again = [read_record(json.loads(one.model_dump_json())) for one in records[::-1]]
    assert made("one", records) == made("two", again)


def test_a_changed_record_changes_page_table_and_drawing(records):
    before = made("one", records)
    records[4].metrics["f1"] = 0.9
    after = made("two", records)
    assert {name for name, content in after.items() if content != before[name]} == set(before)


def test_a_missing_cell_is_named(records):
    page = made("out", records[:-1])["figures.md"].decode()
    assert "- missing: mini_plain at 50%, draw/seed 2/0: no record" in page
    assert "not testable here | n = 2 draws, 3 are needed" in page
    page = made("none", [])["figures.md"].decode()
    assert "- missing: mini at 10%, draw/seed 0/0, 1/0, 2/0: no record" in page
    assert not Path("none/figure-mini.png").exists()


def test_what_the_records_differ_in_is_said(records):
    records[0].identity["method_version"] = "2"
    records[0].identity["dataset_hash"] = "another"
    records[1].environment.update(cpu="fast", threads=3)
    page = made("out", records)["figures.md"].decode()
    assert "- mini: records of 2 versions of its code" in page
    assert "- records of 2 contents of the corpus" in page
    assert "- records of 2 processors" in page
    assert "- records of 2 thread counts (seconds do not compare)" in page
    assert "2 (1 unmatched left out)" in page


SHARING = """
title: Shared
paper: {reports: nothing}
cells:
  - {preset: mini.yaml, methods: [mini], ratios: [0.5], draws: [0, 1, 2], seeds: [0]}
values:
  - {path: shared.all.either, label: either (%), scale: 100}
figure: {kind: sharing, ratio: 0.5}
claims:
  - {says: 70%, whose: paper, rule: at_least, threshold: 0.7, of: {series: mini, value: shared.all.either}}
"""


def neighbours(either):
    row = dict.fromkeys(("relation", "head", "tail", "entity"), 0.1) | {"either": either}
    return {"k": 2, "all": {"n": 3, "at_1": row, "at_2": row, "chance": row}, "confusion": {"a": {"b": 3}}}


def test_what_neighbours_share_is_read_from_the_records(mini_preset):
    three = [record("mini", 0.5, draw=draw, diagnostics={"same_relation": 0.5}) for draw in range(3)]
    page = made("out", three, SHARING)["figures.md"].decode()
    assert "draw/seed 0/0, 1/0, 2/0: what its neighbours share is not derived" in page
    assert not Path("out/figure-mini.png").exists()
    three = [changed(one, neighbours=neighbours(0.8)) for one in three]
    page = made("out", three, SHARING)["figures.md"].decode()
    assert "| 70% (paper) | mini | supported |" in page
    assert Path("out/figure-mini.png").exists()
    nothing = made("out", [record("mini", 0.5, draw=draw) for draw in range(3)], SHARING)["figures.md"].decode()
    assert "draw/seed 0/0, 1/0, 2/0: its method retrieves nothing" in nothing


def test_the_setting_behind_the_numbers_is_said(records):
    page = made("out", records)["figures.md"].decode()
    says = (
        "made with: generator tiny, ETRAG's retriever tiny, without stages, input markers, phrases, trained by "
        "constrained scores"
    )
    assert page.count(f"- {says}\n") == 1
    assert says not in made("none", [])["figures.md"].decode()


def test_a_full_disk_is_one_line(records):
    Path("out").mkdir()
    Path("out/figures.md").mkdir()  # no file can take its place
    with pytest.raises(StoreError, match="out cannot be written"):
        made("out", records)
