"""A run folder as a whole: its manifest, its records in the order of the plan, and its corpus where that is at hand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from bench.data import Dataset, load_configured
from bench.errors import ConfigError, DataError, StoreError
from bench.names import visible
from bench.records.identity import differences, key_of
from bench.records.manifest import Manifest, read_manifest
from bench.records.record import Record
from bench.records.store import Store
from bench.settings.config import DatasetConfig
from methods.registry import RegistryError

Setting = tuple[float, int, int]  # ratio, draw, seed
_PATH = re.compile(r"[/\\\\]|^~")


@dataclass(frozen=True)
class Run:
    """A folder that `bench run` or `bench figures --run` wrote. Records are read when they are asked for."""

    store: Store
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises ConfigError where the folder holds no run, StoreError for a broken manifest."""
        store = Store(folder)
        manifest = read_manifest(store)
        if manifest is None:
            raise ConfigError(f"{folder} holds no run (no run.json); `bench list runs` shows those under results/")
        return cls(store, manifest)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Those of the plan that exist, in its order, failed and skipped ones too (`planned_records`)."""
        return planned_records(self.store, self.manifest.cells)

    @cached_property
    def finished(self) -> tuple[Record, ...]:
        """Those with a result. Raises ConfigError where there is none, StoreError where all are broken."""
        if found := tuple(record for record in self.records if record.ok):
            return found
        skipped = next(
            (record.error.message for record in self.records if record.status == "skipped" and record.error), ""
        )
        if self.store.broken:
            raise StoreError("; ".join(self.store.broken.values()))
        why = f"; skipped: {visible(skipped)}" if skipped else " yet"
        raise ConfigError(f"{self.store.out} has no finished cell{why}")

    def corpus(self, data_dir: Path | None = None, *, as_run: bool = False) -> tuple[Dataset | None, str]:
        """The corpus, from ``data_dir`` or as it is embedded; or None and why it is not at hand.

        ``as_run``: also from where the run had it. Its folder may come from elsewhere, and what that names (a folder, a
        file, a corpus of the hub) is opened for nobody who does not ask for it.
        """
        try:
            config = self.manifest.configured()
            source = config.dataset.model_copy(
                update={"split_ids": None, "data_dir": data_dir or config.dataset.data_dir}
            )
            if not as_run and (named := _named(source, data_dir)):
                return None, f"the run names {visible(named, 100)}, which is opened with --as-run alone"
            dataset = load_configured(config.model_copy(update={"dataset": source}))
        except (ConfigError, DataError, RegistryError, OSError, ValueError) as error:
            return None, visible(error, 300)
        if {record.identity.get("dataset_hash") for record in self.records} != {dataset.content_hash}:
            return None, f"the corpus {dataset.name} is another than the one of the run"
        return dataset, ""


def planned_records(store: Store, cells: Iterable[str]) -> tuple[Record, ...]:
    """The records of a plan, in its order. Broken ones are left out and noted in the store's ``broken``, as is the
    second record of one method, ratio, draw and seed."""
    found: dict[tuple[Any, ...], Record] = {}
    for record in store.records(cells):
        first = found.setdefault(key_of(record), record)
        if first is not record:
            path = store.record_path(record.cell_id)
            store.broken[record.cell_id] = f"{path} and {first.cell_id}.json are both {record.label}; delete one"
    return tuple(found.values())


def _named(source: DatasetConfig, given: Path | None) -> str:
    """What a corpus would be read from that the user did not name; "" for nothing."""
    if given is None:
        if source.data_dir is not None:
            return str(source.data_dir)
        if source.name == "hub":
            return f"the corpus {source.options.get('id')} of the hub"
    texts = [text for text in _texts(source.options) if _PATH.search(text) or (given is None and Path(text).suffix)]
    return next(iter(texts), "")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


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
    has = list(dict.fromkeys(record.method for record in run.finished))
    for method in methods:
        if method not in has:
            raise ConfigError(f"{run.store.out} has no finished cell of method {method!r}; it has {', '.join(has)}")
    settings: dict[Setting, dict[str, Record]] = defaultdict(dict)
    for record in run.finished:
        where = (record.ratio, record.draw, record.seed)
        asked = zip(where, (ratio, draw, seed), strict=True)
        if record.method in (methods or has) and all(wanted in (None, value) for value, wanted in asked):
            settings[where][record.method] = record
    best = max(settings, key=lambda s: (len(settings[s]), s[0], -s[1], -s[2]), default=None)
    if best is None or not set(methods) <= settings[best].keys():
        given = [("ratio", ratio), ("draw", draw), ("seed", seed)]
        which = " ".join(f"{name} {value:g}" for name, value in given if value is not None) or "one setting"
        of = f" of {', '.join(methods)}" if methods else ""
        ratios = ", ".join(f"{value:g}" for value in sorted({record.ratio for record in run.finished}))
        raise ConfigError(f"{run.store.out} has no finished cells{of} with {which}; its ratios are {ratios}")
    return {method: settings[best][method] for method in methods or has if method in settings[best]}


def predictions_on(
    store: Store, cells: Mapping[str, Record], test_set: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The predictions of cells, by method: on their test set, or on one of `Record.test_sets`, without the methods that
    have no result there. Raises ConfigError where none has, StoreError."""
    if test_set is None:
        return {method: store.predictions(record.cell_id) for method, record in cells.items()}
    found = {}
    for method, record in cells.items():
        targets = record.test_sets or {}
        if test_set in targets:
            own = test_set == next(iter(targets))  # the others have a file of their own
            where = targets[test_set]["test_set"], targets[test_set]["datastore"]
            lines = store.each_prediction(record.cell_id, "" if own else "test_sets")
            found[method] = [line for line in lines if own or (line["test_set"], line["datastore"]) == where]
    if not found:
        known = dict.fromkeys(key for record in cells.values() for key in record.test_sets or ())
        has = ", ".join(known) or "none but its own"
        raise ConfigError(f"--test-set {test_set}: no test set of these cells of {store.out}; they have {has}")
    return found


def paired_cells(before: Run, after: Run) -> list[tuple[Record, Record]]:
    """The finished cells that two runs have of one corpus, method, ratio, draw and seed, in the order of the first;
    without those whose score does not follow from their predictions (the stores' ``broken``)."""
    later = {key_of(record): record for record in after.finished if after.store.sound(record)}
    keys = [(record, key_of(record)) for record in before.finished if before.store.sound(record)]
    return [(record, later[key]) for record, key in keys if key in later]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def changed_settings(before: Run, after: Run) -> list[str]:
    """Fields of the configuration, and of the identity of cells in common, that differ: 'field: before -> after'.
    What a run does not say had its default there (bench.records.identity)."""
    then, now = (dict[str, Any](run.manifest.config) for run in (before, after))
    for old, new in paired_cells(before, after):
        # All options, where the configuration has those that were given.
        for said, record in ((then, old), (now, new)):
            said["options"] = {**_mapping(said.get("options")), record.method: record.identity.get("options", {})}
        for key, name in (("dataset_hash", "dataset_hash"), ("method_version", f"{old.method}.method_version")):
            if old.identity.get(key) != new.identity.get(key):
                then[name], now[name] = old.identity.get(key), new.identity.get(key)
    return differences(then, now)
