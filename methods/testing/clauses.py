"""The contract of a method, one property a clause: a function of a trial that returns "" or what is wrong. Neighbours
have a file of their own.

What a method raises passes through: `methods.testing.examine` makes it one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from methods.base import Method, MethodError, Task
from methods.settings import Models, Settings
from methods.testing import corpus
from methods.testing.findings import accepts, changed, misplaced, option_k
from methods.testing.trial import CONTEXT, Fitted, Trial
from methods.types import Prediction

ROUNDING = 1e-4  # of sums over a batch of another size


def options_have_defaults(trial: Trial) -> str:
    """`Options` extends methods.base.Settings, and every option has a default."""
    if not (isinstance(trial.cls, type) and issubclass(trial.cls, Method)):
        return f"{trial.cls!r} does not extend methods.base.Method"
    if not issubclass(trial.cls.Options, Settings):
        return "Options does not extend methods.base.Settings"
    required = [name for name, field in trial.cls.Options.model_fields.items() if field.is_required()]
    return f"no default: {', '.join(required)}" if required else ""


def fits_and_predicts(trial: Trial) -> str:
    """It learns from 23 sentences and predicts 11 others."""
    reason = trial.cls.unfit(Task(corpus.SCHEMA), trial.options)
    if reason:
        return f"unfit for the corpus of this check: {reason}"
    return "" if isinstance(trial.first.prediction, Prediction) else "predict returns no Prediction"


def reads_only_the_models_it_uses(trial: Trial) -> str:
    """`Options.uses` names every field of `Models` that it reads."""
    uses = {f"models.{name}" for name in trial.options.uses}
    unknown = uses - {f"models.{name}" for name in Models.model_fields}
    if unknown:
        return f"uses names no field of Models: {', '.join(sorted(unknown))}"
    hidden = {name for name in trial.first.read if name.startswith("models.")} - uses
    return f"reads {', '.join(sorted(hidden))}, which Options.uses leaves out" if hidden else ""


def keeps_the_budget(trial: Trial) -> str:
    """No more optimiser steps than the budget's, no more instances than they hold or than one pass."""
    report, budget, instances = trial.first.report, trial.first.context.budget, len(trial.first.train)
    steps = budget.steps(instances)
    seen = max(instances, steps * budget.batch_size)
    too_much = report.steps > steps or report.instances_seen > seen
    return f"{report.steps} steps of {steps}, {report.instances_seen} instances of {seen}" if too_much else ""


def counts_parameters(trial: Trial) -> str:
    """`parameters` has whole numbers `total` and `trained`, no more trained than there are."""
    counts = trial.first.report.parameters
    total, trained = counts.get("total"), counts.get("trained")
    if isinstance(total, int) and isinstance(trained, int) and 0 <= trained <= total:
        return ""
    return f"parameters = {dict(counts)}"


def reports_plain_numbers(trial: Trial) -> str:
    """History, timings and diagnostics are plain finite numbers."""
    report, prediction = trial.first.report, trial.first.prediction
    parts = [*report.history, report.timings, report.diagnostics, prediction.diagnostics]
    wrong = [
        f"{name} = {value!r}"
        for part in parts
        for name, value in part.items()
        if not isinstance(value, int | float) or not math.isfinite(value)
    ]
    return ", ".join(wrong)


def repeats_itself(trial: Trial) -> str:
    """The same seed gives the same predictions."""
    return changed(trial.fit().prediction, trial.first.prediction)


def learns_nothing_from_dev(trial: Trial) -> str:
    """Without early stopping the dev set changes nothing."""
    return changed(trial.fit(dev=()).prediction, trial.first.prediction)


def leaves_its_arguments_alone(trial: Trial) -> str:
    """The lists of instances that it is given stay as they are."""
    given = list(corpus.TRAIN), list(corpus.DEV), list(corpus.TEST)
    trial.fit(*given)
    same = tuple(map(tuple, given)) == (corpus.TRAIN, corpus.DEV, corpus.TEST)
    return "" if same else "a list of instances was changed"


