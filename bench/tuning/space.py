"""What tuning tries: a method's search space or a user's, checked, and put into a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.trial import Trial
from pydantic import ValidationError

from bench.errors import ConfigError
from bench.settings.config import RunConfig, method_options
from bench.settings.flags import one_line
from bench.settings.validation import cut, unknown_key, validated
from bench.settings.yaml_text import read_yaml_file
from methods.registry import METHODS
from methods.settings import Between, OneOf, Optimisation, SearchSpace

PREFIX = "optimisation."
PLAIN = (str, int, float, bool)


def read_space(path: Path) -> SearchSpace:
    """A YAML file of `name: [values]` and `name: {low, high, log}`. Raises ConfigError."""
    try:
        raw = read_yaml_file(path, f"--space {path}")
    except FileNotFoundError:
        raise ConfigError(f"--space {path} cannot be read: there is no such file") from None
    if not raw:
        raise ConfigError(f"--space {path}: expected names with [values] or {{low: ..., high: ..., log: ...}}")
    return {str(name): _read_entry(f"--space {path}: {name}", entry) for name, entry in raw.items()}


def _read_entry(where: str, entry: object) -> Between | OneOf:
    if isinstance(entry, list) and entry and all(_is_plain(value) for value in entry):
        return OneOf(tuple(entry))
    if isinstance(entry, dict) and {"low", "high"} <= entry.keys() <= {"low", "high", "log"}:
        low, high, log = entry["low"], entry["high"], entry.get("log", False)
        if _is_number(low) and _is_number(high) and isinstance(log, bool):
            return Between(low, high, log)
    raise ConfigError(f"{where}: expected [values] or {{low: number, high: number, log: true|false}}, got {cut(entry)}")


def resolved_space(config: RunConfig, method: str, given: SearchSpace | None = None) -> SearchSpace:
    """The space of a method (its own, or ``given``), each entry widened where needed to hold the configured value:
    that is the first trial.

    Raises ConfigError for an empty space, an unknown name, and an end or value that the setting does not admit.
    """
    space: SearchSpace = METHODS.load(method).search_space if given is None else given
    if not space:
        raise ConfigError(f"method {method!r} declares no search space; give one with --space FILE")
    options = type(method_options(config)[method])
    known = [*options.model_fields, *(PREFIX + name for name in Optimisation.model_fields)]
    for name, entry in space.items():
        if name not in known:
            raise unknown_key(name, known)
        model, field = (Optimisation, name.removeprefix(PREFIX)) if name.startswith(PREFIX) else (options, name)
        if isinstance(entry, Between) and (entry.low > entry.high or (entry.log and entry.low <= 0)):
            raise ConfigError(f"search space: {name}: from {entry.low:g} to {entry.high:g}{' (log)' * entry.log} "
                              "is no range")  # fmt: skip
        for value in (entry.low, entry.high) if isinstance(entry, Between) else entry.values:
            try:
                model.model_validate({field: value})
            except ValidationError as error:
                # What depends on other settings (a location of no field) fails in its trial.
                for problem in (p for p in error.errors() if p["loc"]):
                    raise ConfigError(f"search space: {name} = {value}: {one_line(problem['msg'])}") from None
    _effective(config, space)
    defaults = configured(config, method, space)
    return {name: _widened(name, entry, defaults[name]) for name, entry in space.items()}


def _effective(config: RunConfig, space: SearchSpace) -> None:
    """Raises ConfigError for a searched learning rate that a group's own one overrides."""
    overriding = {f"{PREFIX}learning_rate": ("pretrained",), f"{PREFIX}new_learning_rate": ("new", "prompt"),
                  "learning_rate": ("retriever",)}  # fmt: skip
    own = {str(group): settings.learning_rate for group, settings in config.optimisation.groups.items()}
    for name in space:
        for group in overriding.get(name, ()):
            if own.get(group) is not None:
                raise ConfigError(
                    f"search space: {name} has no effect where optimisation.groups.{group}.learning_rate is set; leave "
                    "that out, or search without it (--space)"
                )


def _widened(name: str, entry: Between | OneOf, value: Any) -> Between | OneOf:
    if isinstance(entry, OneOf):
        return entry if value in entry.values else OneOf((*entry.values, value))
    if not _is_number(value) or (entry.log and value <= 0):
        raise ConfigError(f"search space: {name}: its configured value {value!r} cannot be part of this range")
    return Between(min(entry.low, value), max(entry.high, value), entry.log)


def configured(config: RunConfig, method: str, space: SearchSpace) -> dict[str, Any]:
    """The configured value of every name of the space."""
    options = method_options(config)[method]
    return {
        name: getattr(config.optimisation, name.removeprefix(PREFIX))
        if name.startswith(PREFIX)
        else getattr(options, name)
        for name in space
    }


def suggest(trial: Trial, space: SearchSpace) -> dict[str, Any]:
    """A value for every name; a range is of whole numbers where both ends are."""
    values: dict[str, Any] = {}
    for name, entry in space.items():
        if isinstance(entry, OneOf):
            values[name] = trial.suggest_categorical(name, entry.values)
        elif isinstance(entry.low, int) and isinstance(entry.high, int):
            values[name] = trial.suggest_int(name, entry.low, entry.high, log=entry.log)
        else:
            values[name] = trial.suggest_float(name, entry.low, entry.high, log=entry.log)
    return values


def with_values(config: RunConfig, method: str, values: Mapping[str, Any]) -> RunConfig:
    """The configuration of `method` alone with these values, checked as any other. Raises ConfigError."""
    options, optimisation = divided(values)
    raw = config.model_dump()
    raw["methods"] = (method,)
    raw["options"][method] = raw["options"].get(method, {}) | options
    raw["optimisation"] |= optimisation
    return validated(RunConfig, raw, "")


def divided(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(options of the method, settings of the optimisation)."""
    options = {name: value for name, value in values.items() if not name.startswith(PREFIX)}
    return options, {name.removeprefix(PREFIX): v for name, v in values.items() if name.startswith(PREFIX)}


def plain_space(space: SearchSpace) -> dict[str, Any]:
    """As JSON values, for the identity of a study."""
    return {
        name: list(entry.values)
        if isinstance(entry, OneOf)
        else {"low": entry.low, "high": entry.high, "log": entry.log}
        for name, entry in space.items()
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_plain(value: object) -> bool:
    return isinstance(value, PLAIN) and (not isinstance(value, float) or math.isfinite(value))
