"""Name -> "module:attribute". Built-ins are strings, so listing them imports nothing heavy."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any


class RegistryError(Exception):
    """An unknown, duplicate or broken name; the message lists what exists."""


class Registry:
    """Built-in names plus those of an entry-point group. A built-in is never shadowed."""

    def __init__(self, kind: str, group: str, builtin: dict[str, str]) -> None:
        self.kind, self.group, self._builtin = kind, group, builtin

    def _plugins(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for entry in entry_points(group=self.group):
            where = entry.dist.name if entry.dist else entry.value
            if entry.name in self._builtin:
                raise RegistryError(f"{self.kind} {entry.name!r} of {where} has the name of a built-in one; rename it")
            if entry.name in found and found[entry.name].value != entry.value:
                other = found[entry.name]
                raise RegistryError(
                    f"{self.kind} {entry.name!r} is registered twice: {other.value} and {entry.value}; uninstall one"
                )
            found[entry.name] = entry
        return found

    def targets(self) -> dict[str, str]:
        """Every name with its "module:attribute", built-ins first."""
        return self._builtin | {name: entry.value for name, entry in sorted(self._plugins().items())}

    def check(self, name: str) -> str:
        """The name itself if it exists. Raises RegistryError that lists all names and suggests the nearest."""
        names = list(self.targets())
        if name in names:
            return name
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise RegistryError(f"unknown {self.kind} {name!r}.{hint} Known: {', '.join(names)}")

    def load(self, name: str) -> Any:
        """Import and return what ``name`` stands for."""
        module, _, attribute = self.targets()[self.check(name)].partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise RegistryError(f"{self.kind} {name!r} cannot be loaded from {module}:{attribute}: {error}") from error

    def version(self, name: str) -> str:
        """What identifies the code behind ``name``: a hash of the methods package's sources for a built-in
        (a changed shared part changes every method), distribution version and module hash for a plugin."""
        target = self.targets()[self.check(name)]
        module = target.partition(":")[0]
        if name in self._builtin:
            return "sha256:" + _hash_sources(module)
        dist = self._plugins()[name].dist
        return f"{dist.name}=={dist.version} sha256:{_hash_file(module)}" if dist else f"sha256:{_hash_file(module)}"


def _module_path(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise RegistryError(f"module {module!r} cannot be found")
    return Path(spec.origin)


def _hash_file(module: str) -> str:
    return hashlib.sha256(_module_path(module).read_bytes()).hexdigest()


def _hash_sources(module: str) -> str:
    """The module's own file and everything that it may import from its package's shared folder."""
    own = _module_path(module)
    shared = [*sorted((own.parent / "parts").glob("*.py")), own.parent / "types.py", own.parent / "base.py"]
    digest = hashlib.sha256()
    for path in [own, *(p for p in shared if p.exists())]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


METHODS = Registry(
    kind="method",
    group="bench.methods",
    builtin={
        "no_retrieval": "methods.no_retrieval:NoRetrieval",
        "rag_text": "methods.rag_text:RagText",
        "rag_bm25": "methods.rag_bm25:RagBM25",
        "rag_random": "methods.rag_random:RagRandom",
        "etrag": "methods.etrag.method:Etrag",
    },
)
