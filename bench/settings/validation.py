"""A mapping as a pydantic model, or one line that names the key which does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bench.errors import ConfigError
from bench.settings.flags import one_line

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], raw: Mapping[str, Any], where: str) -> Model:
    """``raw`` as a model. Raises ConfigError: pydantic's first complaint as one line that starts with the key."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        parts = [str(part) for part in first["loc"]]
        key = ".".join(parts)
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}unknown key {key!r}.{nearest(parts[-1], _fields(model, parts[:-1]))}") from None
        message = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] in ("value_error", "missing") else f", got {first['input']!r}"
        raise ConfigError(one_line(f"{where}{key}: {message}{given}")) from None


def unknown_key(key: str, known: Sequence[str]) -> ConfigError:
    """The error for a key that does not exist."""
    return ConfigError(f"unknown key {key!r}.{nearest(key, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion, where one is near, and the names that exist."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (f" Did you mean {near[0]!r}?" if near else "") + f" Known: {', '.join(names) or 'none'}"


def _fields(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Names of the fields of the model at ``path`` below ``model``, as far as plain models lead there."""
    for part in path:
        field = model.model_fields.get(part)
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
