"""What `bench inspect` and `bench compare` read: the finished cells of runs, and a corpus where it is at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.data import Dataset, load_configured
from bench.errors import ConfigError, DataError
from bench.records.identity import key_of, leaves, short
from bench.records.record import Record
from bench.records.store import Store
from bench.settings.config import RunConfig
from methods.registry import RegistryError

Setting = tuple[float, int, int]  # ratio, draw, seed


@dataclass(frozen=True)
class Run:
    """A run folder, its manifest, and its finished records in the order of the plan."""

    store: Store
    manifest: Mapping[str, Any]
    records: tuple[Record, ...]


def open_run(folder: Path) -> Run:
    """Raises ConfigError where the folder holds no run or no finished cell, StoreError for broken files."""
    store = Store(folder)
    manifest = store.read_manifest()
    if manifest is None:
        raise ConfigError(f"{folder} holds no run (no run.json); `bench list runs` shows those under results/")
    records = tuple(record for record in store.records(manifest["cells"]) if record.ok)
    if not records:
        raise ConfigError(f"{folder} has no finished cell yet")
    return Run(store, manifest, records)


def cells_of_one_setting(
    run: Run,
    methods: Sequence[str] = (),
    ratio: float | None = None,
    draw: int | None = None,
    seed: int | None = None,
) -> dict[str, Record]:
    """Method -> its finished cell, all of one ratio, draw and seed: of those asked for the setting with most methods,
    then the largest ratio, then the lowest draw and seed.

    ``methods``: none are all. Raises ConfigError for a method or a setting that the run does not have.
    """
    has = list(dict.fromkeys(record.method for record in run.records))
    for method in methods:
        if method not in has:
            raise ConfigError(f"{run.store.out} has no finished cell of method {method!r}; it has {', '.join(has)}")
    settings: dict[Setting, dict[str, Record]] = defaultdict(dict)
    for record in run.records:
        where = (record.ratio, record.draw, record.seed)
        asked = zip(where, (ratio, draw, seed), strict=True)
        if record.method in (methods or has) and all(wanted in (None, value) for value, wanted in asked):
            settings[where][record.method] = record
    best = max(settings, key=lambda s: (len(settings[s]), s[0], -s[1], -s[2]), default=None)
    if best is None or not set(methods) <= settings[best].keys():
        given = [("ratio", ratio), ("draw", draw), ("seed", seed)]
        which = " ".join(f"{name} {value:g}" for name, value in given if value is not None) or "one setting"
        of = f" of {', '.join(methods)}" if methods else ""
        ratios = ", ".join(f"{value:g}" for value in sorted({record.ratio for record in run.records}))
        raise ConfigError(f"{run.store.out} has no finished cells{of} with {which}; its ratios are {ratios}")
    return {method: settings[best][method] for method in methods or has if method in settings[best]}


def corpus(run: Run, data_dir: Path | None = None) -> tuple[Dataset | None, str]:
    """The corpus of a run, from ``data_dir`` or where the run had it; or None and why it is not at hand."""
    try:
        config = RunConfig.model_validate(run.manifest.get("config"))
    except ValidationError:
        return None, "run.json was written by another version"
    if data_dir is not None:
        config = config.model_copy(update={"dataset": config.dataset.model_copy(update={"data_dir": data_dir})})
    try:
        dataset = load_configured(config)
    except (ConfigError, DataError, RegistryError) as error:
        return None, " ".join(str(error).split())
    if dataset.content_hash != run.records[0].identity["dataset_hash"]:
        return None, f"the corpus {dataset.name} is another than the one of the run"
    return dataset, ""


def paired_cells(before: Run, after: Run) -> list[tuple[Record, Record]]:
    """The finished cells that two runs have of one corpus, method, ratio, draw and seed, in the order of the first."""
    later = {key_of(record): record for record in after.records}
    keys = [(record, key_of(record)) for record in before.records]
    return [(record, later[key]) for record, key in keys if key in later]


def changed_settings(before: Run, after: Run) -> list[str]:
    """Fields of the configuration, and of the identity of cells in common, that differ: 'field: before -> after'."""
    then, now = leaves(before.manifest.get("config") or {}), leaves(after.manifest.get("config") or {})
    changes = {
        key: f"{key}: {short(then.get(key))} -> {short(now.get(key))}"
        for key in {*then, *now}
        if then.get(key) != now.get(key)
    }
    for old, new in paired_cells(before, after):
        for key in ("dataset_hash", "method_version"):
            first, second = old.identity.get(key), new.identity.get(key)
            name = key if key == "dataset_hash" else f"{old.method}.{key}"
            if first != second:
                changes[name] = f"{name}: {short(first)} -> {short(second)}"
    return [changes[key] for key in sorted(changes)]
