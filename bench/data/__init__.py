"""Name -> Dataset. A corpus is one function `load(data_dir, options: Options) -> Dataset`; see `load_dataset`."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ValidationError

from bench.data.base import Dataset
from bench.data.groups import grouped
from bench.data.leaks import drop_leaks as without_leaks
from bench.data.split_ids import with_split_ids
from bench.errors import ConfigError, DataError
from bench.names import visible
from bench.settings.config import RunConfig
from bench.settings.flags import parsed
from bench.settings.validation import is_text, kinds
from methods.registry import Registry, RegistryError
from methods.settings import Settings

__all__ = ["DATASETS", "DataError", "Dataset", "load_configured", "load_dataset", "options_class", "resolve_options"]

DATASETS = Registry(
    kind="dataset",
    group="bench.datasets",
    builtin={
        "fewrel": "bench.data.corpora.fewrel:load",
        "hub": "bench.data.corpora.hub:load",
        "jsonl": "bench.data.corpora.jsonl:load",
        "redocred": "bench.data.corpora.redocred:load",
        "semeval": "bench.data.corpora.semeval:load",
        "synthetic": "bench.data.corpora.synthetic:load",
        "tacred": "bench.data.corpora.tacred:load",
    },
)


def load_dataset(
    name: str, data_dir: Path | None, options: Mapping[str, object], *, drop_leaks: bool = False
) -> Dataset:
    """Load the corpus ``name`` from ``data_dir`` (None for an embedded one) with the user's ``options``.

    ``drop_leaks``: leave out the train and dev instances that repeat test or dev (bench.data.leaks).

    A loader declares its options by the annotation of its second parameter, a ``Settings`` subclass (one field
    per option, each with a default), so that a plugin is nothing but a typed function:

        class Options(Settings):
            language: str = "en"

        def load(data_dir: Path | None, options: Options) -> Dataset: ...

    Raises RegistryError for an unknown name and DataError for an unknown or unfit option, for unfit data and for
    whatever the loader of a plugin raises or gets wrong.
    """
    loader = DATASETS.load(name)
    resolved = resolve_options(name, options, loader)
    try:
        dataset = loader(data_dir, resolved)
    except (DataError, ConfigError, RegistryError, OSError):
        raise
    except Exception as error:
        if DATASETS.is_builtin(name):
            raise
        what = visible(f"{type(error).__name__}: {visible(error)}", 300)
        raise DataError(f"the loader of dataset {name!r} is broken: {what}") from error
    if not isinstance(dataset, Dataset):
        raise DataError(f"the loader of dataset {name!r} returned {type(dataset).__name__}, not a Dataset")
    if not DATASETS.is_builtin(name) and (why := _unusable(dataset)):
        raise DataError(f"the loader of dataset {name!r} is broken: {visible(why, 300)}")
    return without_leaks(dataset) if drop_leaks else dataset


def _unusable(dataset: Dataset) -> str:
    """Why nothing could be run on the corpus of a plugin, "" where it can."""
    parts = {"train": dataset.train, "dev": dataset.dev, "test": dataset.test}
    for part in ("train", "test"):
        if not parts[part]:
            return f"it has no {part} instances"
    for part, instances in parts.items():
        if len({i.id for i in instances}) < len(instances):
            return f"an id stands twice in {part}"
        unknown = next((name for i in instances for name in i.relations if name not in dataset.schema.index), None)
        if unknown is not None:
            return f"the relation {unknown!r} of {part} is not in its schema"
    remarks = dataset.card.get("remarks", ())
    if not isinstance(remarks, list | tuple) or not all(isinstance(remark, str) for remark in remarks):
        return "the remarks of its card are no sentences"
    try:
        json.dumps(dict(dataset.card), allow_nan=False)
        for instances in parts.values():
            for i in instances:
                " ".join((i.id, i.relation, *i.tokens)).encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        return f"a text or its card cannot be written: {error}"
    return ""


def load_configured(config: RunConfig) -> Dataset:
    """The corpus of a configuration: without its leaks, with published subsets and with sentences as groups where the
    configuration says so.
    Raises as `load_dataset` and `with_split_ids`."""
    source = config.dataset
    dataset = load_dataset(source.name, source.data_dir, source.options, drop_leaks=source.drop_leaks)
    if source.split_ids is not None:
        dataset = with_split_ids(dataset, source.split_ids, config.ratios)
    return grouped(dataset) if config.same_sentence == "exclude" else dataset


def options_class(loader: Callable[..., Dataset]) -> type[Settings]:
    """The ``Settings`` subclass that annotates the second parameter of ``loader``."""
    parameters = list(inspect.signature(loader).parameters)
    found: Any = get_type_hints(loader).get(parameters[1]) if len(parameters) == 2 else None
    if not (isinstance(found, type) and issubclass(found, Settings)):
        raise DataError(
            f"dataset loader {loader.__module__}.{loader.__qualname__} must be load(data_dir, options: Options) "
            "with Options a subclass of methods.base.Settings"
        )
    return found


def resolve_options(name: str, options: Mapping[str, object], loader: Callable[..., Dataset] | None = None) -> Settings:
    """Validate the user's ``options`` for dataset ``name``; the result also holds every default.

    Raises DataError that names each wrong key or value and the keys that exist.
    """
    cls = options_class(loader or DATASETS.load(name))
    known = ", ".join(cls.model_fields) or "none"
    try:
        return cls(**{key: _typed(key, value, cls) for key, value in options.items()})
    except ValidationError as error:
        problems = [_explain(problem, cls) for problem in error.errors()]
        raise DataError(f"dataset {name!r}: {'; '.join(problems)}. Known options: {known}") from None


def _typed(key: str, value: object, cls: type[Settings]) -> object:
    """A value as the option's declared type wants it: text for a text option, else what YAML reads in a text."""
    if key not in cls.model_fields or is_text(cls, [key]):
        return str(value) if type(value) in (int, float) else value
    plain = not isinstance(value, str) or value in kinds(cls.model_fields[key].annotation)
    return value if plain else parsed(f"dataset.{key}", str(value))


def _explain(problem: Mapping[str, Any], cls: type[Settings]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "options"
    if problem["type"] != "extra_forbidden":
        return f"option {key!r} = {problem['input']!r}: {problem['msg']}"
    near = difflib.get_close_matches(key, cls.model_fields, n=1, cutoff=0.5)
    return f"unknown option {key!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
