"""Preset + `--set` + flags -> one validated, frozen configuration with a digest.

Every mistake of a user ends in a ConfigError of one line that names the key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from bench.errors import ConfigError
from bench.paths import PRESETS
from bench.settings.flags import numbers, parsed, texts, whole_numbers
from bench.settings.validation import cut, names_at, nearest, unknown_key, validated
from bench.settings.variants import SUFFIX, Variant, with_tuned
from bench.settings.yaml_text import read_yaml_file
from methods.registry import METHODS
from methods.settings import Budget, Models, Optimisation, Scoring, Settings

# Parts of the configuration that are models of their own: `--set budget.max_steps=100`.
SECTIONS: Mapping[str, type[BaseModel]] = {
    "budget": Budget,
    "optimisation": Optimisation,
    "models": Models,
    "scoring": Scoring,
}
# Keys with a flag of their own: one way to set each.
FLAGS = ("methods", "ratios", "draws", "seeds", "device", "probes")
OF_RETRIEVERS = ("retriever", "prompt")  # groups of `optimisation.groups`
TypeConstraints = Literal["none", "given", "learned"]


class DatasetConfig(Settings):
    """Which corpus, where its files and published subset ids lie, whether without its leaks, the options of its loader
    (which checks them)."""

    name: str = "synthetic"
    data_dir: Path | None = None
    split_ids: Path | None = None
    drop_leaks: bool = False
    test_sets: tuple[str, ...] = Field((), description="test sets beside its own: NAME or NAME@DATASTORE")
    options: dict[str, Any] = Field(default_factory=dict)


class RunConfig(Settings):
    """Everything that `bench run` needs to know: the grid of cells and what all of them share."""

    preset: str
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    methods: tuple[str, ...]
    ratios: tuple[float, ...]
    draws: tuple[int, ...]
    seeds: tuple[int, ...]
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    budget: Budget = Field(default_factory=Budget)
    optimisation: Optimisation = Field(default_factory=Optimisation)
    models: Models = Field(default_factory=Models)
    scoring: Scoring = Field(default_factory=Scoring)
    type_constraints: TypeConstraints = "given"
    probes: bool = Field(False, description="predict the test set again with other neighbours (bench.run.probes)")
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    variants: dict[str, Variant] = Field(default_factory=dict)  # further names that `methods` may hold

    @field_validator("methods", "ratios", "draws", "seeds")
    @classmethod
    def _some_and_unique(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not values:
            raise ValueError("give at least one value")
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is given more than once")
        return values

    @field_validator("ratios")
    @classmethod
    def _shares(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for value in values:
            if not 0 < value <= 1:
                raise ValueError(f"{value:g} is no share of the training data; a ratio is above 0 and at most 1")
        return values

    @field_validator("draws", "seeds")
    @classmethod
    def _not_negative(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if min(values, default=0) < 0:
            raise ValueError(f"{min(values)} is negative; use whole numbers from 0")
        return values

    def registered(self, name: str) -> str:
        """The registered method behind a name of ``methods``."""
        return self.variants[name].method if name in self.variants else name


def canonical_json(value: object) -> str:
    """Sorted keys and no blanks: equal values give equal text. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def build(
    preset: str = "default",
    settings: Sequence[str] = (),
    *,
    dataset: str | None = None,
    data_dir: Path | None = None,
    split_ids: Path | None = None,
    drop_leaks: bool = False,
    methods: str | None = None,
    ratios: str | None = None,
    draws: str | None = None,
    seeds: str | None = None,
    device: str | None = None,
    test_sets: str | None = None,
    tuned: Path | None = None,
    probes: bool = False,
) -> RunConfig:
    """Preset, overridden by ``key=value`` settings, overridden by flags (given as the user typed them).

    ``tuned``: the folder of tuned variants (bench.settings.variants). Options of methods are checked later, by
    `method_options`: a plugin's need its code. Raises ConfigError, and RegistryError for an unknown method.
    """
    name, raw = read_preset(preset)
    if dataset is not None and dataset != raw["dataset"].get("name"):
        raw["dataset"] = {"name": dataset, "drop_leaks": raw["dataset"]["drop_leaks"]}  # not another corpus's options
    chosen = texts(methods, "--methods") if methods is not None else list(raw["methods"])
    if tuned is not None:
        chosen, found = with_tuned(chosen, tuned, raw["variants"])
        raw["variants"] |= found
    for setting in settings:
        _apply(raw, setting, chosen)
    plain = {"data_dir": data_dir, "split_ids": split_ids, "drop_leaks": drop_leaks or None}
    raw["dataset"] |= _given(plain) | _typed({"test_sets": (test_sets, texts)})
    raw |= {"methods": chosen} | _given({"device": device, "probes": probes or None})
    raw |= _typed({"ratios": (ratios, numbers), "draws": (draws, whole_numbers), "seeds": (seeds, whole_numbers)})
    return _with_known_methods(validated(RunConfig, {"preset": name, **raw}, ""))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _typed(flags: Mapping[str, tuple[str | None, Callable[[str, str], Any]]]) -> dict[str, Any]:
    """What flags say that were given, read by their functions. Raises ConfigError."""
    return {key: read(text, f"--{key.replace('_', '-')}") for key, (text, read) in flags.items() if text is not None}


