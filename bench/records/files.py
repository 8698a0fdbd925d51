"""Files that are replaced as a whole, and names that are safe as a part of a path."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path


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
    """A reader sees the old file or the new one, never a half; the process id keeps two reports apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
