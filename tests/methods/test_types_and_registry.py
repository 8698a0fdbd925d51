"""Types refuse what cannot be; the registry lists, suggests, and never shadows."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import methods.registry as registry_module
from methods.registry import METHODS, Registry, RegistryError
from methods.settings import Lora, Models, Settings, all_but
from methods.types import Barred, Instance, RelationSchema, Span, bars


def test_spans_and_instances() -> None:
    for start, end in ((2, 2), (-1, 1), (3, 1)):
        with pytest.raises(ValueError, match="a span needs"):
            Span(start, end)
    with pytest.raises(ValueError, match=r"instance x: tail span \[1, 4\) reaches beyond its 3 tokens"):
        Instance("x", ("a", "b", "c"), Span(0, 1), Span(1, 4), "r")
    instance = Instance("x", ("a", "b", "c"), Span(0, 1), Span(1, 3), "r")
    assert instance.text() == "a b c"
    assert instance.text(instance.tail) == "b c"


def named(name: str, document: str = "") -> Instance:
    return Instance(name, ("a", "b"), Span(0, 1), Span(1, 2), "r", document=document)


def test_an_instance_bars_its_own_id_and_its_document() -> None:
    query = named("x", "d")
    assert [bars(query, other) for other in (named("x"), named("x", "e"), named("y", "d"))] == [True, True, True]
    assert [bars(query, other) for other in (named("y"), named("y", "e"), named("d"))] == [False, False, False]
    assert not bars(named("y"), named("z"))  # no document is no common document
    assert not bars(named("document d"), query)


names, documents = st.sampled_from("abcdefg"), st.sampled_from(["", "a", "b", "c"])
instances = st.builds(named, names, documents)


@given(database=st.lists(instances, unique_by=lambda i: i.id), query=instances)
def test_what_a_database_bars_is_what_each_of_it_bars(database: list[Instance], query: Instance) -> None:
    barred = Barred(database)(query)
    assert barred - {query.id} <= {i.id for i in database}
    assert [i.id in barred for i in database] == [bars(query, i) for i in database]


def test_schema_refuses_ambiguity() -> None:
    with pytest.raises(ValueError, match="'a' and 'b' share the verbalisation 'x'"):
        RelationSchema(("a", "b"), {"a": "x", "b": "x"})
    with pytest.raises(ValueError, match="'b' has no verbalisation"):
        RelationSchema(("a", "b"), {"a": "x"})
    with pytest.raises(ValueError, match="negative class 'none' is not"):
        RelationSchema(("a",), {"a": "x"}, negative="none")
    with pytest.raises(ValueError, match="not unique"):
        RelationSchema(("a", "a"), {"a": "x"})


def test_types_admit_their_relations_and_the_negative() -> None:
    schema = RelationSchema(
        ("a", "b", "none"), {"a": "x", "b": "y", "none": "z"}, "none", {("P", "Q"): frozenset({"b"})}
    )
    typed = Instance("1", ("s", "t"), Span(0, 1), Span(1, 2), "b", "P", "Q")
    other = Instance("2", ("s", "t"), Span(0, 1), Span(1, 2), "b", "P", "P")
    assert schema.admitted([typed, other]).tolist() == [[False, True, True], [True, True, True]]
    assert schema.index == {"a": 0, "b": 1, "none": 2}


def test_unknown_names_get_a_suggestion_and_the_list() -> None:
    with pytest.raises(
        RegistryError, match=r"unknown method 'etrga'. Did you mean 'etrag'\? Known: no_retrieval, rag_t"
    ):
        METHODS.load("etrga")
    with pytest.raises(RegistryError) as error:
        METHODS.load("xyzzy")
    assert "Did you mean" not in str(error.value)


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="g")


def test_plugins_extend_but_never_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("thing", "g", {"path": "pathlib:Path"})
    found: list[EntryPoint] = [entry("counter", "collections:Counter"), entry("counter", "collections:Counter")]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: found)
    assert list(registry.targets()) == ["path", "counter"]
    assert registry.load("counter").__name__ == "Counter"
    assert registry.version("counter").startswith("sha256:")
    found.append(entry("counter", "collections:OrderedDict"))
    with pytest.raises(RegistryError, match="registered twice: collections:Counter and collections:OrderedDict"):
        registry.targets()
    found[:] = [entry("path", "collections:Counter")]
    with pytest.raises(RegistryError, match="has the name of a built-in"):
        registry.load("path")


def test_a_broken_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("thing", "g", {})
    found = [entry("gone", "no_such_module:X"), entry("empty", "collections:NoSuchThing")]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: found)
    for name in ("gone", "empty"):
        with pytest.raises(RegistryError, match=f"thing {name!r} cannot be loaded from"):
            registry.load(name)
    with pytest.raises(RegistryError, match="cannot be found"):
        registry.version("gone")


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError('broken')", "raise SystemExit(0)", "raise KeyboardInterrupt", "assert False", "1/0", "def (",
     "open('/nonexistent')", "f = lambda: f()\nf()", "raise ValueError('\\udcff')", "raise BaseException('odd')",
     "class E(Exception):\n    def __str__(self): return 1/0\nraise E", "x = 1", "import no_such_module_xyz", "\0"],
)  # fmt: skip
def test_whatever_a_module_does_when_it_is_imported_is_one_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    (tmp_path / "hostile_module.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("thing", "g", {})
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry("bad", "hostile_module:M")])
    for call in (registry.load, registry.options):
        with pytest.raises(RegistryError, match=r"^thing 'bad' cannot be loaded from hostile_module:M: ") as caught:
            call("bad")
        str(caught.value).encode()


def test_the_users_interruption_of_an_import_is_none_of_the_plugin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "slow_module.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("thing", "g", {})
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry("slow", "slow_module:M")])
    with pytest.raises(KeyboardInterrupt):
        registry.load("slow")


def test_options_of_a_plugin_are_those_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(
        "thing", "g", {"light": "pathlib:Path", "heavy": "no_such:X"}, {"heavy": "methods.settings:Lora"}
    )
    monkeypatch.setattr(
        registry_module, "entry_points", lambda group: [entry("other", "methods.base:Method"), entry("c", "ast:AST")]
    )
    assert registry.options("heavy") is Lora  # found without what the name stands for
    assert registry.options("other") is Settings
    for name in ("light", "c"):
        with pytest.raises(RegistryError, match=f"^thing {name!r} has no Options that extend methods.base.Settings$"):
            registry.options(name)
    with pytest.raises(RegistryError, match=r"unknown thing 'havy'. Did you mean 'heavy'\?"):
        registry.options("havy")


class _Misspelt(Settings):
    uses = ("generatr",)


class _Text(Settings):
    uses = "generator"  # type: ignore[assignment]


@pytest.mark.parametrize("options", [_Misspelt, _Text])
def test_options_that_use_no_model_are_refused(monkeypatch: pytest.MonkeyPatch, options: type[Settings]) -> None:
    """Else cells would not depend on the models that they are made with."""
    registry = Registry("thing", "g", {"x": "methods.base:Method"})
    monkeypatch.setattr("methods.base.Method.Options", options)
    with pytest.raises(RegistryError, match=r"thing 'x': Options\.uses is no tuple of fields of Models"):
        registry.options("x")


def test_settings_use_every_model_unless_they_say_so() -> None:
    assert Settings.uses == tuple(Models.model_fields)
    assert set(Models.model_fields) - set(all_but("encoder", "layers")) == {"encoder", "layers"}


def test_every_builtin_has_a_version_of_its_own() -> None:
    versions = {name: METHODS.version(name) for name in METHODS._builtin}
    assert len(set(versions.values())) == len(versions)
    assert all(v.startswith("sha256:") for v in versions.values())
