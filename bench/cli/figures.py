"""`bench figures`: the paper's figures and claims, from stored records."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.cli import FAILURE, INTERRUPTED, a_path, say, say_broken, say_failed, show
from bench.errors import ConfigError

if TYPE_CHECKING:
    from bench.run.job import Job


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("figures", help="the paper's figures and claims, from records", allow_abbrev=False)
    add = parser.add_argument
    add("names", metavar="NAME", nargs="*", help="figures of configs/figures, or .yaml files like them (default: all)")
    add("--records", metavar="DIR", type=a_path, default=Path("results") / "reference", help="folder with runs in it, "
        "or one run (default: results/reference)")  # fmt: skip
    add("--out", metavar="DIR", type=a_path, default=Path("results") / "figures", help="default: results/figures")
    add("--plan", action="store_true", help="show which cells are missing and how long they would take, write nothing")
    add("--run", action="store_true", dest="compute", help="run what is missing, into runs below --records, derive "
        "and draw")  # fmt: skip
    add(
        "--derive",
        action="store_true",
        help="derive from predictions and corpus what neighbours share, for records that do not say it; train nothing",
    )
    add("--data-dir", metavar="NAME=DIR", action="append", default=[], help="folder of a corpus's files, for --run and "
        "--derive; repeatable")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where a cell failed. Raises ConfigError, RegistryError, MethodError, DataError and StoreError."""
    if args.out.exists() and not args.out.is_dir():
        raise ConfigError(f"--out {args.out} is a file; name a folder")
    from bench.figures.contract import read_contracts

    contracts = read_contracts(args.names)  # a typo is answered at once; now for torch, pandas and the records
    from bench.figures import cells, work
    from bench.figures.derive import derive
    from bench.figures.page import write_page

    wishes = [cells.wanted(contract) for contract in contracts]
    places = cells.stores(args.records, new=args.compute)
    records = cells.read_records(places)
    corpora = {wish.dataset for some in wishes for wish in some} | {record.dataset for _, record in records}
    folders, failed = _folders(args.data_dir, corpora), 0
    if args.plan or args.compute:
        missing = work.missing([cells.find(some, records) for some in wishes])
    if args.plan:
        _show_plan(missing, [record for _, record in records])
        return say_broken(*places)
    if args.compute and (failed := _compute(missing, args.records, folders)) < 0:
        return INTERRUPTED
    if args.derive or (args.compute and any(contract.needs_sharing for contract in contracts)):
        for problem in derive(cells.stores(args.records), folders):
            say(f"not derived: {problem}")
    if args.derive or args.compute:
        places = cells.stores(args.records)
        records = cells.read_records(places)
    found = [
        (contract, cells.find(some, records, sharing=contract.needs_sharing))
        for contract, some in zip(contracts, wishes, strict=True)
    ]
    _say_unchecked([cell for _, some in found for cell in some])
    written, decided = write_page(args.out, found)
    for verdict in decided:
        show(f"{verdict.decision:18} {verdict.dataset}: {verdict.says} ({verdict.whose}): {verdict.because}")
    show("\nwritten:", *(f"  {path}" for path in written))
    return max(say_broken(*places), FAILURE if failed else 0)


def _say_unchecked(found: Sequence[Any]) -> None:
    unchecked = {cell.record.cell_id for cell in found if cell.record and not cell.has_predictions}
    if unchecked:
        say(f"note: {len(unchecked)} records without predictions beside them: their scores are taken as they stand")


def _compute(missing: Sequence[Any], records: Path, folders: Mapping[str, Path]) -> int:
    """Run what is missing; how many cells failed, -1 where it was interrupted."""
    from bench.figures.work import Corpora, jobs

    try:
        return sum(map(_work, jobs(missing, records, Corpora(folders), say)))
    except KeyboardInterrupt:
        say("interrupted: finished cells are stored; run again to continue")
        return -1


def _work(job: Job) -> int:
    """Run the cells of a job; how many of them failed."""
    say(f"{job.store.out}: {len(job.waiting)} cells to run, {len(job.specs) - len(job.waiting)} stored")
    failed = job.work(Console(stderr=True))
    say_failed(failed, job.store)
    return len(failed)


def _show_plan(missing: Sequence[Any], records: Sequence[Any]) -> None:
    from bench.figures.work import estimate
    from bench.run.progress import duration

    seconds = [estimate(wish, records) for wish in missing]
    for wish, one in zip(missing, seconds, strict=True):
        show(f"{'unknown' if one is None else duration(one):>10}  {wish.label}")
    known = [one for one in seconds if one is not None]
    show(f"{len(missing)} cells missing, {duration(sum(known))} for {len(known)} of them, the others unknown")


def _folders(texts: Sequence[str], corpora: set[str]) -> dict[str, Path]:
    folders = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not folder or name not in corpora:
            raise ConfigError(f"--data-dir {text!r}: expected NAME=DIR with a NAME of {', '.join(sorted(corpora))}")
        folders[name] = Path(folder)
    return folders
