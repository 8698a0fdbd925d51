"""The files of a run: names, order, content, and the same bytes twice."""

import json
import os

import pytest

from bench.records.files import file_names
from bench.records.record import read_record
from bench.report import render
from bench.report.report import Report
from tests.records.factory import make_record


def record(method="etrag", draw=0, dataset="toy", **changes):
    fields = {
        "metrics": {"primary": "micro_f1", "f1": 0.5 + 0.01 * draw},
        "cost": {"train_seconds": 3.0, "peak_memory_bytes": 2**20, "parameters": 7, "trained_parameters": 5},
        "diagnostics": {"effective_instances": 13.0},
    }
    return make_record(method=method, draw=draw, dataset=dataset, **fields | changes)


def failed(**changes):
    error = {"type": "MethodError", "message": "k | too\nlarge", "traceback": "Traceback …"}
    return record(**changes, status="failed", metrics={}, cost={}, diagnostics={}, error=error)


# Two runs of one method: a spread, nothing to compare.
SPREAD = [("tables", "-spread.tex"), ("tables", "-spread.csv"), ("figures", "-spread.png"), ("figures", "-spread.pdf")]


def write_report(out, records, manifest):
    return render.write_report(out, Report.of(records, manifest))


def console(records):
    return render.console(Report.of(records, {}))


def manifest(records, **changes):
    base = {"command": "python -m bench run", "config": {}, "cells": [r.cell_id for r in records], "warnings": []}
    return base | changes


def test_paths_in_order_and_nothing_else_left_behind(tmp_path):
    records = [record(), record(draw=1), record(dataset="other")]
    paths = write_report(tmp_path, records, manifest(records))
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        f"{kind}/{name}{end}"
        for name in ("toy", "other")
        for kind, end in [
            ("tables", ".md"),
            ("tables", ".csv"),
            ("tables", "-cells.csv"),
            ("tables", ".tex"),
            ("figures", "-f1-by-ratio.png"),
            ("figures", "-f1-by-ratio.pdf"),
            *(SPREAD if name == "toy" else ()),
        ]
    ]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)


def test_same_bytes_twice_also_from_records_read_back(tmp_path):
    records = [record(), record(draw=1), failed(method="rag_text")]
    first = [path.read_bytes() for path in write_report(tmp_path / "a", records, manifest(records))]
    again = [read_record(json.loads(record.model_dump_json())) for record in records]
    assert [path.read_bytes() for path in write_report(tmp_path / "b", again, manifest(records))] == first


def test_markdown_says_how_and_what_went_wrong(tmp_path):
    records = [record(), failed(method="rag_text"), failed(method="rag_text", draw=1)]
    said = manifest(records, warnings=["weights differ | from the hub's"], command="bench run --out 'a```b'")
    said["cells"].append("not yet run")
    text = write_report(tmp_path, records, said)[0].read_text(encoding="utf-8")
    assert "````\nbench run --out 'a```b'\n````" in text
    assert "| rag_text | failed (2 of 2) |" in text
    assert "- rag_text at 10%, 2 runs: MethodError: k \\| too large\n" in text
    assert (
        "## Diagnostics\n\n| method | ratio | effective_instances |\n| :-- | --: | --: |\n| etrag | 10% | 13 |" in text
    )
    assert "- weights differ \\| from the hub's\n- 1 of 4 planned runs have no record yet.\n" in text
    assert "(../figures/toy-f1-by-ratio.png)" in text


def test_plain_run_has_no_empty_sections(tmp_path):
    records = [record(diagnostics={})]
    text = write_report(tmp_path, records, {})[0].read_text(encoding="utf-8")
    assert text.startswith("# toy\n\n| method |")
    assert "##" not in text


def test_the_plan_orders_and_selects(tmp_path):
    records = [record("a"), record("b"), record("dropped")]
    paths = write_report(tmp_path, records, manifest(records, cells=[records[1].cell_id, records[0].cell_id]))
    rows = paths[1].read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[2] for row in rows] == ["b", "a"]


def test_console():
    text = console([record(), record(draw=1), failed(method="rag_text")])
    lines = text.splitlines()
    assert lines[0] == "toy"
    assert lines[2].split() == ["method", "10%", "(n", "=", "2×1)"]
    assert any(line.startswith("etrag") and "50.5 [44.1, 56.9]" in line for line in lines)
    assert lines[-1] == "failed: rag_text at 10%, 1 run: MethodError: k | too large"


def test_a_skipped_cell_is_no_failure(tmp_path):
    unfit = {"type": "Unfit", "message": "several relations", "traceback": ""}
    skipped = [
        record("mine", draw=n, status="skipped", metrics={}, cost={}, diagnostics={}, error=unfit) for n in (0, 1)
    ]
    records = [record(), *skipped]
    text = write_report(tmp_path, records, {})[0].read_text(encoding="utf-8")
    assert "| mine | skipped |" in text
    assert "## Skipped runs\n\n- mine at 10%, 2 runs: several relations\n" in text
    assert "ailed" not in text
    assert console(records).splitlines()[-1] == "skipped: mine at 10%, 2 runs: several relations"


def test_no_records():
    assert console([]) == ""


def test_no_records_no_files(tmp_path):
    assert write_report(tmp_path, [], manifest([])) == []


def test_file_names_are_safe_and_never_meet():
    names = file_names(["fewrel-nyt", "../../etc/x", "a b", "a/b", "", "日本", ".hidden"])
    assert names["fewrel-nyt"] == "fewrel-nyt"
    assert len(set(names.values())) == len(names)
    assert all("/" not in name and not name.startswith((".", "-")) for name in names.values())
    assert names["../../etc/x"].startswith("etc-x-")
    assert names[""].startswith("dataset-")


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch):
    (path, *_) = write_report(tmp_path, [record()], {})
    before = path.read_bytes()

    def refuse(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_report(tmp_path, [record(metrics={"primary": "micro_f1", "f1": 0.9})], {})
    assert path.read_bytes() == before
    assert not list(tmp_path.rglob("*.tmp"))
