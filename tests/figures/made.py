"""Hand-made records of the miniature plugin, whose every number a test chooses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from bench.figures.cells import Cell, find, wanted
from bench.figures.contract import Contract, read_contracts
from bench.records.record import Record
from bench.records.store import Store
from bench.settings import config as configuration
from bench.settings.config import canonical_json, method_options
from tests.records.factory import make_record

CONTRACT = """
title: A figure
paper: {reports: nothing | at all, numbers: [{what: theirs, value: 71.5, source: a page}]}
cells:
  - {preset: mini.yaml, methods: [mini, mini_plain], ratios: [0.1, 0.5], draws: [0, 1, 2], seeds: [0]}
values:
  - {path: metrics.f1, label: F1 × 100, scale: 100}
figure: {kind: by_ratio}
claims:
  - says: mini is better
    whose: paper
    rule: greater
    of: {series: mini, value: metrics.f1}
    over: [{series: mini_plain, value: metrics.f1}]
"""


def contract(text: str = CONTRACT, name: str = "figure") -> Contract:
    """The contract of that YAML, by way of a file."""
    Path(f"{name}.yaml").write_text(text, encoding="utf-8")
    return read_contracts([f"{name}.yaml"])[0]


def record(
    method: str,
    f1: float,
    ratio: float = 0.5,
    draw: int = 0,
    seed: int = 0,
    settings: tuple[str, ...] = (),
    **more: Any,
) -> Record:
    """A record as `bench run --preset mini.yaml` would have left it; ``more`` replaces parts of it or, as `identity`,
    adds to its identity."""
    config = configuration.build("mini.yaml", settings, methods=method)
    identity = {
        "dataset_hash": "corpus",
        "subset_hash": f"subset {ratio} {draw}",
        "options": method_options(config)[method].model_dump(mode="json"),
        "method_version": "1",
        "device_type": "cpu",
        **{part: getattr(config, part).model_dump(mode="json") for part in configuration.SECTIONS},
    } | more.pop("identity", {})
    names = {"dataset": "mini", "method": method, "ratio": ratio, "draw": draw, "seed": seed}
    content = canonical_json([names, identity, more.get("created")])
    fields = {
        "cell_id": hashlib.sha256(content.encode()).hexdigest()[:16],
        "identity": identity,
        **names,
        "metrics": {"primary": "micro_f1", "f1": f1},
        "n_test": 0,
        "cost": {"total_seconds": 7.0, "train_seconds": 5.0, "steps": 60},
        "created": "2026-01-02T00:00:00+00:00",
    }
    return make_record(**fields | more)


def write(*records: Record, run: str = "records/run") -> Store:
    store = Store(Path(run))
    for one in records:
        store.write(one, [])
    return store


def cells(of: Contract, *records: Record) -> list[Cell]:
    """What the contract finds among these records."""
    store = write(*records)
    return find(wanted(of), [(store, one) for one in records], sharing=of.needs_sharing)


# Of the miniature plugin; with one claim that a record of F1 above 0 supports.
AT_LEAST_ONE = """
title: A figure
paper: {reports: nothing}
cells: [{preset: mini.yaml, methods: [mini, mini_plain], ratios: [0.5], draws: [0], seeds: [0]}]
values: [{path: metrics.f1, label: F1}]
figure: {kind: by_ratio}
claims:
  - {says: mini is good, whose: ours, rule: at_least, of: {series: mini, value: metrics.f1}, threshold: 0.0}
"""
