"""Whether a report would come out as it lies there: OUT/tables/.made names what it was made of and what was written.

Everything is compared by content: whoever edits a record, a table or this code gets a new report.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.data.base import Dataset
from bench.paths import CONFIGS, ROOT
from bench.records.files import write_file
from bench.records.store import Store
from bench.regular import MIB, open_regular, read_regular

MOST_BYTES = 1024 * MIB
_FILE = re.compile(r"((tables|figures)/)?[A-Za-z0-9._-]+")
_TABLE = re.compile(r"(tables|figures)/[A-Za-z0-9_-][A-Za-z0-9._-]*")  # which alone may be removed
_SOFTWARE = ("matplotlib", "numpy", "pandas", "scipy")  # what draws and computes


def sources(
    store: Store, manifest: Mapping[str, Any], dataset: Dataset | None, notes: Sequence[str], reference: str | None
) -> str:
    """A digest of all that a report depends on: records and predictions of the plan, what neighbours shared where it
    is a file of its own, the manifest's words, the corpus, what the user asked for, and the code."""
    files: dict[str, str | None] = {}
    for cell_id in manifest["cells"]:
        own = (store.record_path(cell_id), store.predictions_path(cell_id), store.out / "derived" / f"{cell_id}.json")
        files |= {f"{path.parent.name}/{path.name}": _digest(path) for path in own}
    code = {path.relative_to(ROOT).as_posix(): _digest(path) for path in _code()}
    said = {name: manifest.get(name) for name in ("cells", "command", "warnings")}
    asked = [dataset.content_hash if dataset is not None else None, list(notes), reference]
    software = {name: version(name) for name in _SOFTWARE} | {"python": sys.version}
    return hashlib.sha256(json.dumps([files, code, said, asked, software]).encode()).hexdigest()


def stored(out: Path, digest: str) -> tuple[str, list[Path]] | None:
    """What a report of these `sources` said, and its files; None where there is none, or a file is not as written."""
    try:
        made = json.loads(read_regular(_path(out), MIB))
        whole = made["sources"] == digest
        for name, content in made["files"].items():
            whole = whole and _FILE.fullmatch(name) and _digest(out / name) == content
        return (made["text"], [out / name for name in made["files"]]) if whole else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # no such file, or not one of ours
        return None


def remove_stale(out: Path, files: Iterable[Path]) -> list[str]:
    """Remove the tables and figures of the earlier report that are not among the ``files`` of the new one, as far as
    they are as it wrote them; a sentence that names the other files there, if any."""
    new = {path.relative_to(out).as_posix() for path in files}
    try:
        earlier = dict(json.loads(read_regular(_path(out), MIB))["files"])
    except (OSError, ValueError, LookupError, TypeError):
        earlier = {}
    for name, content in earlier.items():
        ours = isinstance(content, str) and _TABLE.fullmatch(name) and not (out / name).parent.is_symlink()
        if ours and name not in new and _digest(out / name) == content:
            (out / name).unlink(missing_ok=True)
    left = (path for folder in ("tables", "figures") for path in sorted((out / folder).glob("[!.]*")))
    old = [name for name in (path.relative_to(out).as_posix() for path in left) if name not in new]
    return [f"Not of this report, but still in its folder: {', '.join(old)}."] if old else []


def remember(out: Path, digest: str, text: str, files: Iterable[Path]) -> None:
    """Note what a report said and wrote, for `stored`."""
    written = {path.relative_to(out).as_posix(): _digest(path) for path in files}
    made = {"sources": digest, "text": text, "files": written}
    write_file(_path(out), json.dumps(made, indent=1).encode())


def _path(out: Path) -> Path:
    return out / "tables" / ".made"


def _code() -> list[Path]:
    """All of `bench` with the page's assets, and what else a report reads: texts of instances, published scores."""
    found = sorted(path for path in (ROOT / "bench").rglob("*") if path.is_file() and path.suffix != ".pyc")
    return [*found, ROOT / "methods" / "types.py", CONFIGS / "published.yaml"]


def _digest(path: Path) -> str | None:
    try:
        with open_regular(path, MOST_BYTES) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except OSError:  # absent, or what reading it will complain of
        return None
