"""What there is to measure, each piece in a process of its own: leftovers of one would count for the next."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.overhead import kernels, steps
from bench.overhead.measure import Row
from bench.overhead.steps import Cost
from methods.settings import Models

SIZES = (1000, 10_000, 100_000, 1_000_000)
# A full selection of 64 queries over more instances than this needs tens of gigabytes.
FULL_SELECTION = 100_000
WAYS: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("no_retrieval", None), ("rag_text", None), ("rag_bm25", None), ("etrag", None), ("etrag", steps.SHORTLIST),
)  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """``part``: as chosen by `--only`. ``run``: picklable, gives rows or costs."""

    part: str
    title: str
    run: Callable[[], Iterator[Row] | Iterator[Cost]]


def pieces(parts: Sequence[str], *, quick: bool, device: str) -> list[Piece]:
    """The pieces of the chosen ``parts`` in the order of work; ``quick`` stops at databases of 10^5."""
    large = SIZES[2] if quick else SIZES[3]
    own = Piece("step", "ETRAG, candidates for each query", partial(steps.candidates_per_query, device))
    every = [
        Piece("selection", "selection", kernels.selection),
        Piece("distances", "distances", kernels.distances),
        Piece("bm25", "BM25", kernels.bm25),
        Piece("labels", "label scoring", kernels.label_scoring),
        *(Piece("search", f"search in {n:,} vectors", partial(kernels.search, n)) for n in SIZES[2:] if n <= large),
        Piece("step", "ETRAG against no retrieval", partial(steps.against_no_retrieval, quick, device)),
        *([] if quick else [own]),  # no floor
        Piece("database", f"ETRAG with {large:,} instances", partial(steps.growing_database, large, device)),
        *(
            Piece("methods", f"{name} with {size:,} instances", partial(_cost, name, size, options, device))
            for size in (SIZES[:1] if quick else SIZES)
            for name, options in WAYS
            if name != "etrag" or options or size <= FULL_SELECTION
        ),
    ]
    return [piece for piece in every if piece.part in parts]


def measure(piece: Piece) -> list[Row | Cost]:
    """Run a piece in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_collect, piece).result()


def _collect(piece: Piece) -> list[Row | Cost]:
    return list(piece.run())


def _cost(name: str, size: int, options: dict[str, Any] | None, device: str) -> Iterator[Cost]:
    yield steps.cost(name, size, Models(), steps=steps.STEPS, options=options, device=device)
