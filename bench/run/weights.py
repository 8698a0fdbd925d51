"""Hashes of model weights, kept in the user's cache folder: reading a gigabyte only to plan takes seconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bench.data import entries
from methods.parts.model_files import weights, weights_hash


def kept_hash(folder: Path) -> str:
    """`weights_hash` of a model directory, computed anew where a file has another size or time than it had then.
    Raises MethodError where it has no weights."""
    files = [(path.resolve(), path.stat()) for path in weights(folder)]
    # ctime too: a copy may keep the time of modification, nothing sets that of a change.
    seen = [[str(path), found.st_size, found.st_mtime_ns, found.st_ctime_ns] for path, found in files]
    name = hashlib.sha256(json.dumps(["weights", seen]).encode()).hexdigest()
    kept = entries.read(name)
    if kept is not None:
        return kept.decode()
    found = weights_hash(folder)
    entries.write(name, found.encode())
    return found
