"""Trials of a study: run, continued after a crash, shared by several processes.

A trial counts once it is finished: completed, pruned, or failed with a message. One that its process left behind
(killed, interrupted) does not count; it is closed by the next process that looks, and another takes its place.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from bench.errors import StoreError
from bench.settings.flags import one_line
from bench.tuning.display import TrialDisplay
from bench.tuning.objective import Report, Watch
from bench.tuning.space import suggest
from methods.settings import SearchSpace

# Of a trial: the process that runs it, whether it is the method's defaults, why it failed, the score of each draw.
WORKER, DEFAULT, ERROR, SCORES = "worker", "default", "error", "scores"
CLAIM = timedelta(minutes=1)  # time for a process to put its name to a trial
# Values of the space -> the dev score of each draw.
Evaluate = Callable[[Mapping[str, Any], Report, Watch], Sequence[float]]


class TrialError(Exception):
    """Ends a trial that failed or was not needed; the study goes on."""


def optimise(
    study: Study,
    trials: int,
    space: SearchSpace,
    defaults: Mapping[str, Any],
    evaluate: Evaluate,
    steps: int,
    display: TrialDisplay,
) -> None:
    """Run trials until ``trials`` are finished or being run by others. The first takes ``defaults`` and is never
    pruned. ``steps``: of a whole trial. Raises StoreError where the storage fails."""
    try:
        while _prepare(study, defaults) < trials:
            objective = partial(_objective, study, trials, space, evaluate, steps, display)
            study.optimize(objective, n_trials=1, catch=(TrialError,))
    except (OSError, StorageInternalError) as error:
        raise StoreError(f"the study cannot be stored: {one_line(error)}; run again to continue") from error


def _prepare(study: Study, defaults: Mapping[str, Any]) -> int:
    """Close what dead processes left, see to the default trial; the number of finished and running trials."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _lost(trial):
            with suppress(ValueError, UpdateFinishedTrialError):  # another process was quicker
                study.tell(trial.number, state=TrialState.FAIL)
    trials = study.get_trials(deepcopy=False)
    if not any(_is_default(t) and (t.state == TrialState.WAITING or _counts(t)) for t in trials):
        study.enqueue_trial(dict(defaults), user_attrs={DEFAULT: True})
    return sum(map(_counts, trials))


def _objective(
    study: Study,
    trials: int,
    space: SearchSpace,
    evaluate: Evaluate,
    steps: int,
    display: TrialDisplay,
    trial: Trial,
) -> float:
    trial.set_user_attr(WORKER, {"host": socket.gethostname(), "pid": os.getpid(), "birth": _birth(os.getpid())})
    # Numbers are given once, so two processes that both saw room for one more agree on whose trial it is.
    earlier = [t for t in study.get_trials(deepcopy=False) if t.number < trial.number and _counts(t)]
    default = bool(trial.user_attrs.get(DEFAULT))
    if len(earlier) >= trials or (default and any(map(_is_default, earlier))):
        raise TrialError("another process was quicker")
    values = suggest(trial, space)
    display.started(len(earlier) + 1, trials, values, default=default)

    def report(step: int, score: float) -> None:
        trial.report(score, step)
        if not default and step < steps and trial.should_prune():
            raise optuna.TrialPruned

    try:
        scores = list(evaluate(values, report, display.step))
    except optuna.TrialPruned:
        display.finished("pruned", _best_score(study))
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {one_line(error)}"[:500]
        trial.set_user_attr(ERROR, message)
        display.finished(f"FAILED ({message[:200]})", _best_score(study))
        raise TrialError(message) from error
    trial.set_user_attr(SCORES, scores)
    score = fmean(scores)
    display.finished(f"dev F1 {100 * score:.1f}", max(score, _best_score(study) or 0.0))
    return score


def finished(study: Study) -> list[FrozenTrial]:
    """The trials that count and run no more, by number."""
    return [t for t in study.get_trials(deepcopy=False) if _counts(t) and t.state != TrialState.RUNNING]


def running(study: Study) -> int:
    """Trials that other processes have in work."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))


def completed(study: Study) -> list[FrozenTrial]:
    """The trials with a score, the best first; of equals the earlier, so that the defaults win a tie."""
    return sorted(
        study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)), key=lambda t: (-t.values[0], t.number)
    )


def default_trial(study: Study) -> FrozenTrial | None:
    """The completed trial of the defaults; None where it failed."""
    return next(filter(_is_default, completed(study)), None)


def _best_score(study: Study) -> float | None:
    best = completed(study)
    return best[0].values[0] if best else None


def _is_default(trial: FrozenTrial) -> bool:
    return bool(trial.user_attrs.get(DEFAULT))


def _counts(trial: FrozenTrial) -> bool:
    if trial.state == TrialState.FAIL:
        return ERROR in trial.user_attrs
    return trial.state != TrialState.WAITING


def _lost(trial: FrozenTrial) -> bool:
    """Whether the process that ran a trial is gone, as far as this machine can tell (of other machines a database
    knows the heartbeat)."""
    worker = trial.user_attrs.get(WORKER)
    if worker is None:
        return trial.datetime_start is not None and datetime.now() - trial.datetime_start > CLAIM
    return worker["host"] == socket.gethostname() and _birth(worker["pid"]) != worker["birth"]


def _birth(pid: int) -> str | None:
    """When a process of this machine began, which tells it from a later one of the same number ('' where the system
    does not say); None where it is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # somebody else's
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return None if fields[0] == "Z" else fields[19]  # proc(5): state and starttime, fields 3 and 22
