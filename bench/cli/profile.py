"""`bench profile`: what retrieval costs, and whether the hot paths keep their distance from plain code."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.cli import FAILURE, a_path, say, show
from bench.errors import ConfigError

PARTS = ("selection", "distances", "bm25", "labels", "search", "step", "database", "methods")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("profile", help="time and memory of the hot paths and methods", allow_abbrev=False)
    add = parser.add_argument
    add("--quick", action="store_true", help="every row with a floor, databases of 10^5 at most, in under four minutes")
    add("--only", metavar="A,B", help=f"parts to measure, of {', '.join(PARTS)}")
    add("--device", metavar="cpu|cuda|auto", default="cpu", help="where the methods compute (the paths: on the CPU)")
    add("--out", metavar="DIR", type=a_path, default=Path("results") / "profile", help="default: results/profile")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where a floor does not hold. Raises ConfigError."""
    chosen = _parts(args)
    if args.out.exists() and not args.out.is_dir():
        raise ConfigError(f"--out {args.out} is a file; name a folder")
    from bench.overhead.measure import Row
    from bench.overhead.parts import measure, pieces
    from bench.overhead.report import cost_line, line, write
    from bench.records.manifest import command_line
    from bench.run.environment import describe, resolve_device

    device = resolve_device(args.device)
    environment = describe(device)
    machine = f"{environment['cpu']}, {environment['threads']} threads, {device}"
    about = {"command": command_line(), "created": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine,
             "environment": environment, "quick": args.quick}  # fmt: skip
    started, rows, costs, written = time.perf_counter(), [], [], []
    todo = pieces(chosen, quick=args.quick, device=device)
    for number, piece in enumerate(todo, start=1):
        spent = time.perf_counter() - started
        say(f"[{number}/{len(todo)}] {piece.title} ({spent:.0f} s so far)")
        for found in measure(piece):
            if isinstance(found, Row):
                rows.append(found)
                show(line(found))
            else:
                costs.append(found)
                show(cost_line(found))
        written = write(args.out, rows, costs, about)  # after each piece: an interruption loses but one
    failed = [row for row in rows if row.problems]
    show(f"\n{len(rows) - len(failed)} of {len(rows)} rows hold, {time.perf_counter() - started:.0f} s; written:")
    for path in written:
        show(f"  {path}")
    return FAILURE if failed else 0


def _parts(args: argparse.Namespace) -> tuple[str, ...]:
    default = PARTS[:-1] if args.quick else PARTS
    chosen = default if args.only is None else tuple(part.strip() for part in args.only.split(","))
    for part in chosen:
        if part not in PARTS:
            raise ConfigError(f"--only: unknown part {part!r}; known: {', '.join(PARTS)}")
    return chosen
