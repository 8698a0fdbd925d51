"""`bench check METHOD`: the contract of a method (`methods.testing`), one line a clause."""

from __future__ import annotations

import argparse
from typing import Any

from bench.cli import show
from bench.settings.flags import parsed
from bench.settings.validation import unknown_key, validated
from methods.registry import METHODS


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("check", help="whether a method keeps the contract of all methods")
    parser.add_argument("method", metavar="METHOD", help="a registered method, built in or of a plugin")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="METHOD.OPTION=VALUE",
                        help="an option of the method")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where a clause fails. Raises RegistryError for an unknown method, ConfigError for an option."""
    from methods.testing import check

    method = METHODS.check(args.method)
    options = METHODS.options(method)
    given: dict[str, object] = {}
    for setting in args.settings:
        key, _, text = setting.partition("=")
        owner, _, option = key.partition(".")
        if owner != method or option not in options.model_fields:
            raise unknown_key(key, [f"{method}.{name}" for name in options.model_fields])
        given[option] = parsed(key, text)
    # Without given ones the class makes its own: a missing default is a clause, not a mistake of the user.
    trial = check(METHODS.load(method), validated(options, given, f"{method}.") if given else None)
    held = failed = 0
    for clause, problem in trial:
        name = clause.__name__.replace("_", " ")
        show(f"FAILED  {name}: {problem}" if problem else f"ok      {name}")
        held, failed = held + (not problem), failed + bool(problem)
    show(f"{method}: {held} of {held + failed} clauses hold")
    return 1 if failed else 0
