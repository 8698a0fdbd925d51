"""The command line. Every file of this folder is one command: `add_parser(subparsers)` and `run(args) -> int`.

Exit codes: 0 done, 1 failed cells or a failure while running, 2 a mistake of the user, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bench.errors import ConfigError, DataError, StoreError
from bench.names import visible, visible_lines
from bench.records.record import Record
from bench.records.store import Store
from bench.settings import config
from methods.base import MethodError
from methods.registry import RegistryError

USAGE, FAILURE, INTERRUPTED = 2, 1, 130
_MISNAMED = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM)


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line, like every other mistake."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"bench: error: {visible(message, 500)} (see {self.prog} --help)\n")


def a_path(text: str) -> Path:
    """The type of every argument that names a file or a folder, there or not yet. What no file can be called, and
    what may not be looked at, is a mistake of the user."""
    found = Path(text)
    try:
        found.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have such a name"
        raise argparse.ArgumentTypeError(f"{why}: {visible(text, 60)!r}") from None
    return found


def add_setting_flags(add: Callable[..., Any]) -> None:
    """The flags of every command that trains: which settings, which corpus, where to compute."""
    add("--preset", default="default", help="name of a preset (`bench list presets`) or a YAML file like one")
    add("--dataset", metavar="NAME", help="corpus (`bench list datasets`)")
    add("--data-dir", metavar="DIR", type=a_path, help="folder of the corpus's files")
    add("--split-ids", metavar="PATH", type=a_path, help="published ids of training subsets: a folder with "
        "train/RATIO.split.txt and dev/dev.RATIO.split.txt, or a file for one ratio")  # fmt: skip
    add("--drop-leaks", action="store_true", help="leave out train and dev instances that repeat test or dev ones")
    add("--device", metavar="cpu|cuda|auto", help="where to compute")


def read_config(args: argparse.Namespace, **more: Any) -> config.RunConfig:
    """The configuration of `add_setting_flags` and ``--set``, with ``more`` arguments of `config.build`. Raises as that
    does."""
    names = ("dataset", "data_dir", "split_ids", "drop_leaks", "device")
    return config.build(args.preset, args.settings, **{name: getattr(args, name) for name in names}, **more)


def show(*lines: str) -> None:
    """Results go to stdout. Names and texts of a corpus or a plugin may hold what a terminal takes for a command:
    that is shown as code points."""
    print(*map(visible_lines, lines), sep="\n", flush=True)


def say(line: str) -> None:
    """What is no result goes to stderr, at once."""
    print(visible(line), file=sys.stderr, flush=True)


def say_failed(records: Sequence[Record], store: Store) -> None:
    """One line for each failed cell."""
    for record in records:
        why = (record.error.message or record.error.type) if record.error else ""
        say(f"failed: {record.label}: {visible(why, 500)} ({store.record_path(record.cell_id)})")


def say_broken(*stores: Store) -> int:
    """One line for each file that was left out; the exit code."""
    lines = [line for store in stores for line in store.broken.values()]
    for line in dict.fromkeys(lines):
        say(f"bench: error: {line}")
    return FAILURE if lines else 0


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command of this folder."""
    parser = _Parser(prog="bench", description="Does retrieving training instances help a relation extractor?")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        command = importlib.import_module(f"{__name__}.{module.name}")
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. What a user can mend is one line on stderr."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return 0
    try:
        return args.run(args)
    except (ConfigError, DataError, RegistryError, MethodError) as error:
        return _complain(error, USAGE)
    except StoreError as error:
        return _complain(error, FAILURE)
    except BrokenPipeError:
        raise
    except OSError as error:
        # A disk that is full, a folder that may not be read: nothing that a traceback explains.
        return _complain(f"{error.filename or 'a file'}: {error.strerror or error}", _code(error))
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _complain(error: object, code: int) -> int:
    say(f"bench: error: {visible(error, 2000)}")
    return code


def _code(error: OSError) -> int:
    """Whether the user named what cannot be, or the machine refused."""
    return USAGE if error.errno in _MISNAMED else FAILURE
