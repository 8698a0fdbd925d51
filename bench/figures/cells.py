"""Contract -> the cells that it wants -> the stored records that answer them.

A record is found by what the contract asks, never by its id, which changes with every line of code.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from bench.figures.contract import Contract, Grid
from bench.figures.derive import lacks_neighbours
from bench.paths import ROOT
from bench.records.identity import completed
from bench.records.record import Record
from bench.records.store import Store
from bench.settings import config as configuration
from bench.settings.config import RunConfig, canonical_json, method_optimisation, method_options
from bench.settings.variants import SUFFIX
from methods.settings import Settings

NOT_DERIVED = {
    "all": "what its neighbours share is not derived (needs the corpus: --derive --data-dir)",
    "in_text": "whether its neighbours' texts hold the query's entities is not derived (needs the corpus: --derive "
    "--data-dir)",
}


@dataclass(frozen=True)
class Wanted:
    """One cell that a contract wants; ``varied``: (option, value) where an option of its method is varied;
    ``tuned``: the folder of its method's settings where it is a tuned one."""

    config: RunConfig
    method: str
    options: Settings
    ratio: float
    draw: int
    seed: int
    varied: tuple[str, int | float | str] | None
    tuned: str | None = None

    @property
    def dataset(self) -> str:
        return self.config.dataset.name

    @property
    def series(self) -> str:
        return self.method + ("" if self.varied is None else f" {self.varied[0].partition('.')[2]}={self.varied[1]}")

    @property
    def label(self) -> str:
        return f"{self.dataset} {self.series} ratio {self.ratio:g} draw {self.draw} seed {self.seed}"

    @property
    def settings(self) -> dict[str, Any]:
        """The part of an identity that it asks for."""
        shared = self.config.model_dump(mode="json", include={*configuration.SECTIONS, "type_constraints"})
        shared["verbalisation"] = self.config.dataset.options.get("verbalisation") or "phrase"
        own = {"options": self.options, "optimisation": method_optimisation(self.config, self.method)}
        return shared | {name: part.model_dump(mode="json") for name, part in own.items()}

    @property
    def key(self) -> str:
        """Equal for two wishes that the same record answers."""
        corpus = self.config.dataset.model_dump(mode="json")
        return canonical_json([corpus, self.settings, self.method, self.ratio, self.draw, self.seed])


@dataclass(frozen=True)
class Cell:
    """A wanted cell with the record that answers it, if any, and where that lies; ``missing``: what is not there, and
    why."""

    wanted: Wanted
    record: Record | None = None
    store: Store | None = None
    missing: str = ""

    @property
    def has_predictions(self) -> bool:
        """Whether the predictions are kept from which its score follows."""
        return bool(self.record and self.store and self.store.predictions_path(self.record.cell_id).exists())

    @property
    def neighbours(self) -> Mapping[str, Any] | None:
        return self.record.neighbours if self.record else None

    @property
    def pair(self) -> tuple[object, object]:
        """Cells that learnt from the same instances of the same corpus have the same."""
        identity = self.record.identity if self.record else {}
        return identity.get("dataset_hash"), identity.get("subset_hash")


def wanted(contract: Contract) -> list[Wanted]:
    """Every cell of each series of the contract, in its order. Raises ConfigError, RegistryError (as `bench run`)."""
    cells = {(cell.series, cell.key): cell for grid in contract.cells for cell in _cells(grid)}
    return list(cells.values())


def _cells(grid: Grid) -> Iterable[Wanted]:
    for method in grid.methods:
        vary = grid.vary if grid.vary is not None and grid.vary.method == method else None
        values = [(vary.option, value) for value in vary.values] if vary else [None]
        tuned = grid.tuned if method.endswith(SUFFIX) else None
        for varied in values:
            settings = [] if varied is None else [f"{varied[0]}={json.dumps(varied[1])}"]
            config = configuration.build(grid.preset, settings, methods=method, tuned=ROOT / tuned if tuned else None)
            options = method_options(config)[method]
            for ratio in grid.ratios:
                for draw in grid.draws:
                    yield from (
                        Wanted(config, method, options, ratio, draw, seed, varied, tuned) for seed in grid.seeds
                    )


def stores(folder: Path, *, new: bool = False) -> list[Store]:
    """The folder itself where it is a run, and every run in it, by name. Raises ConfigError where it is no folder;
    a ``new`` one need not be there yet."""
    if new and not folder.exists():
        return []
    if not folder.is_dir():
        raise ConfigError(f"--records {folder} is no directory")
    return [Store(path) for path in (folder, *sorted(folder.iterdir())) if (path / "cells").is_dir()]


def read_records(places: Sequence[Store]) -> list[tuple[Store, Record]]:
    """Every record of every run. Broken ones are left out, and noted in their store's ``broken``."""
    return [(store, record) for store in places for record in store.records()]


def find(
    wishes: Sequence[Wanted], records: Sequence[tuple[Store, Record]], *, sharing: Collection[str] = ()
) -> list[Cell]:
    """The newest record that answers each wish (the last id of equally new ones) and follows from its predictions,
    where those are kept; others are noted in their store's ``broken``. ``sharing``: it is also to have these parts of
    what its neighbours share."""
    return [_newest(wish, [(s, r) for s, r in records if answers(r, wish)], sharing) for wish in wishes]


def _newest(wish: Wanted, found: Sequence[tuple[Store, Record]], sharing: Collection[str]) -> Cell:
    if not found:
        return Cell(wish, missing="no record")
    newest = sorted(found, key=lambda pair: (pair[1].created, pair[1].cell_id), reverse=True)
    done = [(store, record) for store, record in newest if record.ok]
    for store, record in done:
        if not store.predictions_path(record.cell_id).exists() or store.sound(record):
            return Cell(wish, record, store, _without(record, sharing))
    if done:
        store, record = done[0]
        return Cell(wish, missing=store.broken[record.cell_id])
    _, record = newest[0]
    return Cell(wish, missing=f"{record.status}: {record.error.message if record.error else 'no reason'}")


def _without(record: Record, sharing: Collection[str]) -> str:
    """Why a record lacks some part of what its neighbours share; empty where it has all."""
    lacking = [part for part in sorted(sharing) if part not in (record.neighbours or {})]
    if not lacking:
        return ""
    return NOT_DERIVED[lacking[0]] if lacks_neighbours(record) else "its method retrieves nothing"


def answers(record: Record, wish: Wanted) -> bool:
    """Whether a record is of the wanted cell: names, options, budget, models, optimisation and scoring."""
    names = {name: getattr(wish, name) for name in ("dataset", "method", "ratio", "draw", "seed")}
    if any(getattr(record, name) != value for name, value in names.items()):
        return False
    now, then = (completed(identity, type(wish.options)) for identity in (wish.settings, record.identity))
    if not (wish.config.budget.patience or wish.config.budget.restore_best):
        # How often dev is looked at changes a result only where dev decides something.
        del now["budget"]["evaluate_every"]
    return all(_same(now[name], then[name]) for name in wish.settings)


def _same(asked: Any, recorded: Any) -> bool:
    """Whether a recorded setting, or each one of a section, is as asked for."""
    if not isinstance(asked, Mapping):
        return bool(asked == recorded)
    return all(recorded.get(key) == value for key, value in asked.items())
