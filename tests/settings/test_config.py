"""Presets, settings and flags, and every mistake that a user can make with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.errors import ConfigError
from bench.settings.config import build, method_options, preset_names, read_preset
from bench.settings.flags import whole_numbers
from methods.registry import RegistryError
from methods.settings import GroupSettings, Lora


def test_every_preset_of_the_project_is_valid() -> None:
    assert preset_names() == ["default", "fewrel", "paper", "semeval", "smoke", "stages"]
    for name in preset_names():
        config = build(name)
        assert config.preset == name
        if name != "stages":  # of ETRAG alone
            assert config.methods == ("no_retrieval", "rag_text", "rag_bm25", "etrag")


def test_flags_win_over_settings_over_preset() -> None:
    assert build("smoke").budget.max_steps == 6
    config = build(
        "smoke",
        ["budget.max_steps=7", "optimisation.learning_rate=5e-4", "scoring.rule=likelihood", "etrag.k=3"],
        methods="etrag, rag_text",
        ratios="0.01,1",
        draws="0-2",
        seeds="3",
        device="cpu",
    )
    assert config.budget.max_steps == 7
    assert config.budget.batch_size == 8  # of the preset
    assert config.optimisation.learning_rate == 5e-4
    assert config.scoring.rule == "likelihood"
    assert config.options["etrag"] == {"k": 3}
    assert config.methods == ("etrag", "rag_text")
    assert (config.ratios, config.draws, config.seeds, config.device) == ((0.01, 1.0), (0, 1, 2), (3,), "cpu")


def test_another_dataset_drops_the_loader_options_of_the_preset(tmp_path: Path) -> None:
    assert build("smoke", ["dataset.size=5"]).dataset.options["size"] == 5
    config = build("smoke", ["dataset.language=en"], dataset="semeval", data_dir=tmp_path)
    assert config.dataset.options == {"language": "en"}
    assert config.dataset.data_dir == tmp_path


def test_drop_leaks_is_a_flag_or_a_line_of_the_preset_and_outlives_another_dataset(tmp_path: Path) -> None:
    assert not build("smoke").dataset.drop_leaks
    assert build("smoke", drop_leaks=True).dataset.drop_leaks
    preset = tmp_path / "clean.yaml"
    preset.write_text(
        "dataset: {name: synthetic, drop_leaks: true}\nmethods: [etrag]\nratios: [1.0]\ndraws: [0]\nseeds: [0]\n"
    )
    assert build(str(preset)).dataset.drop_leaks
    assert build(str(preset), dataset="semeval").dataset.drop_leaks
    with pytest.raises(ConfigError, match="--drop-leaks"):
        build("smoke", ["dataset.drop_leaks=true"])


@pytest.mark.parametrize("text", ["7", "no", "null", "1e3"])
def test_a_text_setting_takes_text(text: str) -> None:
    assert build("smoke", [f"models.encoder={text}"]).models.encoder == text


@pytest.mark.parametrize(
    "key", ["models.nope.r", "models.generator.r", "optimisation.groups.retriever.nope", "budget."]
)
def test_a_path_that_is_not_there_is_an_unknown_key(key: str) -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        build("smoke", [f"{key}=7"])


def test_lora_is_switched_on_by_a_part_of_it_and_off_by_null() -> None:
    config = build("smoke", ["models.lora.r=8"])
    assert config.models.lora is not None
    assert config.models.lora.r == 8
    assert build("paper", ["models.lora=null"]).models.lora is None


def test_a_group_is_named_by_a_part_of_its_settings() -> None:
    config = build("smoke", ["optimisation.groups.retriever.weight_decay=0", "optimisation.groups.prompt.decay=none"])
    assert config.optimisation.groups == {
        "retriever": GroupSettings(weight_decay=0),
        "prompt": GroupSettings(decay="none"),
    }


def test_a_record_holds_what_is_said_of_a_group_alone() -> None:
    config = build("smoke", ["optimisation.groups.retriever.clip_norm=0"])
    assert config.optimisation.model_dump(mode="json")["groups"] == {"retriever": {"clip_norm": 0.0}}
    assert build("smoke").optimisation.model_dump(mode="json")["groups"] == {}


def test_both_models_of_etrag_have_adapters_of_their_own() -> None:
    models = build("smoke", ["models.lora.r=3", "models.instance_encoder_lora.target_modules=[query]"]).models
    assert models.lora == Lora(r=3)
    assert models.instance_encoder_lora == Lora(target_modules=("query",))


def test_stages_are_given_as_a_list_or_by_their_short_form() -> None:
    text = "etrag.stages=[{steps: 50, train: [generator]}, {steps: 70, train: [retriever, prompt], warmup: 1}]"
    first, second = method_options(build("smoke", [text]))["etrag"].stages  # type: ignore[attr-defined]
    assert (first.steps, first.train, first.warmup) == (50, ("generator",), 0)
    assert (second.steps, second.train, second.warmup) == (70, ("retriever", "prompt"), 1)
    assert method_options(build("smoke", ["etrag.retriever_steps=300"]))["etrag"].retriever_steps == 300  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["etrag.stages=[{steps: 0, train: [generator]}]"], "etrag.stages.0.steps: Input should be greater"),
        (["etrag.stages=[{steps: 3, train: []}]"], "etrag.stages.0.train: Tuple should have at least 1 item"),
        (["etrag.stages=[{steps: 3}]"], "etrag.stages.0.train: Field required"),
        (["etrag.stages=[{steps: 3, train: [prompt]}]", "etrag.retriever_steps=7"], "retriever_steps is short for one"),
    ],
)
def test_a_mistake_in_stages_is_one_line(settings: list[str], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        method_options(build("smoke", settings))


def test_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        build("smoke").seeds = (1,)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"ratios": "0"}, "ratios: 0 is no share"),
        ({"ratios": "0.1,1.5"}, "ratios: 1.5 is no share"),
        ({"ratios": "nan"}, "ratios.0: Input should be a finite number, got nan"),
        ({"ratios": "ten"}, "--ratios: 'ten' is not a number"),
        ({"ratios": ""}, "--ratios: empty value"),
        ({"ratios": "0.1,"}, "--ratios: empty value"),
        ({"ratios": "0.1,0.10"}, "ratios: 0.1 is given more than once"),
        ({"draws": "0,0"}, "draws: 0 is given more than once"),
        ({"draws": "1.5"}, "--draws: '1.5' is no whole number"),
        ({"seeds": "-1"}, "--seeds: '-1' is no whole number"),
        ({"seeds": "x"}, "--seeds: 'x' is no whole number"),
        ({"draws": "3-1"}, "--draws: '3-1' is no range"),
        ({"draws": "0-99999999"}, "--draws: '0-99999999' is no range"),
        ({"device": "gpu"}, "device: String should match"),
        ({"preset": "smok"}, "unknown preset 'smok'. Did you mean 'smoke'? Known: default, "),
        ({"preset": "no/such.yaml"}, "unknown preset 'no/such.yaml'"),
        ({"settings": ["budget.max_stepss=3"]}, "unknown key 'budget.max_stepss'. Did you mean 'budget.max_steps'?"),
        ({"settings": ["bugdet.max_steps=3"]}, "unknown key 'bugdet.max_steps'. Did you mean 'budget.max_steps'?"),
        ({"settings": ["models.lora.rank=3"]}, "models.lora.rank"),
        ({"settings": ["budget.max_steps.x=3"]}, "unknown key 'budget.max_steps.x'. Did you mean 'budget.max_steps'?"),
        (
            {"settings": ["optimisation.groups.retreiver.warmup=0"]},
            "unknown key 'optimisation.groups.retreiver.warmup'. Did you mean 'optimisation.groups.retriever'? "
            "Known: optimisation.groups.pretrained, optimisation.groups.new, ",
        ),
        (
            {"settings": ["optimisation.groups.retriever.wd=0"]},
            "Known: optimisation.groups.retriever.learning_rate, optimisation.groups.retriever.weight_decay, ",
        ),
        ({"settings": ["optimisation.groups={retreiver: {}}"]}, "Input should be 'pretrained', 'new', 'retriever' or"),
        (
            {"settings": ["optimisation.groups={prompt: {warm: 0}}"]},
            "unknown key 'optimisation.groups.prompt.warm'. Did you mean 'warmup'? Known: learning_rate, ",
        ),
        ({"settings": ["optimisation.groups.prompt.warmup=7"]}, "optimisation.groups.prompt.warmup: Input should be"),
        ({"settings": ["models.lora=3"]}, "models.lora: Input should be a valid dictionary"),
        ({"settings": ["budget=3"]}, "unknown key 'budget'"),
        ({"settings": ["budget.max_steps=0"]}, "budget.max_steps: Input should be greater than or equal to 1, got 0"),
        ({"settings": ["budget.max_steps=many"]}, "budget.max_steps: Input should be a valid integer"),
        ({"settings": ["budget.max_steps"]}, "expected key=value"),
        ({"settings": ["=3"]}, "expected key=value"),
        ({"settings": ["ratios=1"]}, "use the flag --ratios"),
        ({"settings": ["dataset.name=x"]}, "use the flag --dataset"),
        ({"settings": ["budget.max_steps=[1"]}, "cannot be read as a value"),
        ({"settings": ["etrag.k=1"], "methods": "rag_text"}, "method 'etrag' is not among the methods of this run"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(flags: Mapping[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**({"preset": "smoke"} | dict(flags)))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_method_suggests_the_nearest() -> None:
    with pytest.raises(RegistryError, match="Did you mean 'etrag'"):
        build("smoke", methods="etrga")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("methods: [etrag", "cannot be read"),
        ("- etrag", "expected keys and values, found list"),
        ("method: [etrag]", "unknown key 'method'. Did you mean 'methods'?"),
        ("methods: [etrag]", "ratios: Field required"),
        (
            "{methods: [etrag], ratios: [1], draws: [0], seeds: [0], budget: {steps: 3}}",
            "unknown key 'budget.steps'. Did you mean 'max_steps'?",
        ),
        ("{methods: [etrag], ratios: [], draws: [0], seeds: [0]}", "ratios: give at least one value"),
        ("{methods: [etrag], ratios: [1], draws: [-1], seeds: [0]}", "draws: -1 is negative"),
        ("{methods: [etrag], ratios: [1], draws: [0.5], seeds: [0]}", "draws.0: Input should be a valid integer"),
    ],
)
def test_a_broken_preset_file_is_one_line(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_preset(str(path))
    assert expected in str(caught.value)
    assert "mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whole_numbers_take_lists_and_ranges() -> None:
    assert whole_numbers("0-2, 7", "--draws") == [0, 1, 2, 7]


def test_options_of_methods_are_checked_by_the_method(mini_preset: Path) -> None:
    config = build(str(mini_preset), ["mini.k=3"])
    assert method_options(config)["mini"].model_dump() == {"k": 3, "smoothing": 0.5}
    assert method_options(config)["mini_plain"].model_dump() == {"k": 2, "smoothing": 0.5}
    with pytest.raises(
        ConfigError, match=r"unknown key 'mini.kk'. Did you mean 'mini.k'\? Known: mini.k, mini.smoothing"
    ):
        method_options(build(str(mini_preset), ["mini.kk=3"]))
    with pytest.raises(ConfigError, match=r"mini.k: Input should be greater than or equal to 1, got 0"):
        method_options(build(str(mini_preset), ["mini.k=0"]))
