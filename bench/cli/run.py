"""`bench run`: every cell of the grid that has no result yet, then tables and figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.cli import FAILURE, INTERRUPTED, a_path, add_setting_flags, read_config, say, say_failed, show
from bench.cli.report import publish
from bench.errors import ConfigError
from bench.records.store import Store
from bench.settings import config as configuration
from bench.settings.config import RunConfig

if TYPE_CHECKING:
    from bench.run.job import Job


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("run", help="run methods on a grid of ratios, draws and seeds", allow_abbrev=False)
    add = parser.add_argument
    add_setting_flags(add)
    add("--test-sets", metavar="A,A@B", help="also predict these test sets of the corpus; A@B is test set A with "
        "datastore B in place of the training subset, without training again")  # fmt: skip
    add("--probes", action="store_true", help="also predict the test set with other neighbours in place of the "
        "retrieved ones, without training again: random, relabelled, of the gold relation, none")  # fmt: skip
    add("--methods", metavar="A,B", help="methods to compare (`bench list methods`)")
    add("--tuned", metavar="DIR", type=a_path, help="folder that `bench tune` wrote: METHOD_tuned in --methods is "
        "METHOD with the settings of DIR/METHOD.yaml; without such a name all methods are taken so")  # fmt: skip
    add("--ratios", metavar="0.01,0.1,1", help="shares of the training data")
    add("--draws", metavar="0,1|0-4", help="which instances are drawn")
    add("--seeds", metavar="0,1|0-4", help="training seeds")
    add("--set", metavar="KEY=VALUE", dest="settings", action="append", default=[], help="any other setting, such as "
        "budget.max_steps=100, models.generator=tiny, etrag.k=5 (of etrag, not of etrag_tuned) or dataset.size=500; "
        "repeatable")  # fmt: skip
    add("--out", metavar="DIR", type=a_path, help="folder of the run (default: results/PRESET-DATASET)")
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
    # From here on the data are loaded; a typo above was answered at once.
    from bench.data import load_configured
    from bench.run.job import Job
    from bench.run.plan import plan, plan_notes

    configuration.method_options(config)  # before a large corpus is read; `plan` needs them again
    dataset = load_configured(config)
    specs = plan(config, dataset)
    notes = [*dataset.warnings(), *plan_notes(config, specs, dataset)]
    store = Store(args.out or Path("results") / f"{config.preset}-{config.dataset.name}")
    if store.out.exists() and not store.out.is_dir():
        raise ConfigError(f"--out {store.out} is a file; name a folder")
    job = Job(store, dataset, specs, args.fresh)
    _announce(job, notes)
    if args.explain:
        _explain(job)
    if args.dry_run:
        _show_grid(job, config)
        return 0
    return _work(job, config, notes)


def _work(job: Job, config: RunConfig, notes: Sequence[str]) -> int:
    """Run what waits, then write tables and figures; the exit code."""
    from bench.records.manifest import write_manifest

    # Before the cells: an unfinished run can be reported too.
    manifest = write_manifest(job.store, config, [spec.cell_id for spec in job.specs], job.dataset, notes)
    try:
        failed = job.work(Console(stderr=True))
    except KeyboardInterrupt:
        stored = sum(job.store.finished(spec.cell_id) for spec in job.specs)
        say(f"interrupted: {stored} of {len(job.specs)} cells stored; run again to continue")
        return INTERRUPTED
    publish(job.store, manifest.plain(), job.dataset)
    say_failed(failed, job.store)
    return FAILURE if failed else 0


def _announce(job: Job, notes: Sequence[str]) -> None:
    stored = len(job.specs) - len(job.waiting)
    for line in job.store.broken.values():
        say(f"to run again: {line}")
    say(f"{job.store.out}: {len(job.specs)} cells, {stored} stored, {len(job.waiting)} to run")
    for note in notes:
        say(f"note: {note}")


def _explain(job: Job) -> None:
    from bench.records.identity import explain

    records = job.store.records()
    for spec in job.waiting:
        reasons = ["--fresh"] if job.fresh else explain(spec.cell_id, spec.identity, records, type(spec.options))
        for reason in reasons:
            show(f"{spec.cell_id}  {spec.label}: {reason}")


def _show_grid(job: Job, config: RunConfig) -> None:
    from bench.run.plan import too_few
    from bench.statistics.power import plan_lines

    show("\n".join(plan_lines(len(job.dataset.test), len(config.draws), len(config.seeds))))
    missing = {spec.cell_id for spec in job.waiting}
    for spec in job.specs:
        show(f"{'to run' if spec.cell_id in missing else 'stored'}  {spec.cell_id}  {spec.label}")
    for spec in job.waiting:
        if reason := too_few(spec, job.dataset):
            show(f"too few  {spec.cell_id}  {spec.label}: {reason}")
