"""Fixtures that many tests share."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MINI_PLUGIN = Path(__file__).parent / "fixtures" / "mini_plugin"


@pytest.fixture
def mini(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The miniature plugin is installed, and an empty folder is the current one (which it returns)."""
    monkeypatch.syspath_prepend(MINI_PLUGIN)
    importlib.invalidate_caches()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else seeding would set it for the tests that follow
    yield tmp_path
    if "torch" in sys.modules:
        sys.modules["torch"].use_deterministic_algorithms(False)


@pytest.fixture
def mini_environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a process that finds the project and the miniature plugin."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(MINI_PLUGIN))), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def bench(mini: Path) -> Callable[..., int]:
    """`bench(*arguments)` runs one command in this process, with the miniature plugin; its exit code."""
    from bench.cli import main

    def call(*arguments: str) -> int:
        try:
            return main(arguments)
        except SystemExit as stop:  # argparse
            return int(stop.code or 0)

    return call


@pytest.fixture
def mini_preset(mini: Path) -> Path:
    """A preset of the miniature plugin: two methods, two ratios, two draws, one seed."""
    path = mini / "mini.yaml"
    path.write_text(
        "dataset: {name: mini}\nmethods: [mini, mini_plain]\nratios: [0.5, 1.0]\ndraws: [0, 1]\nseeds: [0]\n"
        "models: {generator: tiny, encoder: tiny, instance_encoder: tiny}\n",
        encoding="utf-8",
    )
    return path
