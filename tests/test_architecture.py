"""The dependency rules of docs/architecture.md, kept by reading the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
# Rooms, top to bottom, those of one line together: the first column of the table under "Rooms".
LAYERS = [
    re.findall(r"`([\w.]+)`", line.split("|")[1])
    for line in DOCUMENT.partition("## Rooms")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| `")
]
LAYER_OF = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path for package in ("methods", "bench") for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Every module that a source imports, wherever in it, as far as it says so in plain text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names if f"{origin}.{alias.name}" in SOURCES)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__"):
                yield str(node.args[0].value)


def dependencies(module: str) -> set[str]:
    path = SOURCES[module]
    return set(imported(ast.parse(path.read_text(encoding="utf-8")), module, path.name == "__init__.py"))


def layer(module: str) -> int | None:
    while module not in LAYER_OF and "." in module:
        module = module.rpartition(".")[0]
    return LAYER_OF.get(module)


@pytest.mark.parametrize("module", [name for name in SOURCES if name.split(".")[0] == "methods"])
def test_methods_never_import_bench(module: str) -> None:
    assert not [name for name in dependencies(module) if name.split(".")[0] == "bench"]


@pytest.mark.parametrize("module", [name for name in SOURCES if name not in ("bench", "methods")])
def test_imports_go_upwards(module: str) -> None:
    own = layer(module)
    assert own is not None, f"{module} has no layer: give its room a line in docs/architecture.md"
    below = sorted(name for name in dependencies(module) & SOURCES.keys() if (layer(name) or 0) > own)
    # `import methods.base` names the package `methods` too, whose __init__ holds nothing.
    assert not [name for name in below if name not in ("bench", "methods")]


MOST_LINES = {ast.ClassDef: 150, ast.FunctionDef: 40, ast.AsyncFunctionDef: 40}
# Longer ones, each with its reason.
LONGER: dict[str, str] = {}


def long_definitions(tree: ast.AST) -> list[str]:
    """Names of the classes and functions with more lines than they may have."""
    found = [node for node in ast.walk(tree) if isinstance(node, tuple(MOST_LINES))]
    return [node.name for node in found if (node.end_lineno or 0) - node.lineno + 1 > MOST_LINES[type(node)]]


@pytest.mark.parametrize("module", SOURCES)
def test_no_class_over_150_lines_no_function_over_40(module: str) -> None:
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    assert not [name for name in long_definitions(tree) if f"{module}.{name}" not in LONGER]


def test_a_line_too_many_is_seen() -> None:
    body = "    x = 1\n"
    fitting, longer = (ast.parse(f"def f():\n{body * lines}") for lines in (39, 40))
    assert (long_definitions(fitting), long_definitions(longer)) == ([], ["f"])


def test_there_are_at_most_18_layers() -> None:
    assert 1 < len(LAYERS) <= 18


def test_no_circles() -> None:
    graph = {module: {name for name in dependencies(module) & SOURCES.keys() if name != module} for module in SOURCES}
    for module, names in graph.items():  # a package's own __init__ is no dependency of its files
        graph[module] = {name for name in names if not module.startswith(f"{name}.") or uses_names_of(module, name)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def uses_names_of(module: str, package: str) -> bool:
    """Whether a file takes something from its package's __init__ other than a module beside it."""
    for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == package and not node.level:
            return any(f"{package}.{alias.name}" not in SOURCES for alias in node.names)
    return False


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    import bench.records.store", {"bench.records.store"}),
        ("if True:\n    from bench.settings import config", {"bench.settings", "bench.settings.config"}),
        ("from importlib import import_module as m\nimport importlib\nimportlib.import_module('bench.x')", {"bench.x"}),
        ("from . import registry", {"methods.registry"}),
        ("from ..base import Method", {"methods.base"}),
    ],
)
def test_the_reader_of_imports_sees_nested_ones(source: str, expected: set[str]) -> None:
    module = "methods.parts.x" if ".." in source else "methods.x"
    assert expected <= set(imported(ast.parse(source), module, is_package=False))


@pytest.mark.parametrize(
    "arguments", [["list", "methods"], ["list", "datasets"], ["list", "presets"], ["list", "runs"]]
)
def test_listing_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from bench.cli import main; code = main(sys.argv[1:]); "
        "print(*{'torch', 'transformers', 'pandas', 'matplotlib'} & sys.modules.keys(), file=sys.stderr); "
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOPS = "bench|methods|tests|configs|docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(rf"`((?:{TOPS})/[\w./-]*)`", page.read_text(encoding="utf-8"))
    assert not [name for name in named if not (ROOT / name).exists()]
