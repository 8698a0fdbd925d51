"""The lines of a prediction file, read as they are asked for, each checked to be one."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.names import visible
from bench.regular import MIB, open_regular

MOST_PACKED, MOST_TEXT, MOST_LINE = 1024 * MIB, 8192 * MIB, 16 * MIB  # of a file, unpacked, of a line


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


# Without the searches for blanks of json.loads, which cost a third of a line; NaN and infinity are refused.
_decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def read_lines(path: Path, *, predictions: bool = True) -> Iterator[dict[str, Any]]:
    """Raises StoreError for a file that is missing, broken or of no bytes (not even an empty one has none), and for a
    line that is no prediction, or, without ``predictions``, no object: examinations may write others."""
    try:
        with open_regular(path, MOST_PACKED) as packed:
            if not packed.peek(1):  # type: ignore[attr-defined]
                raise ValueError("it is empty")
            with gzip.open(packed, "rb") as stream:
                number = read = 0
                while raw := stream.readline(MOST_LINE):
                    line, number, read = raw.decode(), number + 1, read + len(raw)
                    if read > MOST_TEXT:
                        raise ValueError(f"more than {MOST_TEXT // MIB} MiB unpacked")
                    content, end = _decode(line)
                    if line[end:] not in ("\n", ""):
                        raise ValueError(f"more than an object in a line: {visible(line[end:], 40)!r}")
                    if why := wrong(content) if predictions or type(content) is not dict else "":
                        raise StoreError(f"{path}, line {number} is no prediction ({why}); delete it and run again")
                    yield content
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; run again to make it") from None
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or error
        raise StoreError(f"{path} is broken ({visible(said, 200)}); delete it and run again") from error


def wrong(line: Any) -> str:
    """Why a line is no prediction, "" where it is one."""
    if type(line) is not dict:
        return f"a {type(line).__name__}"
    scores = line.get("scores")
    if type(line.get("id")) is not str:
        return "id is no text"
    if not (_is_label(line.get("gold")) and _is_label(line.get("predicted"))):
        return "gold or predicted is no label"
    if type(scores) is not dict or not _are_numbers(scores.values()):
        return "scores are no numbers by relation"
    found = line.get("neighbours", "")
    if found is not None and not _are_neighbours(found):
        return "neighbours are no ids with weights"
    probes = line.get("probes")
    if probes is not None and not (type(probes) is dict and all(map(_is_label, probes.values()))):
        return "probes are no labels"
    if type(line.get("test_set", "")) is not str or type(line.get("datastore") or "") is not str:
        return "test_set or datastore is no name"
    return ""


def _is_label(value: Any) -> bool:
    return type(value) is str or (type(value) is list and value != [] and all(type(one) is str for one in value))


def _are_numbers(values: Any) -> bool:
    return {float, int} >= set(map(type, values)) and math.isfinite(math.fsum(values))


def _are_neighbours(found: Any) -> bool:
    return (
        type(found) is list
        and all(type(pair) is list and len(pair) == 2 and type(pair[0]) is str for pair in found)
        and _are_numbers([weight for _, weight in found])
    )
