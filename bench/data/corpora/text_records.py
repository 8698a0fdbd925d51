"""Records of text, as SemEval-2010 Task 8 and KBP37 (Zhang and Wang 2015, arXiv 1508.01006) have them, with tags.

`NUMBER<TAB>"sentence with <e1>..</e1> and <e2>..</e2>"`, the relation in the next line, perhaps `Comment: ...`, blank
lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from bench.data.corpora.rows import cut, error
from bench.data.corpora.unusable import Unusable

_RECORD = re.compile(r'\s*(\d+)\s*\t\s*"(.*)"\s*', re.DOTALL)


def is_record(line: str) -> bool:
    """Whether a line is the first of a record."""
    return _RECORD.fullmatch(line) is not None


def records(
    lines: Iterable[tuple[int, str]], name: str, unusable: Unusable
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(number of its first line, where, row) of every record; a record without a relation, and a line that belongs to
    none, are ``unusable``."""
    waiting: tuple[int, re.Match[str]] | None = None
    for number, line in lines:
        found = _RECORD.fullmatch(line)
        if found is None and (not line.strip() or line.lstrip().startswith("Comment:")):
            continue
        if found is None and waiting is not None:
            first, record = waiting
            waiting = None
            yield first, f"{name}:{first}", {"id": record[1], "sentence": record[2], "relation": line.strip()}
            continue
        if waiting is not None or found is None:
            _refused(waiting[0] if waiting else number, line, name, unusable)
        waiting = None if found is None else (number, found)
    if waiting is not None:
        _refused(waiting[0], "the end of the file", name, unusable)


def _refused(number: int, line: str, name: str, unusable: Unusable) -> None:
    message = f"expected a record, its relation in the line below it, got {cut(line)}"
    unusable.add(name, number, error(f"{name}:{number}", "record", message, "no record"))
