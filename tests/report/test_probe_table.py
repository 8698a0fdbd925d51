"""Tables of probes and of what neighbours share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.records.record import Record
from bench.report.frames import cells_frame
from bench.report.probe_table import probe_table, quality_table
from bench.scoring.neighbours import KINDS
from tests.records.factory import make_record


def record(draw: int = 0, **changes: Any) -> Record:
    return make_record(**{"method": "rag", "draw": draw, "metrics": {"primary": "macro_f1", "f1": 0.5}, **changes})


def probed(draw: int, gold: float, shuffled: float, fixed: int) -> Record:
    return record(
        draw,
        probes={"gold": {"f1": gold}, "shuffled": {"f1": shuffled}, "none": {"f1": 0.25, "fixed": fixed, "broke": 3}},
    )


def test_probes_by_hand() -> None:
    records = [probed(0, 0.9, 0.3, 5), probed(1, 0.7, 0.4, 7), record(method="plain")]
    table = probe_table(cells_frame(records), records)
    assert table is not None
    assert table.header == ("method", "ratio", "retrieved", "shuffled", "gold", "none", "fixed", "broke")
    assert len(table.rows) == 1
    method, ratio, retrieved, shuffled, gold, none, fixed, broke = table.rows[0]
    assert (method, ratio, retrieved, none, fixed, broke) == (
        "rag", "10%", "50.0 [50.0, 50.0]", "25.0 [25.0, 25.0]", "12", "6"
    )  # fmt: skip
    # t(1) = 12.706, half a range of 0.1 and 0.05: cut to what a score can be.
    assert gold == "80.0 [0.0, 100.0]"
    assert shuffled == "35.0 [0.0, 98.5]"
    assert "gold: chosen by looking at the answer; a bound, not a result." in table.notes
    assert not any("below" in note for note in table.notes)
    odd = [probed(0, 0.9, 0.3, 5), probed(1, 0.3, 0.4, 7)]
    table = probe_table(cells_frame(odd), odd)
    assert table is not None
    assert table.notes[-1] == "Neighbours of the gold relation score below shuffled ones in a run of rag at 10%."


def test_quality_by_hand() -> None:
    def part(base: float) -> dict[str, float]:
        return dict(zip(KINDS, (base, 0.0, 0.25, 0.25, base + 0.125), strict=True))

    def quality(first: float, **more: Any) -> dict[str, Any]:
        parts = {"at_1": part(first), "at_2": part(0.25), "weighted": part(0.5), "chance": part(0.125)}
        return {"k": 2, "all": parts, **more}

    records = [
        record(0, neighbours=quality(0.5, untrained={"at_2": part(0.0)})),
        record(1, neighbours=quality(0.75, untrained={"at_2": part(0.0)})),
        record(0, method="plain", neighbours=quality(0.5)),
    ]
    table = quality_table(cells_frame(records), records)
    assert table is not None
    assert table.header == ("method", "ratio", "neighbours", *KINDS)
    assert table.rows[:5] == (
        ("rag", "10%", "the first", "62.5", "0.0", "25.0", "25.0", "75.0"),
        ("rag", "10%", "all 2", "25.0", "0.0", "25.0", "25.0", "37.5"),
        ("rag", "10%", "by weight", "50.0", "0.0", "25.0", "25.0", "62.5"),
        ("rag", "10%", "untrained, all 2", "0.0", "0.0", "25.0", "25.0", "12.5"),
        ("rag", "10%", "chance", "12.5", "0.0", "25.0", "25.0", "25.0"),
    )
    assert [row[2] for row in table.rows[5:]] == ["the first", "all 2", "by weight", "chance"]


def test_the_nearest_of_one_is_no_row_of_its_own() -> None:
    part = dict.fromkeys(KINDS, 0.5)
    records = [record(neighbours={"k": 1, "all": {"at_1": part, "weighted": part, "chance": part}})]
    table = quality_table(cells_frame(records), records)
    assert table is not None
    assert [row[2] for row in table.rows] == ["all 1", "by weight", "chance"]


def test_nothing_probed() -> None:
    records = [record()]
    assert probe_table(cells_frame(records), records) is None
    assert quality_table(cells_frame(records), records) is None


def test_in_the_report(
    bench: Callable[..., int], mini_preset: Path, mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--preset", str(mini_preset), "--probes", "--out", "out") == 0
    text = (mini / "out" / "tables" / "mini.md").read_text()
    probes = "| method | ratio | retrieved | same | random | shuffled | gold | wrong | none | fixed | broke |"
    assert f"## Probes\n\n{probes}" in text
    assert "## Neighbours\n\n| method | ratio | neighbours | relation |" in text
    before = (mini / "out" / "tables" / "mini.md").read_bytes()
    assert bench("report", "out") == 0
    assert (mini / "out" / "tables" / "mini.md").read_bytes() == before
    assert bench("run", "--preset", str(mini_preset), "--out", "plain") == 0
    assert "## Probes" not in (mini / "plain" / "tables" / "mini.md").read_text()
