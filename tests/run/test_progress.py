"""What is shown while cells run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.data import load_dataset
from bench.run.plan import CellSpec, plan
from bench.run.progress import Lines, Terminal, TimeLeft, display, duration, outcome
from bench.settings.config import build
from methods.base import Progress
from tests.records.factory import make_record

OK = make_record(0.731, method="mini", ratio=0.5, cost={"total_seconds": 8})
SKIPPED = make_record(status="skipped", error={"type": "Unfit", "message": "no\nroom"})
FAILED = make_record(error={"type": "MethodError", "message": "mend\nme"})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def specs(mini_preset: Path) -> tuple[CellSpec, ...]:
    return plan(build(str(mini_preset), draws="0"), load_dataset("mini", None, {}))


def test_time_left_prefers_cells_of_the_same_kind(specs: tuple[CellSpec, ...]) -> None:
    small, small_plain, large, _ = specs
    left = TimeLeft()
    assert left.total(specs, None, 0) is None
    left.add("mini", 0.5, 10)
    assert [left.cell(spec) for spec in (small, small_plain, large)] == [10, 10, 10]
    left.add("mini", 1.0, 30)
    left.add("mini_plain", 0.5, 2)
    assert [left.cell(spec) for spec in (small, small_plain, large)] == [10, 2, 30]
    assert left.total([small_plain], large, 25) == 2 + 5
    assert left.total([], large, 40) == 0  # late, not negative
    assert left.total([large, small], large, 25, trained=0.5) == 25 + 50 + 10  # slower than the one that was seen
    assert left.total([large], large, 5, trained=0.01) == 25 + 30  # too early to tell


def test_plain_lines_are_few(specs: tuple[CellSpec, ...]) -> None:
    clock, out = Clock(), io.StringIO()
    shown = Lines(specs, 2, Console(file=out, width=60), clock)
    with shown:
        shown.started(specs[0])
        for step in range(1, 26):
            clock.now += 1
            shown.step(specs[0], Progress("train", step, 25, 0.5))
        shown.finished(specs[0], OK)
        shown.started(specs[1])
        clock.now += 1
        shown.finished(specs[1], FAILED)
    assert out.getvalue().splitlines() == [
        "[2/6] mini ratio 0.5 draw 0 seed 0 ...",
        "    train 10/25 loss 0.500",
        "    train 20/25 loss 0.500",
        "[3/6] mini ratio 0.5 draw 0 seed 0: F1 73.1 in 25.0 s, about 1 min 15 s left",
        "[3/6] mini_plain ratio 0.5 draw 0 seed 0 ...",
        "[4/6] mini_plain ratio 0.5 draw 0 seed 0: FAILED (MethodError: mend me) in 1.0 s, about 50.0 s left",
    ]


def test_earlier_cells_give_the_first_estimate(specs: tuple[CellSpec, ...]) -> None:
    shown = Lines(specs, 0, Console(file=io.StringIO()), Clock())
    assert shown.remaining() == ""
    shown.learn([OK, FAILED])
    assert shown.remaining() == "about 32.0 s left"


def test_a_terminal_shows_cell_step_loss_and_time_left(specs: tuple[CellSpec, ...]) -> None:
    clock, out = Clock(), io.StringIO()
    shown = Terminal(specs, 1, Console(file=out, width=120, force_terminal=True), clock)

    def block() -> str:
        plain = Console(file=io.StringIO(), width=120)
        with plain.capture() as capture:
            plain.print(shown.render())
        return capture.get()

    with shown:
        shown.learn([OK])
        assert "1/5" in block()
        shown.started(specs[0])
        assert "preparing" in block()
        clock.now += 3
        shown.step(specs[0], Progress("train", 7, 25, 0.25))
        assert "mini ratio 0.5 draw 0 seed 0" in block()
        assert "train 7/25 loss 0.250" in block()
        assert "about 31.7 s left" in block()  # 3 s for 7 of 25 steps: more than the 8 s of a cell seen before
        shown.finished(specs[0], OK)
        shown.started(specs[1])
        shown.finished(specs[1], FAILED)
        assert "1 failed" in block()
    assert "F1 73.1" in out.getvalue()
    assert "FAILED (MethodError: mend me)" in out.getvalue()


def test_the_display_fits_the_console(specs: tuple[CellSpec, ...]) -> None:
    assert isinstance(display(specs, 0, Console(file=io.StringIO())), Lines)
    assert isinstance(display(specs, 0, Console(file=io.StringIO(), force_terminal=True)), Terminal)


def test_durations_and_outcomes_read_well() -> None:
    assert [duration(s) for s in (4.24, 200, 7500)] == ["4.2 s", "3 min 20 s", "2 h 05 min"]
    assert outcome(FAILED) == "FAILED (MethodError: mend me)"


def test_a_skipped_cell_is_no_failure(specs: tuple[CellSpec, ...]) -> None:
    assert outcome(SKIPPED) == "skipped (no room)"
    out = io.StringIO()
    with Terminal(specs, 0, Console(file=out, force_terminal=True, width=120)) as shown:
        shown.finished(specs[0], SKIPPED)
        assert (shown.failed, shown.counted) == (0, f"1/{len(specs)}")
        shown.finished(specs[1], FAILED)
        assert shown.failed == 1
    assert "skipped (no room)" in out.getvalue()
