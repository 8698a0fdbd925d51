"""Stages of training: at each step, which parts are trained. What comes after them trains everything."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from methods.base import MethodError
from methods.parts.optim import Group
from methods.settings import Stage

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Phase:
    """``steps`` that train ``parts``; ``last``: the number of the last of them, counted from 1."""

    number: int
    parts: frozenset[str]
    steps: int
    last: int


def phases(stages: Sequence[Stage], groups: Sequence[Group], steps: int) -> list[Phase]:
    """The stages, then all parts for the rest of the ``steps``. Raises MethodError for a stage of a part that is not
    trained, and for stages that leave no step for the rest."""
    known = sorted({group.part for group in groups if group.parameters})
    planned, done = [], 0
    for number, stage in enumerate(stages):
        if unknown := sorted(set(stage.train) - set(known)):
            raise MethodError(
                f"stages: stage {number} trains {', '.join(unknown)}, which is no trained part of this method "
                f"(it has {', '.join(known)})"
            )
        done += stage.steps
        planned.append(Phase(number, frozenset(stage.train), stage.steps, done))
    if stages and done >= steps:
        raise MethodError(
            f"stages: {done} steps are asked for (option stages or retriever_steps) before all parts are trained "
            f"together, but the budget has {steps} steps in all; ask for fewer, or raise budget.max_steps or max_epochs"
        )
    return [*planned, Phase(len(planned), frozenset(known), steps - done, steps)]


def staged(
    planned: Sequence[Phase], groups: Sequence[Group], batches: Iterable[Batch]
) -> Generator[tuple[Phase, int, Batch]]:
    """Each batch with its step, counted from 1, and its phase, whose parts alone have gradients meanwhile. Close it:
    only then can all parameters be trained again."""
    numbered = enumerate(batches, start=1)
    for phase in planned:
        with _training(phase.parts, groups):
            for step, batch in islice(numbered, phase.steps):
                yield phase, step, batch


@contextmanager
def _training(parts: frozenset[str], groups: Sequence[Group]) -> Iterator[None]:
    """Parameters of other parts have no gradient, hence no update, no weight decay and no state in the optimiser."""
    others = [p for group in groups if group.part not in parts for p in group.parameters if p.requires_grad]
    for parameter in others:
        parameter.requires_grad_(False)
        parameter.grad = None
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)
