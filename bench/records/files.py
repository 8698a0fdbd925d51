"""Files that are replaced as a whole, and names that are safe as a part of a path."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

DAY = 24 * 3600.0
_TEMPORARY = re.compile(r"\..+\.(?P<host>[A-Za-z0-9-]+)\.(?P<pid>\d{1,10})\.[A-Za-z0-9_]+\.tmp")


def file_names(datasets: Iterable[str]) -> dict[str, str]:
    """A file name for every dataset: only [A-Za-z0-9._-], no leading dot or dash, and no two alike.

    A name that had to be changed carries a digest of the original, so that it never meets another dataset's.
    """
    names = {}
    for dataset in datasets:
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", dataset).strip(".-")[:80]
        digest = hashlib.sha256(dataset.encode()).hexdigest()[:8]
        names[dataset] = safe if safe and safe == dataset else f"{safe or 'dataset'}-{digest}"
    return names


def write_file(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never a half; the process id keeps two reports apart. Raises OSError,
    with the path, where the disk does not take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{temporary_prefix(path)}0.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def temporary_prefix(target: Path) -> str:
    """How the name of a temporary file beside ``target`` begins: it says which process of which machine writes it."""
    return f".{target.name[:150]}.{_host()}.{os.getpid()}."


def remove_left(out: Path) -> None:
    """Remove the temporary files that processes left in a run's folder which are gone, as far as the disk lets us.
    Those of another machine count as gone after a day."""
    for folder in (out, *(out / name for name in ("cells", "derived", "tables", "figures"))):
        for path in folder.glob(".*.tmp"):
            with suppress(OSError):
                if _is_left(path):
                    path.unlink()


def _is_left(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    if found is None:  # of an earlier version, which had no workers
        return True
    if found["host"] != _host():
        return time.time() - path.stat().st_mtime > DAY
    try:
        os.kill(int(found["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it runs, under another user
        return False
    return False


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60] or "host"
