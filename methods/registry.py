"""Name -> "module:attribute". Built-ins are strings, so listing them imports nothing heavy."""

from __future__ import annotations

import difflib
import dis
import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from methods.settings import Models, Settings
from methods.versions import version


class RegistryError(Exception):
    """An unknown, duplicate or broken name; the message lists what exists."""


class Registry:
    """Built-in names plus those of an entry-point group. A built-in is never shadowed.

    ``options``: where the options of a built-in lie, if not in what its name stands for: a module that imports little.
    """

    def __init__(
        self, kind: str, group: str, builtin: dict[str, str], options: Mapping[str, str] | None = None
    ) -> None:
        self.kind, self.group, self._builtin, self._options = kind, group, builtin, options or {}

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

    def is_builtin(self, name: str) -> bool:
        return name in self._builtin

    def check(self, name: str) -> str:
        """The name itself if it exists. Raises RegistryError that lists all names and suggests the nearest."""
        self._target(name)
        return name

    def load(self, name: str) -> Any:
        """Import and return what ``name`` stands for. Raises RegistryError, whatever its module does."""
        return self._attribute(name, self._target(name))

    def options(self, name: str) -> type[Settings]:
        """The options class of the method ``name``: of a built-in without importing it. Raises RegistryError."""
        target = self._target(name)
        if name in self._options:
            return self._attribute(name, self._options[name])
        found = getattr(self._attribute(name, target), "Options", None)
        if not (isinstance(found, type) and issubclass(found, Settings)):
            raise RegistryError(f"{self.kind} {name!r} has no Options that extend methods.base.Settings")
        if not isinstance(found.uses, tuple) or not set(found.uses) <= set(Models.model_fields):
            raise RegistryError(f"{self.kind} {name!r}: Options.uses is no tuple of fields of Models: {found.uses!r}")
        return found

    def version(self, name: str) -> str:
        """What identifies the code behind ``name`` (`methods.versions`); of a plugin also its distribution."""
        module = self._target(name).partition(":")[0]
        dist = None if name in self._builtin else self._plugins()[name].dist
        try:
            return (f"{dist.name}=={dist.version} " if dist else "") + f"sha256:{version(module)}"
        except Exception as error:  # its sources may be anything
            raise RegistryError(f"{self.kind} {name!r}: {_said(error)}") from error

    def _target(self, name: str) -> str:
        if name in (targets := self.targets()):
            return targets[name]
        near = difflib.get_close_matches(name, targets, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise RegistryError(f"unknown {self.kind} {name!r}.{hint} Known: {', '.join(targets)}")

    def _attribute(self, name: str, target: str) -> Any:
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except BaseException as error:  # a plugin may raise anything when it is imported
            if isinstance(error, KeyboardInterrupt) and not _by_statement(error):
                raise
            raise RegistryError(f"{self.kind} {name!r} cannot be loaded from {target}: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """What an exception of a plugin says, whose texts may be anything."""
    try:
        text = str(error).encode(errors="backslashreplace").decode()
    except Exception:
        text = "(its message cannot be printed)"
    return text if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {text}"


def _by_statement(error: BaseException) -> bool:
    """Whether a `raise` of Python code raised it; the user's interruption comes between any two instructions."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


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
    options={
        "no_retrieval": "methods.parts.options:NoOptions",
        "rag_text": "methods.parts.options:RagTextOptions",
        "rag_bm25": "methods.parts.options:TextRagOptions",
        "rag_random": "methods.parts.options:TextRagOptions",
        "etrag": "methods.etrag.options:EtragOptions",
    },
)
