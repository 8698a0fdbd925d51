"""What tuning tries: read, checked, widened, drawn from, and put into a configuration."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from bench.errors import ConfigError
from bench.settings.config import RunConfig, build, method_optimisation, method_options
from bench.tuning.space import configured, divided, read_space, resolved_space, suggest, with_values
from methods.registry import METHODS
from methods.settings import Between, OneOf, SearchSpace


@pytest.fixture
def config(mini_preset: Path) -> RunConfig:
    return build(str(mini_preset), ["mini.k=5", "optimisation.clip_norm=3"])


@pytest.mark.parametrize("method", ["no_retrieval", "rag_text", "rag_bm25", "etrag"])
@pytest.mark.parametrize("preset", ["default", "fewrel", "paper", "semeval", "smoke"])
def test_every_method_can_be_tuned_in_every_preset(method: str, preset: str) -> None:
    config = build(preset)
    space = resolved_space(config, method)
    assert space.keys() == METHODS.load(method).search_space.keys()
    for name, value in configured(config, method, space).items():
        entry = space[name]
        assert value in entry.values if isinstance(entry, OneOf) else entry.low <= value <= entry.high


def test_a_space_is_widened_to_hold_what_is_configured(config: RunConfig) -> None:
    given: SearchSpace = {"k": Between(7, 11), "smoothing": OneOf((2.0, 3.0)), "optimisation.clip_norm": Between(1, 2)}
    assert resolved_space(config, "mini", given) == {
        "k": Between(5, 11),
        "smoothing": OneOf((2.0, 3.0, 0.5)),
        "optimisation.clip_norm": Between(1, 3.0),
    }
    assert configured(config, "mini", given) == {"k": 5, "smoothing": 0.5, "optimisation.clip_norm": 3.0}


def test_a_file_of_ranges_and_values(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("k: {low: 2, high: 13}\nsmoothing: {low: 0.25, high: 4, log: true}\nrule: [a, 1, true]\n")
    assert read_space(path) == {
        "k": Between(2, 13),
        "smoothing": Between(0.25, 4, log=True),
        "rule": OneOf(("a", 1, True)),
    }


@pytest.mark.parametrize(
    "text", ["", "[1]", "k: 3", "k: []", "k: [[1]]", "k: {low: 1}", "k: {low: a, high: 3}",
             "k: {low: 1, high: 3, step: 2}", "k: {low: 1, high: 2, log: 3}", "k: [1"],
)  # fmt: skip
def test_a_file_that_is_no_space(tmp_path: Path, text: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^--space .*space.yaml"):
        read_space(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "method 'mini' declares no search space"),
        ({"kk": OneOf((1,))}, "unknown key 'kk'. Did you mean 'k'?"),
        ({"optimisation.k": OneOf((1,))}, "unknown key 'optimisation.k'"),
        ({"k": Between(0, 3)}, "search space: k = 0: Input should be greater than or equal to 1"),
        ({"k": Between(5, 3)}, "search space: k: from 5 to 3 is no range"),
        ({"smoothing": Between(0, 3, log=True)}, "search space: smoothing: from 0 to 3 (log) is no range"),
        ({"optimisation.warmup": OneOf((2,))}, "search space: optimisation.warmup = 2: Input should be less than"),
    ],
)
def test_a_space_that_does_not_fit(config: RunConfig, given: SearchSpace, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved_space(config, "mini", given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("pretrained", "optimisation.learning_rate"),
        ("new", "optimisation.new_learning_rate"),
        ("prompt", "optimisation.new_learning_rate"),
        ("retriever", "learning_rate"),
    ],
)
def test_a_rate_that_a_group_overrides_is_not_searched(group: str, name: str) -> None:
    config = build("smoke", [f"optimisation.groups.{group}.learning_rate=0.001"])
    said = f"search space: {name} has no effect where optimisation.groups.{group}.learning_rate is set"
    with pytest.raises(ConfigError, match=said):
        resolved_space(config, "etrag", {name: Between(1e-5, 1e-3)})


def test_a_configured_value_outside_any_widened_range(config: RunConfig) -> None:
    with pytest.raises(ConfigError, match=r"test_candidates: its configured value 0 cannot be part of this range"):
        resolved_space(build("smoke"), "etrag", {"test_candidates": Between(8, 64, log=True)})


def test_what_depends_on_other_settings_is_left_to_its_trial() -> None:
    config = build("smoke")  # k = 5
    space = resolved_space(config, "etrag", {"candidate_count": OneOf((3, 32))})
    changed = with_values(config, "etrag", {"candidate_count": 3})
    assert space["candidate_count"] == OneOf((3, 32))
    with pytest.raises(ConfigError, match="candidate_count must be larger than k = 5"):
        method_options(changed)


def test_values_go_through_the_configuration(config: RunConfig) -> None:
    values = {"k": 7, "optimisation.clip_norm": 0.5}
    changed = with_values(config, "mini", values)
    assert changed.methods == ("mini",)
    assert method_options(changed)["mini"].model_dump() == {"k": 7, "smoothing": 0.5}
    assert method_optimisation(changed, "mini").clip_norm == 0.5
    assert changed.budget == config.budget
    assert divided(values) == ({"k": 7}, {"clip_norm": 0.5})
    with pytest.raises(ConfigError, match=r"optimisation.clip_norm: Input should be greater than or equal to 0"):
        with_values(config, "mini", {"optimisation.clip_norm": -1})


@given(low=st.integers(-7, 7), more=st.integers(0, 11), seed=st.integers(0, 99))
def test_drawn_values_lie_in_their_ranges(low: int, more: int, seed: int) -> None:
    space = {"a": Between(low, low + more), "b": Between(float(low), low + more + 0.5), "c": OneOf(("x", low))}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    values = suggest(study.ask(), space)
    assert isinstance(values["a"], int)
    assert low <= values["a"] <= low + more
    assert isinstance(values["b"], float)
    assert low <= values["b"] <= low + more + 0.5
    assert values["c"] in ("x", low)


def test_the_first_trial_can_take_what_is_configured() -> None:
    config = build("default")
    space = resolved_space(config, "etrag")
    values = configured(config, "etrag", space)
    assert values["candidate_count"] == 24  # not among the method's own
    assert suggest(FixedTrial(values), space) == values
