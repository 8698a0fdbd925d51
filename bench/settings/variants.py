"""Methods under another name, with options and optimisation of their own: what `bench tune` writes, `bench run
--tuned` reads.

A chosen name is a registered method, or else `<method>_tuned` with the file DIR/<method>.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from bench.errors import ConfigError
from bench.settings.validation import validated
from bench.settings.yaml_text import read_yaml_file
from methods.registry import METHODS
from methods.settings import Settings

SUFFIX = "_tuned"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Source(Settings):
    """Where tuned settings come from: the corpus and subset, how much was tried, and dev scores as fractions (of the
    method's defaults: None where that trial failed)."""

    preset: str
    dataset: str
    dataset_hash: str
    metric: str
    method_version: str
    ratio: float
    draws: tuple[int, ...]
    seed: int
    trials: int = Field(ge=1, description="completed, pruned and failed ones")
    completed: int
    pruned: int
    failed: int
    best_trial: int
    dev_score: float
    dev_score_default: float | None
    study: str = Field(description="digest of the study's identity and trials")


class Variant(Settings):
    """A registered method with options; ``optimisation`` overrides the configuration's, key by key."""

    method: str
    options: dict[str, Any] = Field(default_factory=dict)
    optimisation: dict[str, Any] = Field(default_factory=dict)
    source: Source | None = None


def with_tuned(names: Sequence[str], folder: Path, known: Mapping[str, Any]) -> tuple[list[str], dict[str, Variant]]:
    """The chosen names with the variants that they need from ``folder``: those that end in `_tuned` and are neither a
    registered method nor ``known`` variants; without one, all names are taken as their tuned variants.

    Raises ConfigError for a missing or unfit file and for a name that clashes with a registered method.
    """
    methods = {*METHODS.targets(), *known}
    if not any(name.endswith(SUFFIX) and name not in methods for name in names):
        names = [METHODS.check(name) + SUFFIX for name in names]
        clashing = [name for name in names if name in methods]
        if clashing:
            raise ConfigError(f"--tuned: {clashing[0]!r} is itself a method; name the methods to take as tuned")
    tuned = [name for name in names if name not in methods]
    return list(names), {name: read_variant(folder, METHODS.check(name.removesuffix(SUFFIX))) for name in tuned}


def read_variant(folder: Path, method: str) -> Variant:
    """The tuned settings of ``method``. Raises ConfigError for a missing or unfit file."""
    path = folder / f"{file_name(method)}.yaml"
    try:
        raw = read_yaml_file(path, f"--tuned: {path}")
    except FileNotFoundError:
        raise ConfigError(f"--tuned: {path} is missing; make it with `bench tune --method {method}`") from None
    variant = validated(Variant, raw, f"{path}: ")
    if variant.method != method:
        raise ConfigError(f"--tuned: {path} is of method {variant.method!r}, not {method!r}")
    return variant


def file_name(name: str) -> str:
    """The name itself where it can be part of a path. Raises ConfigError."""
    if not _FILE_NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a file; use letters, digits, '.', '_' and '-'")
    return name
