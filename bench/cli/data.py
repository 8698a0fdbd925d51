"""`bench data check NAME`: what is wrong with a corpus, before anything is run on it; `bench data export NAME`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.cli import FAILURE, a_path, show
from bench.errors import ConfigError
from bench.settings import config as configuration
from bench.settings.config import RunConfig


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("data", help="check a corpus for leaks and oddities, or export it")
    actions = parser.add_subparsers(metavar="ACTION", title="actions", required=True)
    checker = actions.add_parser("check", help="leaks, conflicts, lengths, relations: a card", allow_abbrev=False)
    _add_source(checker)
    checker.add_argument("--ratios", metavar="0.01,0.1,1", help="shares of the training data to look at")
    checker.add_argument("--out", metavar="DIR", type=a_path, help="where the card goes (default: results/data/NAME)")
    checker.add_argument("--strict", action="store_true", help="exit with code 1 where a leak is found")
    checker.set_defaults(run=check)
    exporter = actions.add_parser("export", help="write the corpus as a folder for dataset jsonl", allow_abbrev=False)
    _add_source(exporter)
    exporter.add_argument("--out", metavar="DIR", type=a_path, required=True, help="a new folder")
    exporter.set_defaults(run=export)


def check(args: argparse.Namespace) -> int:
    """Print and write the card. Raises ConfigError, RegistryError or DataError."""
    config = _config(args, ratios=args.ratios)
    if args.out is not None and args.out.exists() and not args.out.is_dir():
        raise ConfigError(f"--out {args.out} is a file; name a folder")
    from bench.data import load_configured
    from bench.data.quality import inspect
    from bench.records.files import file_names
    from bench.report.data_card import render_card, write_card

    dataset = load_configured(config)
    card = inspect(dataset, config.ratios, config.models.max_input_tokens)
    show(render_card(card))
    files = write_card(card, args.out or Path("results") / "data" / file_names([dataset.name])[dataset.name])
    show("\nwritten:")
    for file in files:
        show(f"  {file}")
    return FAILURE if args.strict and card.leaks else 0


def export(args: argparse.Namespace) -> int:
    """Write the corpus in the format of dataset `jsonl`. Raises as `check`, and DataError for a folder in use."""
    config = _config(args)
    from bench.data import load_configured
    from bench.data.corpora.jsonl import write

    for file in write(load_configured(config), args.out):
        show(str(file))
    return 0


def _add_source(parser: argparse.ArgumentParser) -> None:
    """The arguments that choose a corpus, the same for every action."""
    add = parser.add_argument
    add("dataset", metavar="NAME", help="corpus (`bench list datasets`)")
    add("--data-dir", metavar="DIR", type=a_path, help="folder of the corpus's files")
    add("--preset", default="default", help="whose settings to use where it has this corpus, as in `bench run`")
    add("--set", metavar="KEY=VALUE", dest="settings", action="append", default=[], help="dataset.<option>=value or "
        "models.max_input_tokens=128; repeatable")  # fmt: skip
    add("--drop-leaks", action="store_true", help="as in `bench run`: what is left then")


def _config(args: argparse.Namespace, ratios: str | None = None) -> RunConfig:
    return configuration.build(
        args.preset,
        args.settings,
        dataset=args.dataset,
        data_dir=args.data_dir,
        drop_leaks=args.drop_leaks,
        ratios=ratios,
    )
