"""The rows of a file: JSON, one object per line, or one array of them over any lines, or records of text
(bench.data.corpora.text_records); gzip-compressed or not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from bench.data.corpora.rows import error, parse_json
from bench.data.corpora.text_records import is_record, records
from bench.data.corpora.unusable import Unusable
from bench.errors import DataError

ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".txt")  # of a file that is found by itself, in this order
_GZIP, _BOM = b"\x1f\x8b", b"\xef\xbb\xbf"


def find(folder: Path, *stems: str) -> str | None:
    """The name of the first file STEM.ENDING of the folder, None where there is none."""
    names = (f"{stem}{ending}" for stem in stems for ending in ENDINGS)
    return next((name for name in names if (folder / name).is_file()), None)


def read_rows(path: Path, unusable: Unusable) -> Iterator[tuple[int, str, Any]]:
    """(number, where, row) of every line that is JSON, or of every element of an array, counted from 1.

    Lines that are none are ``unusable``; blank ones are ignored, and so is a byte order mark before any line (files
    are joined by hand). One line at a time: a file may be larger than memory has room for twice. An array is read
    whole. Raises DataError for a file that cannot be read, and for an array that is no JSON.
    """
    try:
        with _opened(path) as stream:
            first = _first_line(stream)
            if first.startswith(b"["):
                yield from _elements(stream.read(), path.name)
            elif is_record(first.decode(errors="replace")):
                yield from records(_lines(stream, path.name, unusable), path.name, unusable)
            else:
                for number, line in _lines(stream, path.name, unusable):
                    with unusable.catching(path.name, number):
                        where = f"{path.name}:{number}"
                        if line.strip():
                            row = parse_json(line.strip(), where)
                            yield number, where, row
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise DataError(f"{path.name}: a gzip file that is damaged or cut off; compress it again") from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {problem.strerror or problem}") from None


def _opened(path: Path) -> IO[bytes]:
    """By the content, not by the name."""
    with path.open("rb") as stream:
        compressed = stream.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rb") if compressed else path.open("rb")  # type: ignore[return-value,unused-ignore]


def _first_line(stream: IO[bytes]) -> bytes:
    """The first line that is not blank, without a byte order mark; the stream then stands at its beginning."""
    found = next((line for raw in stream if (line := raw.removeprefix(_BOM).strip())), b"")
    stream.seek(0)
    return found


def _lines(stream: IO[bytes], name: str, unusable: Unusable) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(stream, 1):
        with unusable.catching(name, number):
            line = _decoded(raw, f"{name}:{number}")
            yield number, line


def _elements(content: bytes, name: str) -> Iterator[tuple[int, str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise error(f"{name}:{line}", "encoding", "not UTF-8; convert the file to UTF-8") from None
    rows = parse_json(text, f"{name}:1: an array of JSON")
    yield from ((number, f"{name}[{number}]", row) for number, row in enumerate(rows, 1))


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(where, "encoding", "not UTF-8; convert the file to UTF-8", "not UTF-8") from None
