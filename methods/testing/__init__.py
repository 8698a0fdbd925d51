"""The contract of a method, to be run on any: `bench check METHOD`, or `check(cls)` in a plugin's own tests.

The corpus and its models are tiny; no harness, no test framework, no file and no network is needed.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from methods.base import Method
from methods.settings import Settings
from methods.testing import clauses, retrieval
from methods.testing.findings import Clause
from methods.testing.trial import Trial

__all__ = ["CLAUSES", "Clause", "Trial", "check", "examine"]

# Without these nothing else can be tried.
_FIRST: tuple[Clause, ...] = (clauses.options_have_defaults, clauses.fits_and_predicts)
CLAUSES: tuple[Clause, ...] = tuple(
    clause
    for module in (clauses, retrieval)
    for name, clause in vars(module).items()
    if getattr(clause, "__module__", "") == module.__name__ and not name.startswith("_")
)


def check(cls: type[Method], options: Settings | None = None) -> Iterator[tuple[Clause, str]]:
    """Every clause with "" or what is wrong; no further than the first where a method cannot even be fitted."""
    trial = Trial(cls, options)
    for clause in CLAUSES:
        problem = examine(clause, trial)
        yield clause, problem
        if problem and clause in _FIRST:
            return


def examine(clause: Clause, trial: Trial) -> str:
    """What is wrong, in one line; also what the method raises, with the place."""
    try:
        return " ".join(clause(trial).split())
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        place = traceback.extract_tb(error.__traceback__)[-1]
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return f"{message} ({Path(place.filename).name}, line {place.lineno})"
