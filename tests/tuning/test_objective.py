"""One trial: dev scores that `bench run` confirms, and no look at the test set."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bench.data import load_configured, load_dataset
from bench.data.base import Dataset
from bench.run import execute as execution
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import RunConfig, build
from bench.tuning import objective
from bench.tuning.objective import dev_scores, folds
from methods.base import MethodError, Progress


class Untouchable(tuple[Any, ...]):
    """Instances that nobody may look at."""

    def _refuse(self, *_: object) -> NoReturn:
        raise AssertionError("the test set was read")

    __iter__ = __getitem__ = __len__ = __contains__ = __eq__ = __hash__ = _refuse  # type: ignore[assignment]


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


@pytest.fixture
def config(mini_preset: Path) -> RunConfig:
    return build(str(mini_preset), ["budget.evaluate_every=7"], methods="mini", ratios="0.5")


def test_the_untouchable_is() -> None:
    with pytest.raises(AssertionError):
        list(Untouchable((1,)))


def test_scores_are_those_of_a_run_and_the_test_set_is_not_read(config: RunConfig, dataset: Dataset) -> None:
    expected = [execute(spec, dataset)[0].metrics["dev_f1"] for spec in plan(config, dataset)]
    specs = plan(config, dataset)
    hidden = Untouchable(dataset.test)
    blind = replace(dataset, test=hidden, extra_tests={"other": hidden}, datastores={"other": hidden})
    assert dev_scores(folds(specs, blind), config, {"k": 3}) == expected  # k changes neighbours, not mini's scores
    tuned = build(str(config.preset) + ".yaml", ["mini.smoothing=30"], methods="mini", ratios="0.5")
    other = [execute(spec, dataset)[0].metrics["dev_f1"] for spec in plan(tuned, dataset)]
    assert dev_scores(folds(specs, blind), config, {"smoothing": 30.0}) == other
    assert other != expected


def test_etrag_in_between_evaluations_change_nothing() -> None:
    config = build("smoke", methods="etrag", ratios="0.5")  # two evaluations: every third of six steps
    dataset = load_configured(config)
    (spec,) = plan(config, dataset)
    values = {"k": 3, "temperature": 0.02, "learning_rate": 5e-4, "optimisation.new_learning_rate": 2e-3}
    steps: list[int] = []
    scores = dev_scores(folds([spec], dataset), config, values, lambda step, score: steps.append(step))
    assert steps == [3, 6]
    settings = [
        "etrag.k=3",
        "etrag.temperature=0.02",
        "etrag.learning_rate=5e-4",
        "optimisation.new_learning_rate=2e-3",
    ]
    (same,) = plan(build("smoke", settings, methods="etrag", ratios="0.5"), dataset)
    record, _, _ = execute(same, dataset)
    assert scores == [record.metrics["dev_f1"]]


def test_reports_count_steps_over_draws(config: RunConfig, dataset: Dataset) -> None:
    reported: list[tuple[int, float]] = []
    seen: list[tuple[int, Progress]] = []
    scores = dev_scores(
        folds(plan(config, dataset), dataset),
        config,
        {},
        lambda step, score: reported.append((step, score)),
        lambda draw, progress: seen.append((draw, progress)),
    )
    # 30 instances in batches of 16, 30 epochs: 60 steps per draw; mini counts its instances as steps.
    assert [step for step, _ in reported] == [7, 14, 21, 28, 60, 67, 74, 81, 88, 120]
    assert reported[4][1] == scores[0]
    assert reported[9][1] == pytest.approx((scores[0] + scores[1]) / 2)
    assert {draw for draw, _ in seen} == {0, 1}


def test_a_method_is_freed_when_its_draw_ends(
    config: RunConfig, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def build_method(*arguments: Any) -> Any:
        alive.append(sum(reference() is not None for reference in made))
        method = execution.build_method(*arguments)
        made.append(weakref.ref(method))
        return method

    monkeypatch.setattr(objective, "build_method", build_method)
    gc.disable()
    try:
        dev_scores(folds(plan(config, dataset), dataset), config, {})
    finally:
        gc.enable()
    assert alive == [0, 0]
    assert made[1]() is None


def test_a_report_may_stop_a_trial_and_failures_pass_through(config: RunConfig, dataset: Dataset) -> None:
    draws = folds(plan(config, dataset), dataset)

    def stop(step: int, score: float) -> None:
        raise InterruptedError(step)

    with pytest.raises(InterruptedError, match="7"):
        dev_scores(draws, config, {}, stop)
    with pytest.raises(MethodError, match="k = 31 is more than the 30 instances"):
        dev_scores(draws, config, {"k": 31})
