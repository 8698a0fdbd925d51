"""`bench compare RUN_A RUN_B`: what changed from one run to another: settings, scores, answers."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bench.cli import a_path, say_broken, show
from bench.errors import ConfigError, StoreError
from bench.records.record import Record
from bench.records.store import Store

SHOWN = 5


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("compare", help="what changed from one run to another: settings, scores, answers")
    parser.add_argument("before", metavar="RUN_A", type=a_path, help="folder of a run")
    parser.add_argument("after", metavar="RUN_B", type=a_path, help="folder of another run")
    parser.add_argument("--show", metavar="N", type=int, default=SHOWN, help=f"flipped ids per method and ratio "
        f"(default: {SHOWN})")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError where a folder holds no run or the two have no cell in common, StoreError for broken files."""
    if args.show < 0:
        raise ConfigError(f"--show {args.show}: use a whole number from 0")
    from bench.records.run import Run, changed_settings, paired_cells
    from bench.report.answer_tables import difference_table
    from bench.report.tabular import to_console

    before, after = Run.open(args.before), Run.open(args.after)
    pairs = paired_cells(before, after)
    if not pairs and (before.store.broken or after.store.broken):
        raise StoreError("; ".join([*before.store.broken.values(), *after.store.broken.values()]))
    if not pairs:
        raise ConfigError(f"{args.before} and {args.after} have no finished cell of one method and setting in common")
    changes = changed_settings(before, after)
    show("Settings\n" + "\n".join(f"  {line}" for line in changes or ["no difference"]))
    tests, reason = _tests(pairs, before.store, after.store)
    show(f"\nScores\n{to_console(difference_table(pairs, tests))}{reason}")
    if any(_differ(pair, "dataset_hash") for pair in pairs):
        show("The corpora differ: answers are not compared.")
        return say_broken(before.store, after.store)
    if other := sum(_differ(pair, "subset_hash") for pair in pairs):
        show(f"In {other} of {len(pairs)} pairs of cells the training instances differ.\n")
    groups = defaultdict(list)
    for old, new in pairs:
        groups[old.method, old.ratio].append((old, new))
    for (method, ratio), cells in groups.items():
        _print_moves(f"{method} ratio {ratio:g}", cells, before.store, after.store, args.show)
    return say_broken(before.store, after.store)


def _tests(
    pairs: Sequence[tuple[Record, Record]], before: Store, after: Store
) -> tuple[dict[tuple[str, float], tuple[float, float]] | None, str]:
    """The tests of the differences, or None and why."""
    from bench.statistics.significance import ComparisonError, change_tests

    try:
        return change_tests(pairs, before.predictions, after.predictions), ""
    except ComparisonError as error:
        return None, f"No test of significance: {error}.\n"


def _differ(pair: tuple[Record, Record], key: str) -> bool:
    return bool(pair[0].identity.get(key) != pair[1].identity.get(key))


def _print_moves(title: str, cells: Sequence[tuple[Record, Record]], before: Store, after: Store, count: int) -> None:
    """Flips over all cells of a method and ratio, an instance once for each; ids with their first flip."""
    from bench.report.answer_tables import move_tables
    from bench.report.tabular import to_console
    from bench.scoring.answers import moves

    found = [
        move for old, new in cells for move in moves(before.predictions(old.cell_id), after.predictions(new.cell_id))
    ]
    relabelled = sum(move.before != move.after for move in found)
    turned = {kind: [move for move in found if move.turned == kind] for kind in ("fixed", "broke")}
    counts = ", ".join(f"{len(part)} {kind}" for kind, part in turned.items())
    show(f"{title}: {counts} of {len(found)} answers; {relabelled} have another label")
    for kind, part in turned.items():
        ids = list(dict.fromkeys(move.id for move in part))
        if ids and count:
            show(f"  {kind}: {', '.join(ids[:count])}{', ...' if len(ids) > count else ''}")
    for name, table in move_tables(found, count) if turned["fixed"] or turned["broke"] else ():
        show(f"\n{name}\n{to_console(table)}")
