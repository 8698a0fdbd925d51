"""Files of the user's cache folder: a payload below a line with its checksum, put in place whole.

One that is damaged is ignored and written again, and a folder that cannot be written is done without. The folder is
the user's cache folder ($XDG_CACHE_HOME/retrieval-re-bench on Linux); it may be deleted at any time. The environment
variable BENCH_CACHE names another one, or is `off`. Entries hold the text or ids of a corpus, whose licence holds for
them too: only the user can read them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

VARIABLE, OFF = "BENCH_CACHE", "off"


def folder() -> Path | None:
    """Where entries lie; None where the cache is switched off."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen == OFF:
        return None
    return Path(chosen) if chosen else platformdirs.user_cache_path("retrieval-re-bench", appauthor=False)


def read(name: str) -> bytes | None:
    """The payload of an entry; None where there is none, its checksum does not fit or the cache is switched off."""
    place = folder()
    if place is None:
        return None
    try:
        checksum, _, payload = _path(place, name).read_bytes().partition(b"\n")
    except OSError:
        return None
    return payload if hashlib.sha256(payload).hexdigest().encode() == checksum else None


def write(name: str, payload: bytes) -> None:
    """Keep a payload, if the folder takes it."""
    place = folder()
    if place is None:
        return
    entry = _path(place, name)
    with suppress(OSError):
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{entry.stem[:16]}.", suffix=".tmp", dir=entry.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(payload).hexdigest().encode() + b"\n")
                stream.write(payload)
            os.replace(temporary, entry)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)


def _path(place: Path, name: str) -> Path:
    return place / f"{name}.json"
