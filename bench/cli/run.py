"""`bench run`: every cell of the grid that has no result yet, then tables and figures."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cli import FAILURE, INTERRUPTED, add_setting_flags, read_config
from bench.cli.report import publish
from bench.errors import ConfigError
from bench.records.record import SCHEMA_VERSION, Record
from bench.records.store import Store
from bench.settings import config as configuration
from bench.settings.config import RunConfig


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("run", help="run methods on a grid of ratios, draws and seeds", allow_abbrev=False)
    add = parser.add_argument
    add_setting_flags(add)
    add("--test-sets", metavar="A,A@B", help="also predict these test sets of the corpus; A@B is test set A with "
        "datastore B in place of the training subset, without training again")  # fmt: skip
    add("--probes", action="store_true", help="also predict the test set with other neighbours in place of the "
        "retrieved ones, without training again: random, relabelled, of the gold relation, none")  # fmt: skip
    add("--methods", metavar="A,B", help="methods to compare (`bench list methods`)")
    add("--tuned", metavar="DIR", type=Path, help="folder that `bench tune` wrote: METHOD_tuned in --methods is METHOD "
        "with the settings of DIR/METHOD.yaml; without such a name all methods are taken so")  # fmt: skip
    add("--ratios", metavar="0.01,0.1,1", help="shares of the training data")
    add("--draws", metavar="0,1|0-4", help="which instances are drawn")
    add("--seeds", metavar="0,1|0-4", help="training seeds")
    add("--set", metavar="KEY=VALUE", dest="settings", action="append", default=[], help="any other setting, such as "
        "budget.max_steps=100, models.generator=tiny, etrag.k=5 (of etrag, not of etrag_tuned) or dataset.size=500; "
        "repeatable")  # fmt: skip
    add("--out", metavar="DIR", type=Path, help="folder of the run (default: results/PRESET-DATASET)")
    add("--dry-run", action="store_true", help="show the grid and which cells have results, run nothing")
    add("--explain", action="store_true", help="say for each cell without a result what differs from earlier results")
    add("--fresh", action="store_true", help="run every cell of the grid again and replace its result")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError, RegistryError, DataError or MethodError before anything runs, StoreError at any time."""
    config = read_config(
        args,
        methods=args.methods,
        ratios=args.ratios,
        draws=args.draws,
        seeds=args.seeds,
        test_sets=args.test_sets,
        tuned=args.tuned,
        probes=args.probes,
    )
    # From here on torch and the data are loaded; a typo above was answered at once.
    from bench.data import load_configured
    from bench.data.quality import inspect
    from bench.run.plan import plan, plan_notes

    configuration.method_options(config)  # before a large corpus is read; `plan` needs them again
    dataset = load_configured(config)
    specs = plan(config, dataset)
    notes = [*dataset.warnings(), *plan_notes(config, specs, dataset)]
    store = Store(args.out or Path("results") / f"{config.preset}-{config.dataset.name}")
    if store.out.exists() and not store.out.is_dir():
        raise ConfigError(f"--out {store.out} is a file; name a folder")
    waiting = [spec for spec in specs if args.fresh or not store.finished(spec.cell_id)]
    _announce(specs, waiting, store, notes)
    if args.explain:
        _explain(waiting, store, fresh=args.fresh)
    if args.dry_run:
        from bench.statistics.power import plan_lines

        print("\n".join(plan_lines(len(dataset.test), len(config.draws), len(config.seeds))))
        _show_grid(specs, waiting)
        return 0
    manifest = _manifest(config, [spec.cell_id for spec in specs], notes)
    quality = inspect(dataset, config.ratios, config.models.max_input_tokens).summary()
    counted = dict(dataset.card)
    manifest["dataset"] = {"name": dataset.name, "hash": dataset.content_hash, "card": counted, "quality": quality}
    store.write_manifest(manifest)  # before the cells: an unfinished run can be reported too
    try:
        failed = _work(specs, waiting, dataset, store)
    except KeyboardInterrupt:
        stored = sum(store.finished(spec.cell_id) for spec in specs)
        _say(f"interrupted: {stored} of {len(specs)} cells stored; run again to continue")
        return INTERRUPTED
    publish(store, manifest, dataset)
    for record in failed:
        why = record.error.message if record.error else ""
        _say(f"failed: {record.label}: {why} ({store.record_path(record.cell_id)})")
    return FAILURE if failed else 0


def _work(specs: Sequence[Any], waiting: Sequence[Any], dataset: Any, store: Store) -> list[Record]:
    """Run the cells that wait; the records of those that failed."""
    from bench.run.executors import serial
    from bench.run.progress import display

    with display(waiting, len(specs) - len(waiting), Console(stderr=True)) as shown:
        shown.learn(store.records(spec.cell_id for spec in specs))
        return [record for record in serial.run(waiting, dataset, store, shown) if record.status == "failed"]


def _manifest(config: RunConfig, cells: list[str], notes: list[str]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "config": config.model_dump(mode="json"),
        "digest": config.digest(),
        "cells": cells,
        "warnings": notes,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _announce(specs: Sequence[Any], waiting: Sequence[Any], store: Store, notes: Sequence[str]) -> None:
    _say(f"{store.out}: {len(specs)} cells, {len(specs) - len(waiting)} stored, {len(waiting)} to run")
    for note in notes:
        _say(f"note: {note}")


def _explain(waiting: Sequence[Any], store: Store, *, fresh: bool) -> None:
    from bench.records.identity import explain

    records = store.records()
    for spec in waiting:
        reasons = ["--fresh"] if fresh else explain(spec.cell_id, spec.identity, records)
        for reason in reasons:
            print(f"{spec.cell_id}  {spec.label}: {reason}")


def _show_grid(specs: Sequence[Any], waiting: Sequence[Any]) -> None:
    missing = {spec.cell_id for spec in waiting}
    for spec in specs:
        print(f"{'to run' if spec.cell_id in missing else 'stored'}  {spec.cell_id}  {spec.label}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
