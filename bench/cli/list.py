"""`bench list methods|datasets|presets|runs`: what there is, and every option of one method or dataset."""

from __future__ import annotations

import argparse
import ast
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli import a_path, say_broken, show
from bench.errors import ConfigError, DataError, StoreError
from bench.names import visible
from bench.paths import PRESETS
from bench.records.store import Store
from bench.settings.config import preset_names, read_preset
from methods.registry import METHODS, Registry, RegistryError
from methods.settings import Settings
from methods.versions import source

Options = Callable[[str], type[Settings]]
# What a JSON schema says of a number or text -> how it is shown.
BOUNDS = {"minimum": ">= {}", "exclusiveMinimum": "> {}", "maximum": "<= {}", "exclusiveMaximum": "< {}",
          "pattern": "like {}"}  # fmt: skip


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("list", help="methods, datasets, presets or runs")
    kinds = ("methods", "datasets", "presets", "configs", "runs")
    parser.add_argument("kind", choices=kinds, help="what to list (configs: the same as presets)")
    parser.add_argument("name", nargs="?", help="a method or dataset, for all of its options")
    parser.add_argument("--out", metavar="DIR", type=a_path, default=Path("results"), help="where runs lie")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per entry, or the options of one. Raises RegistryError for an unknown name and plugins that clash,
    ConfigError for a broken preset."""
    if args.kind in ("methods", "datasets"):
        registry, options = (METHODS, METHODS.options) if args.kind == "methods" else _datasets()
        if args.name is None:
            _print(_entries(registry, options), registry.targets())
        else:
            _print_options(registry, options, args.name)
    elif args.name is not None:
        raise ConfigError(f"list {args.kind} {args.name}: only a method or a dataset has options to list")
    elif args.kind == "runs":
        return _print_runs(args.out)
    else:
        _print(((name, _about(PRESETS / f"{name}.yaml"), _grid(name)) for name in preset_names()), preset_names())
    return 0


def _datasets() -> tuple[Registry, Options]:
    from bench.data import DATASETS, options_class

    return DATASETS, lambda name: options_class(DATASETS.load(name))


def _print(entries: Iterable[Sequence[str]], names: Iterable[str]) -> None:
    """Each entry at once, as a broken plugin may end the process; ``names``: of all."""
    width = max(map(len, names), default=0)
    for name, *lines in entries:
        show(f"{name:<{width}}  {lines[0]}")
        for line in filter(None, lines[1:]):
            show(f"{'':<{width}}    {line}")


def _entries(registry: Registry, options: Options) -> Iterator[tuple[str, str, str]]:
    for name, target in registry.targets().items():
        try:
            listed = ", ".join(f"{key}={_default(row)}" for key, row in _schema(options(name)).items())
        except (DataError, RegistryError) as error:  # a broken plugin is listed too
            listed = f"(none can be read: {error})"
        yield name, _docstring(target) or target, f"options: {listed}" if listed else ""


def _print_options(registry: Registry, options: Options, name: str) -> None:
    """A table of the options of one method or dataset."""
    registry.check(name)
    key = name if registry is METHODS else "dataset"
    rows = [(option, *_kind(row), _default(row), row.get("description", ""))
            for option, row in _schema(options(name)).items()]  # fmt: skip
    show(f"{name}: {_docstring(registry.targets()[name])}")
    if not rows:
        show("no options of its own")
        return
    table = [("option", "type", "allowed", "default", "meaning"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        show("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    show(f"set with --set {key}.OPTION=VALUE")


def _schema(options: type[Settings]) -> dict[str, dict[str, Any]]:
    """What JSON schema says of every option."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a default that is no JSON
            found: dict[str, dict[str, Any]] = options.model_json_schema().get("properties", {})
    except Exception as error:  # pydantic's, for the types of a plugin that it cannot describe
        raise RegistryError(f"its options cannot be described: {visible(error, 200)}") from error
    return found


def _kind(row: Mapping[str, Any]) -> tuple[str, str]:
    """Type and what is allowed."""
    if parts := row.get("anyOf"):
        kinds = [_kind(part) for part in parts]
        return " or ".join(kind for kind, _ in kinds), ", ".join(allowed for _, allowed in kinds if allowed)
    if row.get("type") == "array":
        kind, allowed = _kind(row.get("items", {}))
        return f"list of {kind}", allowed
    bounds = [form.format(row[key]) for key, form in BOUNDS.items() if key in row]
    return row.get("type", "any"), ", ".join(bounds) or " | ".join(map(str, row.get("enum", ())))


def _default(row: Mapping[str, Any]) -> str:
    """As one would type it after `--set`."""
    value = row.get("default", "")
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _docstring(target: str) -> str:
    """First paragraph of what says "module:attribute", read without importing it: that may take seconds."""
    module, _, name = target.partition(":")
    try:
        path = source(module)
        tree = ast.parse(path.read_bytes() if path else b"")
    except (ImportError, SyntaxError, ValueError, OSError, RecursionError):
        return ""
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in tree.body if isinstance(node, definitions) and node.name == name)
    return " ".join((next(found, None) or "").partition("\n\n")[0].split())


def _about(preset: Path) -> str:
    return preset.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def _grid(preset: str) -> str:
    raw = read_preset(preset)[1]
    counted = {key: len(raw[key]) for key in ("methods", "ratios", "draws", "seeds")}
    return f"{raw['dataset']['name']}: " + " x ".join(f"{count} {key}" for key, count in counted.items())


def _print_runs(folder: Path) -> int:
    """One line per run; those that cannot be read are named apart. The exit code."""
    from bench.records.run import Run

    rows, stores = [], list[Store]()
    for path in sorted(folder.glob("*/run.json")):
        stores.append(Store(path.parent))
        try:
            found = Run.open(path.parent)
        except StoreError as error:
            stores[-1].broken["run.json"] = str(error)
            continue
        stores[-1] = found.store
        states = [record.status for record in found.records]
        others = "".join(f", {states.count(state)} {state}" for state in ("failed", "skipped") if state in states)
        total = len(found.manifest.cells)
        rows.append((str(path.parent), f"{states.count('ok')} of {total} cells{others}, {found.manifest.created}"))
    _print(rows, [row[0] for row in rows])
    return say_broken(*stores)
