"""`bench profile`: what retrieval costs, and whether the hot paths keep their distance from plain code."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli import FAILURE
from bench.flags import ConfigError

if TYPE_CHECKING:
    from bench.overhead.measure import Row
    from bench.overhead.steps import Cost

PARTS = ("selection", "distances", "bm25", "labels", "search", "step", "database", "methods")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("profile", help="time and memory of the hot paths and methods", allow_abbrev=False)
    add = parser.add_argument
    add("--quick", action="store_true", help="databases of 10^5 at most, in a few minutes; all floors still count")
    add("--only", metavar="A,B", help=f"parts to measure, of {', '.join(PARTS)}")
    add("--device", metavar="cpu|cuda|auto", default="cpu", help="where the methods compute (the paths: on the CPU)")
    add("--out", metavar="DIR", type=Path, default=Path("results") / "profile", help="default: results/profile")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where a floor does not hold. Raises ConfigError."""
    chosen = PARTS if args.only is None else tuple(part.strip() for part in args.only.split(","))
    for part in chosen:
        if part not in PARTS:
            raise ConfigError(f"--only: unknown part {part!r}; known: {', '.join(PARTS)}")
    if args.out.exists() and not args.out.is_dir():
        raise ConfigError(f"--out {args.out} is a file; name a folder")
    from bench.environment import describe, resolve_device
    from bench.overhead.report import cost_line, line, write

    device = resolve_device(args.device)
    started, rows, costs = time.perf_counter(), [], []
    for row in _rows(chosen, args.quick, device):
        rows.append(row)
        print(line(row), flush=True)
    for cost in _costs(chosen, args.quick, device):
        costs.append(cost)
        print(cost_line(cost), flush=True)
    environment = describe(device)
    about = {
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{environment.get('cpu', 'unknown CPU')}, {environment.get('threads', '?')} threads, {device}",
        "environment": environment,
        "quick": args.quick,
    }
    written = write(args.out, rows, costs, about)
    failed = [row for row in rows if row.problems]
    print(f"\n{len(rows) - len(failed)} of {len(rows)} rows hold, {time.perf_counter() - started:.0f} s; written:")
    for path in written:
        print(f"  {path}")
    return FAILURE if failed else 0


def _rows(chosen: Sequence[str], quick: bool, device: str) -> Iterator[Row]:
    from bench.overhead import kernels, steps

    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "selection": kernels.selection,
        "distances": kernels.distances,
        "bm25": kernels.bm25,
        "labels": kernels.label_scoring,
        "search": partial(kernels.search, *((100_000,) if quick else (100_000, 1_000_000))),
        "step": partial(steps.against_no_retrieval, device),
        "database": partial(steps.growing_database, 100_000 if quick else 1_000_000, device),
    }
    for name, measure in parts.items():
        if name in chosen:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            yield from measure()


def _costs(chosen: Sequence[str], quick: bool, device: str) -> Iterator[Cost]:
    if "methods" not in chosen:
        return
    from bench.overhead import steps
    from methods.base import Models

    sizes = (1000,) if quick else (1000, 10_000, 100_000, 1_000_000)
    ways: tuple[tuple[str, dict[str, Any] | None], ...] = (
        ("no_retrieval", None), ("rag_text", None), ("rag_bm25", None), ("etrag", None), ("etrag", steps.SHORTLIST),
    )  # fmt: skip
    for size in sizes:
        for name, options in ways:
            if name == "etrag" and options is None and size > 100_000:
                continue  # a full selection of 64 queries over 10^6 instances needs tens of gigabytes
            print(f"measuring {name}, {size:,} instances", file=sys.stderr, flush=True)
            yield steps.cost(name, size, Models(), steps=5, options=options, device=device)
