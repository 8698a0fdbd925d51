"""What contracts still lack: how long it would take, and runs that `bench run` could have planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from bench.data import load_configured
from bench.data.base import Dataset
from bench.errors import ConfigError, DataError
from bench.figures.cells import Cell, Wanted
from bench.records.files import file_names
from bench.records.manifest import read_manifest, write_manifest
from bench.records.record import Record
from bench.records.store import Store
from bench.run.job import Job
from bench.run.plan import CellSpec, plan
from bench.settings.config import RunConfig, canonical_json


class Corpora:
    """Corpora by configuration, each read once. ``folders``: {corpus: folder of its files}."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        self._read: dict[str, Dataset] = {}

    def configured(self, config: RunConfig) -> RunConfig:
        """The configuration with the folder of its corpus."""
        source = config.dataset
        folder = self._folders.get(source.name, source.data_dir)
        return config.model_copy(update={"dataset": source.model_copy(update={"data_dir": folder})})

    def load(self, config: RunConfig) -> Dataset:
        """Raises DataError, and ConfigError where the user named a folder that does not hold it."""
        config = self.configured(config)
        key = canonical_json(config.dataset.model_dump(mode="json"))
        if key not in self._read:
            try:
                self._read[key] = load_configured(config)
            except DataError as error:
                if config.dataset.name in self._folders:
                    raise ConfigError(str(error)) from error
                raise DataError(f"{error} (--data-dir {config.dataset.name}=DIR)") from error
        return self._read[key]


def missing(figures: Sequence[Sequence[Cell]]) -> list[Wanted]:
    """Cells without a result, each once, in the order of the contracts."""
    lacking: dict[str, Wanted] = {}
    for wish in (cell.wanted for cells in figures for cell in cells if cell.record is None):
        lacking.setdefault(wish.key, wish)
    return list(lacking.values())


def estimate(wish: Wanted, records: Sequence[Record]) -> float | None:
    """Seconds that a cell will take: the mean of recorded ones of its corpus, method and ratio, scaled by optimiser
    steps; None where there is none. Other options, such as k, or tuned ones are taken to cost the same."""
    place = (wish.dataset, wish.ratio)
    names = {wish.method, wish.config.registered(wish.method)}
    seconds = []
    for record in records:
        cost = record.cost
        alike = (record.dataset, record.ratio) == place and record.method in names
        if alike and cost.get("total_seconds") and cost.get("steps"):
            steps = wish.config.budget.steps(record.n_train)
            seconds.append(cost["total_seconds"] * steps / cost["steps"])
    return fmean(seconds) if seconds else None


def jobs(wishes: Sequence[Wanted], records: Path, corpora: Corpora, say: Callable[[str], None]) -> Iterator[Job]:
    """Runs in RECORDS/figures-PRESET, one more per folder of tuned settings and per value of a varied option, each of
    which `bench report` reads.

    The manifest is written when the job is asked for. A corpus that is not at hand is said, and its cells are left
    out. Raises as `bench run` does: ConfigError, MethodError, DataError, StoreError.
    """
    groups = defaultdict[str, list[Wanted]](list)
    for wish in wishes:
        varied = "" if wish.varied is None else f"-{wish.varied[0]}-{wish.varied[1]}"
        tuned = "" if wish.tuned is None else f"-{wish.tuned}"
        groups[f"figures-{wish.config.preset}{tuned}{varied}"].append(wish)
    folders = file_names(groups)
    for name, group in groups.items():
        try:
            dataset = corpora.load(group[0].config)
        except DataError as error:
            say(f"not run, {len(group)} cells of {name}: {error}")
            continue
        config = corpora.configured(_union(group))
        asked = {(wish.method, wish.ratio, wish.draw, wish.seed) for wish in group}
        specs = [spec for spec in plan(config, dataset) if (spec.method, spec.ratio, spec.draw, spec.seed) in asked]
        store = Store(records / folders[name])
        _plan(store, config, specs, dataset)
        yield Job(store, dataset, specs)


def _union(group: Sequence[Wanted]) -> RunConfig:
    """One configuration whose grid holds every cell of the group: same preset, same varied value."""
    grid = {
        "methods": tuple(dict.fromkeys(wish.method for wish in group)),
        "ratios": tuple(dict.fromkeys(wish.ratio for wish in group)),
        "draws": tuple(dict.fromkeys(wish.draw for wish in group)),
        "seeds": tuple(dict.fromkeys(wish.seed for wish in group)),
        "variants": {name: variant for wish in group for name, variant in wish.config.variants.items()},
    }
    return group[0].config.model_copy(update=grid)


def _plan(store: Store, config: RunConfig, specs: Sequence[CellSpec], dataset: Dataset) -> None:
    """Write the manifest of `bench run`. Cells of earlier calls stay in it, except those that are run again."""
    planned = {(spec.method, spec.ratio, spec.draw, spec.seed) for spec in specs}
    earlier = read_manifest(store)
    kept = [
        record.cell_id
        for record in store.records(earlier.cells if earlier else ())
        if (record.method, record.ratio, record.draw, record.seed) not in planned
    ]
    write_manifest(store, config, [*kept, *(spec.cell_id for spec in specs)], dataset, dataset.warnings())
