"""`bench list methods|datasets|presets|runs`: what there is, without importing any of it."""

from __future__ import annotations

import argparse
import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bench.paths import PRESETS
from bench.records.store import Store
from bench.settings.config import preset_names, read_preset
from methods.registry import METHODS, Registry

FOLLOW = 8  # base classes and re-exports, at most


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("list", help="methods, datasets, presets or runs")
    kinds = ("methods", "datasets", "presets", "configs", "runs")
    parser.add_argument("kind", choices=kinds, help="what to list (configs: the same as presets)")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("results"), help="where runs lie")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per entry. Raises RegistryError for plugins that clash, ConfigError for a broken preset."""
    if args.kind == "methods":
        _print(_entries(METHODS))
    elif args.kind == "datasets":
        from bench.data import DATASETS

        _print(_entries(DATASETS))
    elif args.kind == "runs":
        _print(_runs(args.out))
    else:
        _print((name, _about(PRESETS / f"{name}.yaml"), _grid(name)) for name in preset_names())
    return 0


def _print(entries: Any) -> None:
    rows = list(entries)
    width = max((len(row[0]) for row in rows), default=0)
    for name, *lines in rows:
        print(f"{name:<{width}}  {lines[0]}")
        for line in filter(None, lines[1:]):
            print(f"{'':<{width}}    {line}")


def _entries(registry: Registry) -> Iterator[tuple[str, str, str]]:
    for name, target in registry.targets().items():
        module, _, attribute = target.partition(":")
        found = _definition(module, attribute)
        about = " ".join((ast.get_docstring(found[1]) or "").partition("\n\n")[0].split()) if found else ""
        listed = ", ".join(f"{key}={value}" for key, value in _options(*found).items()) if found else ""
        yield name, about or target, f"options: {listed}" if listed else ""


def _about(preset: Path) -> str:
    return preset.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def _grid(preset: str) -> str:
    raw = read_preset(preset)[1]
    counted = {key: len(raw[key]) for key in ("methods", "ratios", "draws", "seeds")}
    return f"{raw['dataset']['name']}: " + " x ".join(f"{count} {key}" for key, count in counted.items())


def _runs(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*/run.json")):
        store = Store(path.parent)
        manifest = store.read_manifest()
        if manifest is None:
            continue
        states = [record.status for record in store.records(manifest["cells"])]
        failed = f", {states.count('failed')} failed" if "failed" in states else ""
        total = len(manifest["cells"])
        yield str(path.parent), f"{states.count('ok')} of {total} cells{failed}, {manifest.get('created', '')}"


# Reading sources instead of importing them: a list of methods must not wait for torch.


@cache
def _source(module: str) -> ast.Module | None:
    try:
        spec = importlib.util.find_spec(module)
        return ast.parse(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else None
    except (ImportError, OSError, SyntaxError, ValueError):  # a broken plugin is listed, without its documentation
        return None


def _definition(module: str, name: str, left: int = FOLLOW) -> tuple[str, ast.ClassDef | ast.FunctionDef] | None:
    """The class or function called ``name`` in ``module`` or where it imports it from, with that module's name."""
    tree = _source(module)
    for node in tree.body if tree and left else ():
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _definition(node.module, alias.name, left - 1)
    return None


def _options(module: str, node: ast.ClassDef | ast.FunctionDef, left: int = FOLLOW) -> dict[str, str]:
    """Option -> default, as written in the source: of a method's ``Options``, of a loader's second parameter."""
    if isinstance(node, ast.FunctionDef):
        annotation = node.args.args[1].annotation if len(node.args.args) == 2 else None
        found = _definition(module, annotation.id) if isinstance(annotation, ast.Name) else None
        return _defaults(*found) if found else {}
    for part in node.body:
        if isinstance(part, ast.ClassDef) and part.name == "Options":
            return _defaults(module, part)
        target = part.targets[0] if isinstance(part, ast.Assign) else getattr(part, "target", None)
        value = getattr(part, "value", None)
        if isinstance(target, ast.Name) and target.id == "Options" and isinstance(value, ast.Name):
            found = _definition(module, value.id)
            return _defaults(*found) if found else {}
    for base in node.bases:
        found = _definition(module, base.id) if isinstance(base, ast.Name) and left else None
        if found and (inherited := _options(*found, left - 1)):
            return inherited
    return {}


def _defaults(module: str, node: ast.ClassDef | ast.FunctionDef, left: int = FOLLOW) -> dict[str, str]:
    """Fields of a settings class, those of its bases first."""
    fields: dict[str, str] = {}
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        found = _definition(module, base.id) if isinstance(base, ast.Name) and left else None
        fields |= _defaults(*found, left - 1) if found else {}
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
            value = part.value
            if isinstance(value, ast.Call) and value.args:  # Field(10, ge=1)
                value = value.args[0]
            fields[part.target.id] = ast.unparse(value)
    return fields