def _with_known_methods(config: RunConfig) -> RunConfig:
    methods = METHODS.targets()
    for name in config.variants:
        if name in methods:
            raise ConfigError(f"variants: {name!r} is a registered method; give the variant another name")
    for name in config.methods:
        if name not in config.variants and name not in methods and name.removesuffix(SUFFIX) in methods:
            raise ConfigError(f"methods: {name!r} needs --tuned DIR, the folder that `bench tune` wrote")
        METHODS.check(config.registered(name))
    return config


def preset_names() -> list[str]:
    """The presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_preset(preset: str) -> tuple[str, dict[str, Any]]:
    """Name and content of a preset, or of any YAML file of the same form; every key checked.

    Raises ConfigError for an unknown or unreadable preset.
    """
    is_file = preset.endswith((".yaml", ".yml"))
    if not is_file and preset not in preset_names():
        raise ConfigError(f"unknown preset {cut(preset)}.{nearest(preset, preset_names())} (or give a .yaml file)")
    path = Path(preset) if is_file else PRESETS / f"{preset}.yaml"
    try:
        raw = dict(read_yaml_file(path, f"preset {path}"))
    except FileNotFoundError:
        raise ConfigError(f"unknown preset {preset!r}: there is no such file") from None
    where = f"preset {path.stem}: "
    known = [key for key in RunConfig.model_fields if key != "preset"]
    for key in raw:
        if key not in known:
            raise ConfigError(f"{where}unknown key {key!r}.{nearest(str(key), known)}")
    raw = {"dataset": {}, "options": {}, "variants": {}} | raw
    return path.stem, validated(RunConfig, {"preset": path.stem, **raw}, where).model_dump(exclude={"preset"})


def method_options(config: RunConfig) -> dict[str, Settings]:
    """The resolved options of every chosen method or variant, by name. Imports no built-in method.

    Raises ConfigError for an unknown or impossible option, RegistryError for a method that cannot be loaded.
    """
    resolved: dict[str, Settings] = {}
    for name in config.methods:
        options: type[Settings] = METHODS.options(config.registered(name))
        given = config.variants[name].options if name in config.variants else config.options.get(name, {})
        for key in given:
            if key not in options.model_fields:
                raise unknown_key(f"{name}.{key}", [f"{name}.{field}" for field in options.model_fields])
        resolved[name] = validated(options, given, f"{name}.")
    return resolved


def method_optimisation(config: RunConfig, name: str) -> Optimisation:
    """The optimisation of a chosen method: the shared one, with a variant's overrides, without settings of groups that
    only methods with an encoder of their own have. Raises ConfigError."""
    shared = config.optimisation.model_dump()
    given = config.variants[name].optimisation if name in config.variants else {}
    groups = _merged(shared["groups"], given.get("groups", {}))
    if "instance_encoder" not in METHODS.options(config.registered(name)).uses:
        groups = {group: own for group, own in groups.items() if group not in OF_RETRIEVERS}
    return validated(Optimisation, shared | given | {"groups": groups}, f"{name}: optimisation: ")


def _merged(shared: Mapping[str, Any], own: Any) -> Any:
    """Settings of groups, each group's own ones over the shared ones. What is no mapping is left to be refused."""
    if not isinstance(own, Mapping) or not all(isinstance(group, Mapping) for group in own.values()):
        return own
    return {**shared, **{name: {**shared.get(name, {}), **group} for name, group in own.items()}}


def _apply(raw: dict[str, Any], setting: str, methods: Sequence[str]) -> None:
    """Write one ``key=value`` into ``raw``; ``methods`` are those that will run."""
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {setting!r}: expected key=value, such as budget.max_steps=100")
    if key in FLAGS:
        raise ConfigError(f"--set {key}: use the flag --{key}")
    given = parsed(key, text)
    head, _, tail = key.partition(".")
    if head == "dataset" and tail in DatasetConfig.model_fields:
        flag = "dataset" if tail == "name" else tail.replace("_", "-")
        raise ConfigError(f"--set {key}: use the flag --{flag}, or dataset.<option>=value for the loader")
    if head == "dataset" and tail:
        raw["dataset"].setdefault("options", {})[tail] = given
    elif key == "type_constraints":
        raw[key] = given
    elif head in SECTIONS and tail:
        _apply_section(raw.setdefault(head, {}), head, tail, given)
    elif head in METHODS.targets() and tail:
        if head not in methods:
            raise ConfigError(
                f"--set {key}: method {head!r} is not among the methods of this run ({', '.join(methods)})"
            )
        raw["options"].setdefault(head, {})[tail] = given
    else:
        known = [f"{name}.{field}" for name, model in SECTIONS.items() for field in model.model_fields]
        raise unknown_key(
            key, [*known, "type_constraints", "dataset.<option>", *(f"{name}.<option>" for name in METHODS.targets())]
        )


def _apply_section(section: dict[str, Any], head: str, tail: str, value: object) -> None:
    path = tail.split(".")
    known: list[str] = []
    for depth, name in enumerate(path):
        names = names_at(SECTIONS[head], path[:depth])
        known = [".".join([head, *path[:depth], one]) for one in names] or known
        if name not in names:
            raise unknown_key(f"{head}.{tail}", known)
    for name in path[:-1]:  # setting a part of something nested switches it on
        inner = dict(section[name]) if isinstance(section.get(name), Mapping) else {}
        section[name] = inner
        section = inner
    section[path[-1]] = value
