"""Tuned variants: which names mean one, what their files hold, and that other cells do not notice them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.errors import ConfigError
from bench.run.plan import plan, plan_notes
from bench.settings.config import RunConfig, build, method_optimisation, method_options
from methods.registry import METHODS, RegistryError

SOURCE = {
    "preset": "mini", "dataset": "mini", "dataset_hash": "?", "metric": "m", "method_version": "v", "ratio": 0.5,
    "draws": [0], "seed": 0, "trials": 7, "completed": 5, "pruned": 1, "failed": 1, "best_trial": 3, "dev_score": 0.5,
    "dev_score_default": None, "study": "d",
}  # fmt: skip


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


def written(folder: Path, method: str, **content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{method}.yaml").write_text(yaml.safe_dump({"method": method, **content}))
    return folder


def tuned_config(preset: Path, folder: Path, methods: str, *settings: str) -> RunConfig:
    return build(str(preset), settings, methods=methods, ratios="0.5", draws="0", tuned=folder)


def test_a_variant_stands_beside_its_method(mini_preset: Path, mini: Path, dataset: Dataset) -> None:
    folder = written(mini / "t", "mini", options={"k": 3}, optimisation={"warmup": 0.5})
    config = tuned_config(mini_preset, folder, "mini,mini_tuned", "mini.k=4", "optimisation.clip_norm=2")
    assert {name: options.model_dump()["k"] for name, options in method_options(config).items()} == {
        "mini": 4, "mini_tuned": 3,
    }  # fmt: skip
    own, tuned = plan(config, dataset)
    assert (own.method, own.registered, own.optimisation.warmup) == ("mini", "mini", 0.1)
    assert (tuned.method, tuned.registered, tuned.optimisation.warmup) == ("mini_tuned", "mini", 0.5)
    assert own.optimisation.clip_norm == tuned.optimisation.clip_norm == 2  # what was not tuned is shared
    changed = {key for key in tuned.identity if tuned.identity[key] != own.identity.get(key)}
    assert changed == {"method", "options", "optimisation"}
    assert own.identity == plan(build(
        str(mini_preset), ["mini.k=4", "optimisation.clip_norm=2"], ratios="0.5", draws="0", methods="mini"
    ), dataset)[0].identity  # fmt: skip


def test_groups_of_a_variant_stand_beside_the_shared_ones(mini_preset: Path, mini: Path) -> None:
    folder = written(mini / "t", "mini", optimisation={"groups": {"prompt": {"warmup": 0.5}}})
    shared = "optimisation.groups={retriever: {weight_decay: 0}, prompt: {weight_decay: 0.25}}"
    config = tuned_config(mini_preset, folder, "mini_tuned", shared)
    found = method_optimisation(config, "mini_tuned").model_dump()["groups"]
    assert found == {"retriever": {"weight_decay": 0}, "prompt": {"weight_decay": 0.25, "warmup": 0.5}}


def test_groups_of_retrievers_are_none_of_a_method_without_one() -> None:
    config = build("smoke", ["optimisation.groups={retriever: {weight_decay: 0}, new: {weight_decay: 0}}"])
    assert set(method_optimisation(config, "no_retrieval").groups) == {"new"}
    assert set(method_optimisation(config, "etrag").groups) == {"retriever", "new"}


def test_the_id_of_other_cells_does_not_depend_on_variants(mini_preset: Path, mini: Path, dataset: Dataset) -> None:
    folder = written(mini / "t", "mini", options={"k": 3})
    own, _ = plan(tuned_config(mini_preset, folder, "mini,mini_tuned"), dataset)
    (alone,) = plan(build(str(mini_preset), ratios="0.5", draws="0", methods="mini"), dataset)
    assert own.cell_id == alone.cell_id
    assert own.identity["registered"] == "mini"


def test_without_a_tuned_name_all_methods_are_taken_as_tuned(mini_preset: Path, mini: Path) -> None:
    folder = written(written(mini / "t", "mini"), "mini_plain")
    assert tuned_config(mini_preset, folder, "mini,mini_plain").methods == ("mini_tuned", "mini_plain_tuned")
    assert tuned_config(mini_preset, folder, "mini,mini_plain_tuned").methods == ("mini", "mini_plain_tuned")


def test_a_plugin_may_be_called_tuned(mini_preset: Path, mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS._builtin, "mini_tuned", "mini_plugin:Plain")
    folder = written(written(mini / "t", "mini"), "mini_tuned", options={"k": 5})
    assert build(str(mini_preset), methods="mini_tuned").registered("mini_tuned") == "mini_tuned"
    config = tuned_config(mini_preset, folder, "mini_tuned")
    assert config.methods == ("mini_tuned_tuned",)
    assert config.registered("mini_tuned_tuned") == "mini_tuned"
    with pytest.raises(ConfigError, match="--tuned: 'mini_tuned' is itself a method"):
        tuned_config(mini_preset, folder, "mini")


def test_a_variant_may_stand_in_a_preset_but_not_take_a_methods_name(mini_preset: Path, mini: Path) -> None:
    text = mini_preset.read_text()
    mini_preset.write_text(f"{text}variants: {{cold: {{method: mini, options: {{k: 9}}}}}}\n")
    config = build(str(mini_preset), methods="mini,cold")
    assert method_options(config)["cold"].model_dump()["k"] == 9
    mini_preset.write_text(f"{text}variants: {{mini_plain: {{method: mini}}}}\n")
    with pytest.raises(ConfigError, match="variants: 'mini_plain' is a registered method"):
        build(str(mini_preset))
    mini_preset.write_text(f"{text}variants: {{cold: {{method: minni}}}}\n")
    with pytest.raises(RegistryError, match="unknown method 'minni'"):
        build(str(mini_preset), methods="cold")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "mini.yaml is missing; make it with `bench tune --method mini`"),
        ("[1]", "expected keys and values, found list"),
        ("method: [", "cannot be read"),
        ("method: mini_plain", "is of method 'mini_plain', not 'mini'"),
        ("options: {}", "method: Field required"),
        ("{method: mini, option: {}}", "unknown key 'option'. Did you mean 'options'?"),
    ],
)
def test_a_file_that_is_no_variant(mini_preset: Path, mini: Path, content: str | None, message: str) -> None:
    folder = mini / "t"
    folder.mkdir()
    if content is not None:
        (folder / "mini.yaml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        tuned_config(mini_preset, folder, "mini_tuned")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"options": {"kk": 1}}, "unknown key 'mini_tuned.kk'. Did you mean 'mini_tuned.k'?"),
        ({"options": {"k": 0}}, "mini_tuned.k: Input should be greater"),
        ({"optimisation": {"warmup": 2}}, "mini_tuned: optimisation: warmup: Input should be less"),
        ({"optimisation": {"rate": 2}}, "mini_tuned: optimisation: unknown key 'rate'"),
    ],
)
def test_settings_that_do_not_fit(mini_preset: Path, mini: Path, content: dict[str, Any], message: str) -> None:
    config = tuned_config(mini_preset, written(mini / "t", "mini", **content), "mini_tuned")
    check = method_optimisation if "optimisation" in content else lambda config, _: method_options(config)
    with pytest.raises(ConfigError) as caught:
        check(config, "mini_tuned")
    assert str(caught.value).startswith(message)


def test_mistakes_with_names(mini_preset: Path, mini: Path) -> None:
    with pytest.raises(ConfigError, match="'mini_tuned' needs --tuned DIR"):
        build(str(mini_preset), methods="mini_tuned")
    with pytest.raises(RegistryError, match="unknown method 'minni'"):
        tuned_config(mini_preset, written(mini / "t", "mini"), "mini_tuned,minni")
    with pytest.raises(ConfigError, match=r"--set mini.k: method 'mini' is not among the methods of this run"):
        tuned_config(mini_preset, mini / "t", "mini_tuned", "mini.k=3")
    with pytest.raises(ConfigError, match=r"unknown key 'mini_tuned.k'"):
        tuned_config(mini_preset, mini / "t", "mini_tuned", "mini_tuned.k=3")


def test_notes_say_where_settings_come_from(mini_preset: Path, mini: Path, dataset: Dataset) -> None:
    def notes(source: dict[str, Any], other: dict[str, Any], ratios: str) -> list[str]:
        folder = written(written(mini / "t", "mini", source=source), "mini_plain", source=other)
        config = build(str(mini_preset), methods="mini,mini_plain", ratios=ratios, draws="0", tuned=folder)
        return plan_notes(config, plan(config, dataset), dataset)

    here = SOURCE | {"dataset_hash": dataset.content_hash}
    assert notes(here, here, "0.5") == []
    assert notes(here, SOURCE | {"trials": 11}, "0.5,1") == [
        "mini_tuned was tuned at ratio 0.5 and is also used at 1",
        "mini_plain_tuned was tuned on another version of mini, not on this corpus",
        "mini_plain_tuned was tuned at ratio 0.5 and is also used at 1",
        "tuned with different numbers of trials: mini_tuned 7, mini_plain_tuned 11",
    ]
    assert notes(here | {"dataset": "semeval", "dataset_hash": "x"}, here, "0.5") == [
        "mini_tuned was tuned on semeval, not on this corpus"
    ]
