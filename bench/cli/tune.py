"""`bench tune`: search for settings of one or more methods on dev, with the same number of trials each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.cli import FAILURE, INTERRUPTED, a_path, add_setting_flags, read_config, say, show
from bench.errors import ConfigError, StoreError
from bench.settings.config import RunConfig
from bench.settings.variants import file_name
from methods.registry import METHODS

if TYPE_CHECKING:
    from optuna.study import Study

    from bench.data.base import Dataset
    from bench.run.plan import CellSpec
    from bench.tuning.objective import Fold
    from methods.settings import SearchSpace


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("tune", help="search for a method's settings on dev (Optuna)", allow_abbrev=False)
    add = parser.add_argument
    add("--method", "--methods", dest="methods", metavar="A,B|all", required=True, help="methods to tune, each with "
        "--trials trials; all: every one of `bench list methods`")  # fmt: skip
    add("--ratio", metavar="0.1", required=True, help="share of the training data")
    add("--trials", metavar="N", type=int, default=30, help="trials per method: completed, pruned and failed ones, "
        "those of earlier and parallel calls included (default 30)")  # fmt: skip
    add("--draws", metavar="0,1|0-4", default="0", help="training subsets; the mean of their dev scores counts")
    add("--seed", metavar="N", default="0", help="training seed, and of the sampler")
    add_setting_flags(add)
    add("--set", metavar="KEY=VALUE", dest="settings", action="append", default=[], help="any other setting; that of a "
        "tuned name is the first trial's; repeatable")  # fmt: skip
    add("--space", metavar="FILE", type=a_path, help="YAML file in place of the method's search space: "
        "NAME: [a, b] or NAME: {low: 0.001, high: 1.0, log: true}")  # fmt: skip
    add("--storage", metavar="URL|FILE", type=_storage, help="where trials are kept: a journal file, or a database of "
        "Optuna (postgresql://..., mysql://..., sqlite:///...); several processes may share it")  # fmt: skip
    add("--out", metavar="DIR", type=a_path, help="folder of METHOD.yaml and METHOD/ (default: "
        "configs/tuned/DATASET-RATIO and results/tuning/PRESET-DATASET-RATIO)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError, RegistryError, DataError or MethodError before anything runs, StoreError at any time."""
    if args.trials < 1:
        raise ConfigError(f"--trials: {args.trials} is no number of trials; use a whole number from 1")
    config = read_config(
        args,
        methods=",".join(METHODS.targets()) if args.methods == "all" else args.methods,
        ratios=args.ratio,
        draws=args.draws,
        seeds=args.seed,
    )
    _check(args, config)
    # From here on torch, Optuna and the data are loaded; a typo above was answered at once.
    from bench.data import load_configured
    from bench.run.execute import unfit
    from bench.run.plan import plan, plan_notes
    from bench.tuning.space import read_space, resolved_space

    given = read_space(args.space) if args.space else None
    spaces = {method: resolved_space(config, method, given) for method in config.methods}
    dataset = load_configured(config)
    if not dataset.dev:
        raise ConfigError(f"dataset {dataset.name} has no dev instances, on which settings are chosen")
    specs = plan(config, dataset)
    for note in [*dataset.warnings(), *plan_notes(config, specs, dataset)]:
        say(f"note: {note}")
    code = 0
    for method, space in spaces.items():
        own = [spec for spec in specs if spec.method == method]
        if reason := unfit(own[0], dataset):
            say(f"{method}: not tuned: {reason}")
            continue
        try:
            code = max(code, _tune(own, dataset, config, space, args))
        except KeyboardInterrupt:
            say(f"interrupted while tuning {method}; run again to continue")
            return INTERRUPTED
    return code


def _storage(text: str) -> str | Path:
    """A database's URL or a file."""
    return text if "://" in text else a_path(text)


def _check(args: argparse.Namespace, config: RunConfig) -> None:
    for flag, values in (("--ratio", config.ratios), ("--seed", config.seeds)):
        if len(values) > 1:
            raise ConfigError(f"{flag}: give one; several draws are possible")
    if args.space and len(config.methods) > 1:
        raise ConfigError("--space holds the search space of one method; tune one at a time with it")
    if config.variants.keys() & set(config.methods):
        raise ConfigError("--method: a variant cannot be tuned; tune its method")
    for folder in (args.out, isinstance(args.storage, Path) and args.storage.parent):
        if folder and folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file; name a folder")


def _tune(
    specs: Sequence[CellSpec], dataset: Dataset, config: RunConfig, space: SearchSpace, args: argparse.Namespace
) -> int:
    """Tune the method of ``specs`` (one per draw); its exit code."""
    from bench.tuning.objective import folds
    from bench.tuning.storage import identity, open_study
    from bench.tuning.study import finished, running

    method, where, draws = specs[0].method, f"{dataset.name}-{specs[0].ratio:g}", folds(specs, dataset)
    folder = (args.out or Path("results") / "tuning" / file_name(f"{config.preset}-{where}")) / file_name(method)
    storage = args.storage or folder / "study.journal"
    study = open_study(
        storage,
        f"{config.preset}-{where}-{method}",
        identity(specs, space),
        seed=specs[0].seed,
        warmup=draws[0].steps // 3,
    )
    say(f"{method}: {len(finished(study))} of {args.trials} trials finished; {folder}")
    _search(study, draws, config, space, args.trials)
    if others := running(study):
        say(f"{method}: {others} trials still run in other processes; the last of them writes the results")
        return 0
    try:
        return _publish(study, config, space, folder, args.out or Path("configs") / "tuned" / file_name(where))
    except BrokenPipeError:  # `bench tune | head`
        raise
    except OSError as error:
        raise StoreError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error


def _search(study: Study, draws: Sequence[Fold], config: RunConfig, space: SearchSpace, trials: int) -> None:
    from bench.tuning.display import TrialDisplay
    from bench.tuning.objective import dev_scores
    from bench.tuning.space import configured
    from bench.tuning.study import completed, optimise

    method = draws[0].spec.method
    seconds = [t.duration.total_seconds() for t in completed(study) if t.duration]
    with TrialDisplay(method, len(draws), seconds, Console(stderr=True)) as display:
        optimise(
            study,
            trials,
            space,
            configured(config, method, space),
            lambda values, report, watch: dev_scores(draws, config, values, report, watch),
            sum(fold.steps for fold in draws),
            display,
        )


def _publish(study: Study, config: RunConfig, space: SearchSpace, folder: Path, tuned: Path) -> int:
    """Write what a study found, and print it; the exit code."""
    from bench.tuning.display import settings
    from bench.tuning.outcome import tuned_variant, write_plots, write_trials, write_variant
    from bench.tuning.study import completed

    method = folder.name
    table = write_trials(folder / "trials.csv", study, space)
    if not completed(study):
        say(f"{method}: no trial gave a score; {table} says why")
        return FAILURE
    variant = tuned_variant(study, config, method)
    file = write_variant(tuned, variant)
    figures, missing = write_plots(folder / "figures", study, space)
    assert variant.source is not None
    source, default = variant.source, variant.source.dev_score_default
    before = "failed" if default is None else f"{100 * default:.1f}"
    show(f"{method}: dev F1 {100 * source.dev_score:.1f} by trial {source.best_trial} (defaults: {before}), "
          f"{source.completed} trials completed, {source.pruned} pruned, {source.failed} failed")  # fmt: skip
    show(f"  {settings(completed(study)[0].params)}")
    for note in missing:
        show(f"note: {note}")
    show("written:")
    for path in (file, table, *figures):
        show(f"  {path}")
    return 0
