"""The registry of datasets, the mechanism of their options, and verbalisations."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.data import DATASETS, load_dataset, options_class, resolve_options, verbalise
from bench.data.base import Dataset
from bench.data.corpora import semeval, synthetic, tacred
from bench.data.corpora.semeval import Options as SemevalOptions
from bench.data.corpora.semeval import load as load_semeval
from bench.data.verbalise import load_verbalisations
from bench.errors import DataError
from methods.registry import Registry, RegistryError
from methods.settings import Settings
from methods.types import RelationSchema


def test_built_in_datasets():
    assert {"fewrel", "hub", "jsonl", "semeval", "synthetic"} <= DATASETS.targets().keys()
    assert options_class(load_semeval) is SemevalOptions
    assert resolve_options("semeval", {}).model_dump(exclude_none=True) == {"dev_share": 0.1}


def test_unknown_dataset():
    with pytest.raises(RegistryError, match="Did you mean 'semeval'"):
        load_dataset("semevla", None, {})


def test_unknown_and_unfit_options():
    with pytest.raises(DataError, match=r"'semeval': unknown option 'dev_shar' \(did you mean 'dev_share'\?\)"):
        load_dataset("semeval", None, {"dev_shar": 0.2})
    with pytest.raises(DataError) as caught:
        load_dataset("semeval", None, {"zzz": 1, "dev_share": 2})
    assert all(part in str(caught.value) for part in ("unknown option 'zzz'", "'dev_share' = 2: Input should be less"))
    assert str(caught.value).endswith("Known options: verbalisation, verbalisations, dev_share")


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("toy_corpus")
    monkeypatch.setitem(sys.modules, "toy_corpus", module)
    registry = Registry("dataset", "bench.datasets.none", {"toy": "toy_corpus:load"})
    monkeypatch.setattr("bench.data.DATASETS", registry)
    return module


def test_a_plugin_is_a_typed_function(plugin, tmp_path):
    calls: list[tuple[Path | None, Settings]] = []

    def load(data_dir: Path | None, options: Settings) -> Dataset:
        calls.append((data_dir, options))
        return Dataset("nothing", RelationSchema(("r",), {"r": "text"}), "tacred_micro_f1", (), (), ())

    plugin.load = load
    assert load_dataset("toy", tmp_path, {}).name == "nothing"
    assert calls == [(tmp_path, Settings())]
    with pytest.raises(DataError, match=r"unknown option 'x'\. Known options: none"):
        load_dataset("toy", tmp_path, {"x": 1})


def test_a_loader_must_declare_options_and_return_a_dataset(plugin):
    plugin.load = lambda data_dir, options: None
    with pytest.raises(DataError, match=r"must be load\(data_dir, options: Options\)"):
        load_dataset("toy", None, {})

    def wrong(data_dir: Path | None, options: Settings) -> Dataset:
        return "dataset"  # type: ignore[return-value]

    plugin.load = wrong
    with pytest.raises(DataError, match="'toy' returned str, not a Dataset"):
        load_dataset("toy", None, {})


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "verbalisations").mkdir()
    monkeypatch.setattr(verbalise, "CONFIGS", tmp_path)
    return (tmp_path / "verbalisations" / "toy.yaml").write_text


def test_verbalisations_in_the_order_asked_for(write):
    write('b: "text b"\na: "text a"\nspare: "unused"\n')
    assert list(load_verbalisations("toy", ("a", "b")).items()) == [("a", "text a"), ("b", "text b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "toy.yaml: not a YAML mapping"),
        ("- a", "expected a mapping of relation to text, got list"),
        ("b: text", "relation 'a' needs a text .* got None"),
        ("a: no", "relation 'a' needs a text .* got False"),
        ("a: ' '", "relation 'a' needs a text"),
        ("a: x\na: y", "'a' is given twice"),
    ],
)
def test_unfit_verbalisations(write, text, message):
    write(text)
    with pytest.raises(DataError, match=message):
        load_verbalisations("toy", ("a",))


def test_missing_verbalisations(write):
    with pytest.raises(DataError, match=r"verbalisations other.yaml not found in .*: is the installation complete"):
        load_verbalisations("other", ())


@pytest.mark.parametrize(
    ("name", "relations"),
    [
        ("semeval", semeval.RELATIONS),
        ("synthetic", (synthetic.NEGATIVE, *synthetic.RELATIONS)),
        ("tacred", tacred.TACRED),
        ("retacred", tacred.RETACRED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_first_words_tell_the_relations_apart(name, relations):
    texts = load_verbalisations(name, relations)
    assert len({text.split()[0] for text in texts.values()}) == len(relations)
    assert all(text == text.lower() and text.replace(" ", "").isalpha() for text in texts.values())


def test_leaks_and_remarks_are_warnings() -> None:
    dataset = load_dataset("synthetic", None, {"train": 60, "dev": 30, "test": 30})
    assert dataset.warnings() == []
    leaking = dataclasses.replace(dataset, test=dataset.train[:3], card={"remarks": ["2 records too few"]})
    assert leaking.warnings() == [
        "synthetic: 2 records too few",
        "synthetic: 3 test instances repeat a train instance with its entity pair "
        "(see `bench data check` and --drop-leaks)",
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"test": ()}, "it has no test instances"),
        ({"train": ()}, "it has no train instances"),
        ({"card": {"remarks": 5}}, "the remarks of its card are no sentences"),
        ({"card": {"x": object()}}, "its card cannot be written"),
        ("twice", "an id stands twice in test"),
        ("relation", "the relation 'unknown' of test is not in its schema"),
        ("half", "cannot be written"),
        (None, "RuntimeError: broken"),
    ],
)
def test_what_the_loader_of_a_plugin_gets_wrong_is_one_line(
    mini: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, why: str
) -> None:
    load = DATASETS.load("mini")
    good = load_dataset("mini", None, {})
    odd = {"twice": good.test[0], "relation": dataclasses.replace(good.test[0], id="x", relation="unknown"),
           "half": dataclasses.replace(good.test[0], id="\udcff")}  # fmt: skip
    made = {"test": (*good.test, odd[changes])} if isinstance(changes, str) else changes

    def broken(data_dir: Path | None, options: Any) -> Dataset:
        if made is None:
            raise RuntimeError("broken")
        return dataclasses.replace(good, **made)

    broken.__annotations__["options"] = options_class(load)
    monkeypatch.setattr(type(DATASETS), "load", lambda self, name: broken)
    with pytest.raises(DataError, match=f"^the loader of dataset 'mini' is broken: .*{why}") as caught:
        load_dataset("mini", None, {})
    str(caught.value).encode()
