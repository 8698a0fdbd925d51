from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import entries as stored
from bench.data.cache import Contents, Parsed, cached
from bench.data.entries import folder
from bench.errors import DataError
from methods.types import Instance, Span

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Loader:
    """Reads one instance per line and counts how often it is asked to."""

    calls = 0

    def __call__(self, contents: Contents) -> Parsed:
        self.calls += 1
        lines = b"".join(contents.values()).decode().split("\n")
        part = tuple(
            Instance(f"i-{n}", (line, "", "\n\0"), Span(0, 1), Span(1, 3), "r", "PERSON")
            for n, line in enumerate(lines)
        )
        return Parsed({"train": part, "dev": ()}, {"read": {"lines": len(lines)}, "share": 0.5, "none": None})


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., tuple[Loader, Parsed]]:
    path = tmp_path / "corpus.txt"
    path.write_text("Ann Lee\nZürich")
    loader = Loader()

    def call(options: dict[str, object] | None = None, sources: tuple[str, ...] = ()) -> tuple[Loader, Parsed]:
        return loader, cached(loader, [path], sources, options or {})

    return call


def test_the_second_time_comes_from_the_cache(load, entries):
    _, first = load()
    loader, second = load()
    assert loader.calls == 1
    assert (second.splits, second.counts) == (first.splits, first.counts)
    (entry,) = entries.iterdir()  # and no temporary file
    assert entry.read_bytes().count(b"\n") == 1  # the checksum's line; JSON writes its own as \n
    if os.name == "posix":
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_every_input_to_the_result_makes_another_entry(load, tmp_path, entries):
    source = tmp_path / "loader.py"
    source.write_text("version 1")
    load({}, (str(source),))
    load({"brackets": True}, (str(source),))
    loader, _ = load({"brackets": False}, (str(source),))
    assert loader.calls == 3
    source.write_text("version 2")
    load({}, (str(source),))
    (tmp_path / "corpus.txt").write_text("Ann Lee\nBern")
    _, changed = load({}, (str(source),))
    assert loader.calls == 5
    assert changed.splits["train"][1].tokens[0] == "Bern"
    assert len(list(entries.iterdir())) == 5
    (tmp_path / "corpus.txt").write_text("Ann Lee\nZürich")
    load({}, (str(source),))
    assert loader.calls == 5  # back to an earlier content, whatever its date


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "foreign", "folder"])
def test_a_damaged_entry_is_ignored_and_written_again(load, entries, damage):
    _, first = load()
    (entry,) = entries.iterdir()
    whole = entry.read_bytes()
    broken = {
        "cut": whole[:-20],
        "empty": b"",
        "flipped": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
        "foreign": b"{}\n[]",
    }
    if damage == "folder":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes(broken[damage])
    loader, again = load()
    assert (loader.calls, again) == (2, first)
    if damage != "folder":  # which nothing may replace
        assert entry.read_bytes() == whole
        assert load()[0].calls == 2
    assert [path.name for path in entries.iterdir()] == [entry.name]


@given(st.data())
@relaxed
def test_no_damage_gives_another_instance(load, entries, data):
    _, first = load()
    (entry,) = entries.iterdir()
    raw = bytearray(entry.read_bytes())
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    entry.write_bytes(raw)
    assert load()[1] == first


def test_off_and_unwritable(load, entries, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", "off")
    assert folder() is None
    load()
    assert load()[0].calls == 2
    assert not entries.exists()
    entries.write_text("a file where the folder should be")
    monkeypatch.setenv("BENCH_CACHE", str(entries))
    load()
    assert load()[0].calls == 4


def test_a_write_that_fails_leaves_nothing(load, entries, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored.os, "replace", full)
    load()
    assert list(entries.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the XDG folders are Linux's")
def test_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("BENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder() == tmp_path / "xdg" / "retrieval-re-bench"


def test_errors_of_the_input_and_of_the_parser_pass_through(load, tmp_path, entries):
    with pytest.raises(DataError, match=r"absent.json: cannot be read: No such file"):
        cached(Loader(), [tmp_path / "absent.json"], (), {})

    def refuse(_: Contents) -> Parsed:
        raise DataError("line 1")

    with pytest.raises(DataError, match="line 1"):
        cached(refuse, [tmp_path / "corpus.txt"], (), {})
    assert not entries.exists()