def leaves_the_process_alone(trial: Trial) -> str:
    """Folder, environment, numpy's error state, torch's type, threads and modes stay as they are."""
    before, after = trial.first.states
    names = [name for name in sorted({**before, **after}) if before.get(name) != after.get(name)]
    if "torch" not in before:  # imported by the method: nothing to compare with
        names = [name for name in names if not name.startswith("torch")]
    return ", ".join(f"{name}: {before.get(name)} -> {after.get(name)}" for name in names)


def refuses_an_empty_training_set(trial: Trial) -> str:
    """No training instances are a MethodError."""
    return accepts(lambda: trial.fit(train=(), dev=()), MethodError)


def refuses_a_k_beyond_the_database(trial: Trial) -> str:
    """Fewer training instances than the option `k` are a MethodError."""
    k = option_k(trial)
    return accepts(lambda: trial.fit(train=corpus.TRAIN[: k - 1]), MethodError) if k else ""


def scores_every_relation(trial: Trial) -> str:
    """Scores are a floating-point array [instances, relations]."""
    fitted = trial.first
    scores, shape = fitted.prediction.scores, (len(fitted.test), len(fitted.context.schema.names))
    if not isinstance(scores, np.ndarray) or scores.dtype.kind != "f":
        return f"scores are {getattr(scores, 'dtype', type(scores).__name__)}"
    return "" if scores.shape == shape else f"shape {list(scores.shape)}, expected {list(shape)}"


def scores_are_finite_where_admitted(trial: Trial) -> str:
    """A relation scores -inf where the types do not admit it, a finite number where they do, never NaN."""
    return misplaced(trial.first.prediction, trial.first)


def scores_are_log_probabilities(trial: Trial) -> str:
    """The probabilities of an instance's relations sum to at most one; to one if `scoring` is read, for the rule that
    is tried is `constrained`."""
    prediction = trial.first.prediction
    sums = np.exp(prediction.scores.astype(float)).sum(axis=1)
    low = 1.0 if "scoring.rule" in trial.first.read else 0.0
    wrong = sums[(sums > 1 + ROUNDING) | (sums < low - ROUNDING)]
    return f"an instance's probabilities sum to {wrong[0]:.4g}" if len(wrong) else ""


def predicts_each_instance_alone(trial: Trial) -> str:
    """A prediction does not depend on the order or the company of the instances."""
    fitted = trial.first
    backwards = fitted.method.predict(fitted.test[::-1]).scores[::-1]
    single = fitted.method.predict(fitted.test[4:5]).scores
    if not np.allclose(backwards, fitted.prediction.scores, atol=ROUNDING):
        return "other scores in reversed order"
    return "" if np.allclose(single, fitted.prediction.scores[4:5], atol=ROUNDING) else "other scores for one alone"


def never_reads_the_answer(trial: Trial) -> str:
    """Predictions are the same whatever relations the predicted instances have."""
    return changed(trial.fit(test=corpus.relabelled(corpus.TEST)).prediction, trial.first.prediction)


def works_with_documents(trial: Trial) -> str:
    """Instances that share a document, with several mentions: it works, or `unfit` says why not."""
    return _works(trial, Task(corpus.SCHEMA, documents=True), lambda: trial.documents)


def works_with_several_relations(trial: Trial) -> str:
    """Several relations per instance: it works, or `unfit` says why not."""
    train = corpus.with_several_relations(corpus.TRAIN)
    return _works(trial, Task(corpus.SCHEMA, multi_label=True), lambda: trial.fit(train))


def works_without_a_negative_class(trial: Trial) -> str:
    """A schema without a negative class: it works, or `unfit` says why not."""
    train, dev, test = ([i for i in part if i.relation != "none"] for part in (corpus.TRAIN, corpus.DEV, corpus.TEST))
    context = replace(CONTEXT, schema=corpus.NO_NEGATIVE)
    return _works(trial, Task(corpus.NO_NEGATIVE), lambda: trial.fit(train, dev, test, context))


def _works(trial: Trial, task: Task, fit: Callable[[], Fitted]) -> str:
    reason: Any = trial.cls.unfit(task, trial.options)
    if not isinstance(reason, str):
        return f"unfit returns {reason!r}, not a reason"
    if reason:
        return ""
    fitted = fit()
    return misplaced(fitted.prediction, fitted)
