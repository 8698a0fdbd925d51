"""Hashes of weights are remembered for as long as the files stay what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.run import weights
from bench.run.weights import kept_hash
from methods.base import MethodError
from methods.parts.model_files import weights_hash


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.safetensors").write_bytes(b"abc")
    return folder


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every folder whose files were read."""
    seen: list[Path] = []
    monkeypatch.setattr(weights, "weights_hash", lambda folder: seen.append(folder) or weights_hash(folder))
    return seen


def test_the_hash_is_computed_once(model: Path, computed: list[Path]) -> None:
    assert kept_hash(model) == kept_hash(model) == weights_hash(model)
    assert computed == [model]


@pytest.mark.parametrize("change", ["size", "time", "content", "file"])
def test_a_change_is_noticed(model: Path, computed: list[Path], change: str) -> None:
    before, file = kept_hash(model), model / "a.safetensors"
    times = file.stat()
    if change == "size":
        file.write_bytes(b"abcd")
    elif change == "time":
        os.utime(file, ns=(1, 1))
    elif change == "content":  # as a copy that keeps the time would
        file.write_bytes(b"xyz")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    else:
        (model / "b.safetensors").write_bytes(b"")
    assert (kept_hash(model) == before) is (change in ("time", "file"))
    assert kept_hash(model) == weights_hash(model)
    assert len(computed) == 2


def test_no_cache_no_memory(model: Path, computed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "off")
    assert kept_hash(model) == kept_hash(model)
    assert len(computed) == 2


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match=r"has no .safetensors weights"):
        kept_hash(tmp_path)
