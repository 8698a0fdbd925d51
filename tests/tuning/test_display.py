"""What is shown while trials run."""

from __future__ import annotations

import io

from rich.console import Console

from bench.tuning.display import TrialDisplay, settings
from methods.base import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_are_few_and_say_how_long_it_takes() -> None:
    clock, out = Clock(), io.StringIO()
    shown = TrialDisplay("etrag", 3, [20.0], Console(file=out, width=60), clock)
    with shown:
        shown.started(2, 4, {"k": 5, "temperature": 0.01349, "candidates": "mixed"}, default=True)
        for step in range(1, 26):
            clock.now += 1
            shown.step(1, Progress("train", step, 40, 0.5))
        shown.finished("dev F1 61.0", 0.634)
        clock.now += 100  # writing, waiting: no trial's time
        shown.started(4, 4, {"k": 7}, default=False)
        clock.now += 3
        shown.finished("pruned", None)
    assert out.getvalue().splitlines() == [
        "[2/4] etrag: k=5, temperature=0.0135, candidates=mixed (default) ...",
        "    draw 2/3, train 10/40 loss 0.500, about 50.0 s left",  # 10 of this one, 2 x 20
        "    draw 2/3, train 20/40 loss 0.500, about 40.0 s left",
        "[2/4] etrag: dev F1 61.0 in 25.0 s, best 63.4, about 45.0 s left",  # 2 x 22.5
        "[4/4] etrag: k=7 ...",
        "[4/4] etrag: pruned in 3.0 s",
    ]


def test_the_first_trial_makes_no_guess() -> None:
    clock, out = Clock(), io.StringIO()
    shown = TrialDisplay("etrag", 1, [], Console(file=out, width=60), clock)
    shown.started(1, 2, {"k": 5}, default=False)
    clock.now = 11
    shown.step(0, Progress("train", 1, 2))
    assert out.getvalue().splitlines()[-1] == "    draw 1/1, train 1/2"


def test_a_terminal_gets_a_line_that_moves() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system=None, legacy_windows=False)
    with TrialDisplay("etrag", 2, [], console) as shown:
        shown.started(1, 2, {"k": 5}, default=False)
        shown.step(1, Progress("train", 3, 7, 0.25))
        shown.finished("dev F1 50.0", 0.5)
    assert "draw 2/2, train 3/7 loss 0.250" in out.getvalue()
    assert "[1/2] etrag: dev F1 50.0" in out.getvalue()


def test_settings_are_short() -> None:
    assert settings({"a": 1e-5, "b": True, "c": "x", "d": 12345}) == "a=1e-05, b=True, c=x, d=12345"
