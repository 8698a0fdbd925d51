"""Which version of the code stands behind a module: a hash of the sources that it depends on, read, never imported.

Those are the import closure within `methods`; of a plugin also every file of its own package, and the modules beside it
that it imports, unless it is installed: then they change with the version of their distribution.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path

_METHODS = Path(__file__).resolve().parent


def version(module: str) -> str:
    """SHA-256 in hex over `sources`. Raises ModuleNotFoundError."""
    digest = hashlib.sha256()
    for name, path in sorted(sources(module).items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def sources(module: str) -> dict[str, Path]:
    """Name -> file of all that ``module`` depends on: dotted for modules, with slashes for other files of a package.

    Imports count wherever they stand, and so does text that names a module (`import_module("methods.x")`).
    Raises ModuleNotFoundError.
    """
    folder = _home(module)
    own = module.partition(".")[0]
    waiting = _with_packages(module, own, folder)
    if not waiting:
        raise ModuleNotFoundError(f"module {module!r} cannot be found")
    if own != _METHODS.name:
        waiting |= _package(next(iter(waiting.values())), folder)
    found: dict[str, Path] = {}
    while waiting:
        name, path = waiting.popitem()
        found[name] = path
        if path.suffix == ".py":
            for imported in _imports(path.read_bytes(), name, path.name == "__init__.py", own):
                new = _with_packages(imported, own, folder)
                waiting |= {base: file for base, file in new.items() if base not in found}
    return found


def source(module: str) -> Path | None:
    """The file of a module; None where it has none."""
    return _with_packages(module, module.partition(".")[0], _home(module)).get(module)


def _home(module: str) -> Path:
    """The folder in which a module's outermost package lies. Raises ModuleNotFoundError."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module made by hand
        spec = None
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    for place in places:
        if _file(module, Path(place).parent):
            return Path(place).parent
    raise ModuleNotFoundError(f"module {module!r} cannot be found")


def _with_packages(name: str, own: str, folder: Path) -> dict[str, Path]:
    """The files of a module and of the packages around it, outermost first; none for what is not followed."""
    top, *inner = name.split(".")
    if top == _METHODS.name:
        folder = _METHODS.parent
    elif top != own and (top in sys.stdlib_module_names or folder.name in ("site-packages", "dist-packages")):
        return {}
    names = [".".join([top, *inner[:depth]]) for depth in range(len(inner) + 1)]
    return {name: file for name in names if (file := _file(name, folder))}


def _file(name: str, folder: Path) -> Path | None:
    path = folder.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _package(outermost: Path, folder: Path) -> dict[str, Path]:
    """Every file of a plugin's package; none of a single module."""
    if outermost.name != "__init__.py":
        return {}
    found: dict[str, Path] = {}
    for path in outermost.parent.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
            module = path.parent if path.name == "__init__.py" else path.with_suffix("")
            found[".".join(module.relative_to(folder).parts) if path.suffix == ".py" else "/".join(parts)] = path
    return found


@cache
def _imports(text: bytes, module: str, is_package: bool, own: str) -> frozenset[str]:
    """Dotted names that a source may import; some are no modules."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # of a plugin; loading it will say so
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: (1 if is_package else 0) - node.level or None] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            names.update((origin, *(f"{origin}.{alias.name}" for alias in node.names)))
        elif isinstance(node, ast.Constant) and str(node.value).startswith((f"{_METHODS.name}.", f"{own}.")):
            names.add(str(node.value).partition(":")[0])
    return frozenset(name for name in names if all(part.isidentifier() for part in name.split(".")))
