"""`bench list methods NAME`, `bench list datasets NAME`: every option of one of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import Field

from bench.cli.list import _default, _kind, _schema
from bench.data import DATASETS, options_class
from methods.registry import METHODS
from methods.settings import Settings

Bench = Callable[..., int]


def table(out: str) -> dict[str, list[str]]:
    """Option -> its other cells."""
    lines = out.splitlines()
    starts = [lines[1].index(name) for name in ("option", "type", "allowed", "default", "meaning")]
    ends = [*starts[1:], None]
    rows = [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in lines[2:-1]]
    return {row[0]: row[1:] for row in rows}


def test_every_option_of_a_method(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("list", "methods", "etrag") == 0
    out = capsys.readouterr().out
    assert out.startswith("etrag: End-to-end trainable retrieval: ")
    assert out.endswith("\nset with --set etrag.OPTION=VALUE\n")
    rows = table(out)
    assert list(rows) == list(METHODS.options("etrag").model_fields)
    assert rows["k"] == ["integer", ">= 1", "5", "selection steps, soft neighbours in the prefix"]
    assert rows["candidates"][:3] == ["string", "random | shortlist | mixed", "random"]
    assert rows["learning_rate"][:3] == ["number", "> 0", "0.0001"]


def test_every_option_of_a_dataset(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("list", "datasets", "semeval") == 0
    out = capsys.readouterr().out
    assert table(out)["dev_share"] == ["number", "> 0, < 1", "0.1", "share of the training file held out as dev set"]
    assert out.endswith("\nset with --set dataset.OPTION=VALUE\n")


def test_a_plugin_is_listed_alike(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("list", "methods", "mini") == 0
    out = capsys.readouterr().out
    assert out.startswith("mini: Counts words by relation, and calls")
    assert table(out) == {"k": ["integer", ">= 1", "2", ""], "smoothing": ["number", "> 0", "0.5", ""]}
    assert bench("list", "methods", "no_retrieval") == 0
    assert capsys.readouterr().out.endswith("\nno options of its own\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["methods", "etrga"], "unknown method 'etrga'. Did you mean 'etrag'? Known: no_retrieval, "),
        (["datasets", "semevla"], "unknown dataset 'semevla'. Did you mean 'semeval'? Known: fewrel, "),
        (["presets", "smoke"], "list presets smoke: only a method or a dataset has options to list"),
    ],
)
def test_mistakes_are_one_line(
    bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert bench("list", *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"bench: error: {message}")
    assert err.count("\n") == 1


class Kinds(Settings):
    limit: int | None = Field(None, ge=1)
    share: float = Field(0.5, ge=0, lt=1)
    folder: Path = Path("x/y")
    name: str = Field("ab", pattern="^[a-z]+$")
    on: bool = True
    pairs: tuple[tuple[str, int], ...] = (("a", 1),)
    needed: int


def test_kinds_of_options_by_hand() -> None:
    rows = {name: (*_kind(row), _default(row)) for name, row in _schema(Kinds).items()}
    assert rows == {
        "limit": ("integer or null", ">= 1", "null"),
        "share": ("number", ">= 0, < 1", "0.5"),
        "folder": ("string", "", "x/y"),
        "name": ("string", "like ^[a-z]+$", "ab"),
        "on": ("boolean", "", "true"),
        "pairs": ("list of list of any", "", "[[a, 1]]"),
        "needed": ("integer", "", ""),
    }


@pytest.mark.parametrize("name", DATASETS._builtin)
def test_every_option_of_a_corpus_is_described(name: str) -> None:
    fields = options_class(DATASETS.load(name)).model_fields
    assert [key for key, field in fields.items() if not field.description] == []


def test_a_plugin_that_is_no_method_is_listed_too(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever its module does when it is imported, and whatever stands in it."""
    sources = {
        "hostile_exit": "raise SystemExit(0)", "hostile_error": "M = 1\n1 / 0", "hostile_syntax": "def (",
        "hostile_name": "M = 1", "hostile_options": "from methods.base import Method, Settings\n"
        "class M(Method):\n    class Options(Settings):\n        x: object = object()\n",
    }  # fmt: skip
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint(name, f"{name}:M", "bench.methods") for name in sources]
    monkeypatch.setattr("methods.registry.entry_points", lambda group: entries)
    assert bench("list", "methods") == 0
    captured = capsys.readouterr()
    assert all(f"\n{name} " in captured.out for name in sources)
    assert captured.out.count("options: (none can be read: ") == 4  # any object is an option
    assert captured.err == ""
