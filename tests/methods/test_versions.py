"""A method is another one exactly when something that it imports has changed. Tried on copies of the sources."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from methods import versions
from methods.registry import METHODS, RegistryError

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json
from methods.registry import METHODS
METHODS._builtin["child"] = "methods.child:Child"
print(json.dumps({name: METHODS.version(name) for name in METHODS.targets()}))
"""
PLUGINS = {"plug": "plug:Plug", "lone": "lone:Lone", "pack": "pack.inner.method:Pack"}
FILES = {
    "methods/child.py": "from methods.rag_bm25 import RagBM25\nclass Child(RagBM25): ...\n",
    "plugins/plug.py": "import beside\nfrom methods.rag_bm25 import RagBM25\nclass Plug(RagBM25): ...\n",
    "plugins/beside.py": "",
    "plugins/unrelated.py": "",
    "plugins/lone.py": "from methods.base import Method\nclass Lone(Method): ...\n",
    "plugins/pack/__init__.py": "",
    "plugins/pack/inner/__init__.py": "",
    "plugins/pack/inner/method.py": "from ..helper import x\n",
    "plugins/pack/helper.py": "x = 1\n",
    "plugins/pack/never_imported.py": "",
    "plugins/pack/prompts.json": "{}",
    "plugins/three-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: three\nVersion: 1.0\n",
    "plugins/three-1.0.dist-info/entry_points.txt": "[bench.methods]\n"
    + "".join(f"{name} = {target}\n" for name, target in PLUGINS.items()),
}


class Copy:
    """A copy of `methods` with a subclass of a built-in in a file of its own, and three plugins."""

    def __init__(self, root: Path, known: dict[str, str] | None = None) -> None:
        self.root, self.known = root, known
        shutil.copytree(ROOT / "methods", root / "methods", ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")

    def versions(self) -> dict[str, str]:
        path = os.pathsep.join((str(self.root), str(self.root / "plugins")))
        done = subprocess.run(
            [sys.executable, "-c", CODE], env=os.environ | {"PYTHONPATH": path}, cwd=self.root, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def changed_by(self, *names: str, text: str = "\n# a comment\n") -> set[str]:
        """The methods whose version changes with these files."""
        before = self.known or self.versions()
        for name in names:
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")
        self.known = self.versions()
        return {name for name, version in self.known.items() if before[name] != version}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The versions of a copy in which nothing is changed: the same for each."""
    return Copy(tmp_path_factory.mktemp("original")).versions()


@pytest.fixture
def copy(tmp_path: Path, original: dict[str, str]) -> Copy:
    return Copy(tmp_path, original)


def test_a_comment_in_the_selection_concerns_etrag_alone(copy: Copy) -> None:
    assert copy.changed_by("methods/etrag/relaxed_knn.py") == {"etrag"}


def test_the_text_prompt_with_neighbours_concerns_who_shows_text(copy: Copy) -> None:
    assert copy.changed_by("methods/parts/text_rag.py") == {"rag_text", "rag_bm25", "rag_random", "child", "plug"}


def test_a_parent_class_concerns_its_subclasses_in_other_files_and_in_plugins(copy: Copy) -> None:
    assert copy.changed_by("methods/rag_bm25.py") == {"rag_bm25", "child", "plug"}


def test_what_all_generative_methods_share_concerns_them_and_the_plugins_that_extend_them(copy: Copy) -> None:
    generative = {"no_retrieval", "rag_text", "rag_bm25", "rag_random", "etrag", "child", "plug"}
    assert copy.changed_by("methods/parts/extractor.py") == generative


def test_the_contract_concerns_every_method_that_imports_it(copy: Copy, original: dict[str, str]) -> None:
    assert original.keys() - copy.changed_by("methods/base.py") == {"pack"}


@pytest.mark.parametrize(
    "text",
    [
        "import methods.parts.optim",
        "from methods.parts import optim",
        "from methods.parts.optim import build_optimiser as b",
        "def f():\n    if True:\n        from methods.parts.optim import build_optimiser",
        "from importlib import import_module\nmodule = import_module('methods.parts.optim')",
        "target = 'methods.parts.optim:build_optimiser'",
    ],
)
def test_imports_count_wherever_they_stand(copy: Copy, text: str) -> None:
    copy.changed_by("plugins/lone.py", text=f"{text}\n")
    assert "lone" in copy.changed_by("methods/parts/optim.py")


def test_relative_imports_count(copy: Copy) -> None:
    copy.changed_by("methods/child.py", text="from .parts import optim\nfrom .etrag.distances import Nearness\n")
    assert copy.changed_by("methods/etrag/distances.py") == {"etrag", "child"}


@pytest.mark.parametrize("name", ["never_imported.py", "helper.py", "prompts.json", "new.txt"])
def test_every_file_of_a_plugins_package_counts(copy: Copy, name: str) -> None:
    assert copy.changed_by(f"plugins/pack/{name}") == {"pack"}


def test_caches_and_hidden_files_do_not_count(copy: Copy) -> None:
    assert not copy.changed_by("plugins/pack/__pycache__/helper.cpython-311.pyc", "plugins/pack/.helper.py.swp")


def test_a_module_beside_a_plugin_counts_where_it_is_imported(copy: Copy) -> None:
    assert not copy.changed_by("plugins/unrelated.py")
    assert copy.changed_by("plugins/beside.py") == {"plug"}


def test_the_distribution_of_a_plugin_counts(copy: Copy, original: dict[str, str]) -> None:
    before, name = original, "plugins/three-1.0.dist-info/METADATA"
    (copy.root / name).write_text(FILES[name].replace("1.0", "1.1"), encoding="utf-8")
    after = copy.versions()
    assert {name for name in before if before[name] != after[name]} == set(PLUGINS)
    assert after["lone"] == before["lone"].replace("three==1.0", "three==1.1")


def test_modules_beside_an_installed_plugin_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "installed_plugin.py").write_text("import beside_it\nimport methods.types\n", encoding="utf-8")
    (folder / "beside_it.py").touch()
    monkeypatch.syspath_prepend(folder)
    assert versions.sources("installed_plugin").keys() == {"installed_plugin", "methods", "methods.types"}


def test_a_version_does_not_depend_on_where_the_sources_lie(tmp_path: Path, original: dict[str, str]) -> None:
    assert Copy(tmp_path / "deeper" / "still").versions() == original


def test_what_a_module_depends_on_by_name() -> None:
    names = set(versions.sources("methods.parts.options"))
    assert names == {"methods", "methods.parts", "methods.parts.options", "methods.settings"}


def test_a_source_is_parsed_once_for_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    versions._imports.cache_clear()
    parsed: list[bytes] = []
    parse = ast.parse

    def counted(text: Any) -> ast.Module:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(ast, "parse", counted)
    for name in METHODS.targets():
        METHODS.version(name)
    assert 20 < len(parsed) <= len(list((ROOT / "methods").rglob("*.py")))


def test_a_source_that_cannot_be_parsed_has_a_version(copy: Copy) -> None:
    assert copy.changed_by("plugins/lone.py", text="def (") == {"lone"}


def test_a_module_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS._builtin, "gone", "methods.gone:Gone")
    with pytest.raises(RegistryError, match=r"^method 'gone': module 'methods\.gone' cannot be found$"):
        METHODS.version("gone")
