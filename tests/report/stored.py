"""A run as `bench run` stores it, without its tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.data import load_configured
from bench.records.store import Store
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build


def stored_run(preset: Path, out: str, *settings: str, **flags: Any) -> Store:
    """Every cell of the preset, executed and written to the folder ``out``."""
    config = build(str(preset), settings, **flags)
    dataset = load_configured(config)
    specs, store = plan(config, dataset), Store(Path(out))
    for spec in specs:
        store.write(*execute(spec, dataset))
    store.write_manifest({"config": config.model_dump(mode="json"), "cells": [spec.cell_id for spec in specs]})
    return store
