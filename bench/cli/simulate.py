"""`bench simulate`: how often tests and intervals are right on simulated comparisons, beside what they promise."""

from __future__ import annotations

import argparse
from typing import Any

from bench.cli import show
from bench.errors import ConfigError


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("simulate", help="check the statistics on simulated comparisons")
    parser.add_argument("--comparisons", type=int, default=1000, help="simulated comparisons per row (default: 1000)")
    parser.add_argument("--resamples", type=int, default=499, help="permutations and bootstraps of each (default: 499)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: 0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per check as it is done. Raises ConfigError for numbers below 1 (a seed below 0)."""
    for name, least in (("comparisons", 1), ("resamples", 1), ("seed", 0)):
        if getattr(args, name) < least:
            raise ConfigError(f"--{name} {getattr(args, name)}: expected at least {least}")
    from bench.statistics.simulation import rates

    show(f"{'rate over ' + str(args.comparisons) + ' comparisons':<64}   rate  promised  sampling error")
    for found in rates(args.comparisons, args.resamples, args.seed):
        promised = "–" if found.promised is None else f"{100 * found.promised:.1f}%"
        show(f"{found.name:<64} {100 * found.rate:5.1f}%  {promised:>8}  {100 * found.error:13.1f}%")
    show(
        "Unequal models: where models differ from run to run, a test over instances speaks of these models, not of\n"
        "the method. Student's t over draws speaks of the method, but on these test instances, which all runs share:\n"
        "it may reject a little too often."
    )
    return 0
