"""Trials of a study: the defaults first, failures and pruning, several workers, a storage that lasts."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from rich.console import Console

from bench.errors import ConfigError, StoreError
from bench.tuning.display import TrialDisplay
from bench.tuning.objective import Report, Watch
from bench.tuning.storage import ByTrial, open_study
from bench.tuning.study import (
    DEFAULT,
    WORKER,
    _birth,
    completed,
    default_trial,
    finished,
    optimise,
    running,
)
from methods.settings import Between, OneOf

SPACE = {"x": Between(0.0, 1.0), "kind": OneOf(("a", "b"))}
DEFAULTS = {"x": 0.5, "kind": "a"}
Evaluate = Callable[[Mapping[str, Any], Report, Watch], Sequence[float]]


def display() -> TrialDisplay:
    return TrialDisplay("mini", 1, [], Console(file=io.StringIO()))


def opened(path: str | Path, seed: int = 0, **identity: Any) -> optuna.Study:
    return open_study(path, "study", {"k": 1, **identity}, seed, warmup=2)


def tune(study: optuna.Study, trials: int, evaluate: Evaluate, steps: int = 3) -> None:
    optimise(study, trials, SPACE, DEFAULTS, evaluate, steps, display())


def hill(values: Mapping[str, Any], report: Report, watch: Watch) -> list[float]:
    """Best at x = 0.8 with b; the mean of two draws."""
    score = 0.7 - (values["x"] - 0.8) ** 2 + 0.1 * (values["kind"] == "b")
    return [score - 0.05, score + 0.05]


def drawn(study: optuna.Study) -> list[tuple[int, dict[str, Any]]]:
    return [(trial.number, trial.params) for trial in finished(study)]


def test_the_defaults_come_first_and_the_best_is_found(tmp_path: Path) -> None:
    study = opened(tmp_path / "s.journal")
    tune(study, 17, hill)
    first, best = finished(study)[0], completed(study)[0]
    assert first.params == DEFAULTS
    assert default_trial(study) == first
    assert first.values[0] == pytest.approx(0.61)
    assert best.values[0] > 0.78
    assert best.params["kind"] == "b"
    assert len(finished(study)) == 17


def test_a_seed_decides_what_is_drawn(tmp_path: Path) -> None:
    studies = [opened(tmp_path / name, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))]
    for study in studies:
        tune(study, 13, hill)  # ten at random, then modelled
    assert drawn(studies[0]) == drawn(studies[1])
    assert drawn(studies[0])[1:] != drawn(studies[2])[1:]
    assert len({trial.params["x"] for trial in finished(studies[0])}) == 13


@pytest.mark.parametrize("storage", ["{}/s.journal", "sqlite:///{}/s.db"])
def test_continued_is_the_same_as_undisturbed(tmp_path: Path, storage: str) -> None:
    kept: str | Path = storage.format(tmp_path)
    kept = kept if "://" in str(kept) else Path(kept)
    tune(opened(kept), 4, hill)
    tune(opened(kept), 4, hill)  # nothing to do
    again = opened(kept)
    assert len(finished(again)) == 4
    tune(again, 7, hill)
    whole = opened(tmp_path / "whole.journal")
    tune(whole, 7, hill)
    assert drawn(again) == drawn(whole)


def test_a_failure_counts_with_its_message_and_an_interruption_does_not(tmp_path: Path) -> None:
    calls: list[float] = []

    def evaluate(values: Mapping[str, Any], report: Report, watch: Watch) -> list[float]:
        calls.append(values["x"])
        if len(calls) == 1:
            raise KeyboardInterrupt
        if len(calls) in (2, 4):
            raise ValueError("k is\ntoo large")
        return [0.3]

    study = opened(tmp_path / "s.journal")
    with pytest.raises(KeyboardInterrupt):
        tune(study, 5, evaluate)
    assert finished(study) == []
    tune(study, 5, evaluate)
    assert calls[:2] == [0.5, 0.5]  # the interrupted defaults are tried again, and failed
    assert [trial.state for trial in finished(study)] == [
        TrialState.FAIL, TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE,
    ]  # fmt: skip
    assert finished(study)[0].user_attrs["error"] == "ValueError: k is too large"
    assert default_trial(study) is None
    assert completed(study)[0].number == 2  # of equals the first


def test_poor_trials_are_pruned_but_never_the_defaults(tmp_path: Path) -> None:
    steps: list[int] = []

    def evaluate(values: Mapping[str, Any], report: Report, watch: Watch) -> list[float]:
        poor = values == DEFAULTS or len(steps) >= 4
        steps.append(0)
        for step in (1, 2, 3):
            steps[-1] = step
            report(step, 0.1 if poor else 0.5 + step / 10)
        return [0.1 if poor else 0.8]

    study = opened(tmp_path / "s.journal")
    tune(study, 6, evaluate)
    states = [trial.state for trial in finished(study)]
    assert states == [*[TrialState.COMPLETE] * 4, TrialState.PRUNED, TrialState.PRUNED]
    assert steps == [3, 3, 3, 3, 2, 2]  # not before step 2, the warm-up
    again = opened(tmp_path / "again.journal")
    tune(again, 1, evaluate)
    assert finished(again)[0].state == TrialState.COMPLETE


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9))
def test_tuned_is_never_worse_than_the_defaults(outcomes: list[float | None]) -> None:
    left = iter(outcomes)

    def evaluate(values: Mapping[str, Any], report: Report, watch: Watch) -> list[float]:
        score = next(left)
        if score is None:
            raise ValueError("failed")
        return [score]

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(direction="maximize", sampler=ByTrial(0))
    tune(study, len(outcomes), evaluate)
    assert [t.values[0] if t.values else None for t in finished(study)] == outcomes
    scores = [score for score in outcomes if score is not None]
    assert len(completed(study)) == len(scores)
    default = default_trial(study)
    if outcomes[0] is None:
        assert default is None
    else:
        assert default is not None
        assert completed(study)[0].values[0] == max(scores) >= default.values[0]
        assert completed(study)[0] == default or completed(study)[0].values[0] > default.values[0]


def test_workers_share_the_trials_exactly(tmp_path: Path) -> None:
    """Five at once on one journal: every number of trials would be overshot by looking before leaping."""
    barrier = Barrier(5)

    def worker(_: int) -> None:
        study = opened(tmp_path / "s.journal")
        barrier.wait()
        tune(study, 11, hill)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(worker, range(5)))
    study = opened(tmp_path / "s.journal")
    trials = finished(study)
    assert len(trials) == 11
    assert running(study) == 0
    assert sum(bool(trial.user_attrs.get(DEFAULT)) for trial in trials) == 1
    assert len({trial.params["x"] for trial in trials}) == 11  # no two drew the same


def test_what_a_dead_process_left_is_closed_and_a_live_one_is_let_be(tmp_path: Path) -> None:
    study = opened(tmp_path / "s.journal")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worker = {"host": os.uname().nodename, "pid": process.pid, "birth": _birth(process.pid)}
        left = study.ask()
        left.set_user_attr(WORKER, worker)
        reused = study.ask()
        reused.set_user_attr(WORKER, worker | {"birth": "long ago"})  # the number belongs to another process now
        far = study.ask()
        far.set_user_attr(WORKER, worker | {"host": "elsewhere", "pid": 1 << 22})
        tune(study, 5, hill)
        states = [trial.state for trial in study.get_trials()]
        assert states[:3] == [TrialState.RUNNING, TrialState.FAIL, TrialState.RUNNING]
        assert len(finished(study)) == 3
        process.kill()
    assert _birth(process.pid) is None
    tune(study, 5, hill)
    assert (len(finished(study)), running(study)) == (4, 1)


def test_another_identity_is_refused_by_the_name_of_the_field(tmp_path: Path) -> None:
    tune(opened(tmp_path / "s.journal", budget={"max_steps": 6}), 1, hill)
    with pytest.raises(ConfigError, match=r"other settings \(budget.max_steps: 6 -> 7\); give another --out"):
        opened(tmp_path / "s.journal", budget={"max_steps": 7})


def test_what_is_no_storage(tmp_path: Path) -> None:
    for text in ('{"a": 1}\n', "[1\n{}\n", "[1, 2]\n"):
        (tmp_path / "x").write_text(text)
        with pytest.raises(StoreError, match="is broken or no journal of Optuna"):
            opened(tmp_path / "x")
    with pytest.raises(StoreError, match="Is a directory"):
        opened(tmp_path)
    for url in ("nodb://user:secret@host/x", f"sqlite:///{tmp_path}/no/folder.db"):
        with pytest.raises(ConfigError, match="--storage: the database cannot be used") as caught:
            opened(url)
        assert "secret" not in str(caught.value)
