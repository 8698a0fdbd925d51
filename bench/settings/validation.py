"""A mapping as a pydantic model, or one line that names the key which does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bench.errors import ConfigError
from bench.names import visible

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
            raise ConfigError(f"{where}unknown key {key!r}.{nearest(parts[-1], names_at(model, parts[:-1]))}") from None
        message = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] in ("value_error", "missing") else f", got {cut(first['input'])}"
        place = f"{where}{key}" if key else where.rstrip(".: ")
        raise ConfigError(visible(f"{place}: {message}{given}")) from None


def cut(value: object) -> str:
    """A value as a message shows it: on one line, at most 60 characters."""
    return visible(repr(value), 60)


def unknown_key(key: str, known: Sequence[str]) -> ConfigError:
    """The error for a key that does not exist."""
    return ConfigError(f"unknown key {key!r}.{nearest(key, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion, where one is near, and the names that exist."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (f" Did you mean {near[0]!r}?" if near else "") + f" Known: {', '.join(names) or 'none'}"


def names_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """What may stand below ``path`` in ``model``: the fields of a model, also of one that may be absent, or the keys
    of a mapping that names them all. Empty where neither is."""
    kind: Any = model
    for name in path:
        if name not in _names(kind):
            return []
        inner = kind.model_fields[name].annotation if _is_model(kind) else get_args(kind)[1]
        kind = next(filter(_is_model, get_args(inner)), inner) if get_origin(inner) is UnionType else inner
    return _names(kind)


def _names(kind: Any) -> list[str]:
    if _is_model(kind):
        return list(kind.model_fields)
    return list(get_args(get_args(kind)[0])) if get_origin(kind) is Mapping else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
