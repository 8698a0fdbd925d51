"""SemEval-2010 Task 8 (Hendrickx et al. 2010, https://aclanthology.org/S10-1006; CC BY 3.0), official text files.

A record has four lines: `ID<TAB>"sentence with <e1>..</e1> and <e2>..</e2>"`, the relation with its direction
(`Cause-Effect(e1,e2)`, `Other`), `Comment: ...`, and a blank line. e1 is the head and e2 the tail.

The corpus has no dev set: a stratified `dev_share` of the training file is held out, the same for everybody
(ranked by SHA-256 of id and relation with a fixed salt; bench.data.split). Entity-Destination(e2,e1), which has a
single training instance, stays in train.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.rows import shows
from bench.data.split import hold_out, relation_counts
from bench.data.verbalise import Verbalised, known_texts
from bench.errors import DataError
from methods.types import Instance, Span

TRAIN_FILE, TEST_FILE = "TRAIN_FILE.TXT", "TEST_FILE_FULL.TXT"
OFFICIAL_RECORDS = {TRAIN_FILE: 8000, TEST_FILE: 2717}
NEGATIVE = "Other"
_UNDIRECTED = (
    "Cause-Effect",
    "Component-Whole",
    "Content-Container",
    "Entity-Destination",
    "Entity-Origin",
    "Instrument-Agency",
    "Member-Collection",
    "Message-Topic",
    "Product-Producer",
)
RELATIONS = (*(f"{name}({pair})" for name in _UNDIRECTED for pair in ("e1,e2", "e2,e1")), NEGATIVE)

_TAGS = ("<e1>", "</e1>", "<e2>", "</e2>")
# Whatever looks like an entity tag, sound or damaged; other angle brackets are text.
_TAG = re.compile(r"<\s*/?\s*e\s*\d*\s*>", re.IGNORECASE)
_SENTENCE = re.compile(r'([0-9]+)\t"(.*)"', re.DOTALL)


class Options(Verbalised):
    """Options of the dataset `semeval`."""

    dev_share: float = Field(0.1, gt=0, lt=1, description="share of the training file held out as dev set")


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read TRAIN_FILE.TXT and TEST_FILE_FULL.TXT from ``data_dir``; every record becomes an instance.

    Raises DataError for a missing directory or file and for the first malformed record.
    """
    wanted = f"{TRAIN_FILE} and {TEST_FILE} (SemEval-2010 Task 8)"
    if data_dir is None:
        raise DataError(f"dataset 'semeval' needs --data-dir, a directory with {wanted}")
    missing = [name for name in OFFICIAL_RECORDS if not (data_dir / name).is_file()]
    if missing:
        reason = f"has no {' and no '.join(missing)}" if data_dir.is_dir() else "is not a directory"
        raise DataError(f"{data_dir} {reason}: --data-dir must hold {wanted}")
    whole, test = (read(data_dir / name, prefix) for name, prefix in ((TRAIN_FILE, "train"), (TEST_FILE, "test")))
    train, dev = hold_out(whole, options.dev_share, salt="semeval-dev")
    texts = known_texts(options, "semeval", RELATIONS)
    remarks = [
        f"{name} has {len(part)} records, the official one {OFFICIAL_RECORDS[name]}"
        for name, part in ((TRAIN_FILE, whole), (TEST_FILE, test))
        if len(part) != OFFICIAL_RECORDS[name]
    ]
    card: dict[str, object] = {
        "read": {TRAIN_FILE: len(whole), TEST_FILE: len(test)},
        "dropped": 0,
        "sizes": {"train": len(train), "dev": len(dev), "test": len(test)},
        "dev": f"{options.dev_share:g} of {TRAIN_FILE}, stratified by relation, fixed",
        "relations": {
            name: relation_counts(part, RELATIONS) for name, part in (("train", train), ("dev", dev), ("test", test))
        },
        "remarks": remarks + texts.remarks,
    }
    schema = texts.schema(RELATIONS, NEGATIVE)
    return Dataset("semeval", schema, "semeval_macro_f1", train, dev, test, card, one_pair=True)


def read(path: Path, prefix: str) -> tuple[Instance, ...]:
    """All records of one official file, with ids `PREFIX-NUMBER`.

    A byte order mark, CRLF line ends and blank lines at the end of the file are accepted. Anything else that is
    not the format is a DataError `FILE:LINE: field ...: what is wrong and what to do`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _error(path, line, "encoding", "not UTF-8; convert the file to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    # Not splitlines(): it would also break a sentence at U+2028, U+0085 and other rare characters.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise _error(path, 1, "id", "the file is empty; put the official file there")
    instances: list[Instance] = []
    first_line: dict[str, int] = {}
    for start in range(0, len(lines), 4):
        instance = _record(path, start + 1, lines[start : start + 4], prefix)
        if instance.id in first_line:
            number = instance.id.removeprefix(f"{prefix}-")
            where = first_line[instance.id]
            raise _error(path, start + 1, "id", f"{number} was used on line {where} already; number each record once")
        first_line[instance.id] = start + 1
        instances.append(instance)
    return tuple(instances)


def _record(path: Path, number: int, lines: list[str], prefix: str) -> Instance:
    """One instance from its four lines (three for the last record of a file); ``number``: line of the first."""
    match = _SENTENCE.fullmatch(lines[0])
    if match is None:
        raise _error(path, number, "sentence", f'expected ID<TAB>"sentence", got {_cut(lines[0])}')
    if len(lines) < 3:
        raise _error(path, number + len(lines) - 1, "comment", "the file ends within a record; is it cut off?")
    relation = lines[1]
    if relation not in RELATIONS:
        near = difflib.get_close_matches(relation, RELATIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one such as {RELATIONS[0]!r} or {NEGATIVE!r}"
        raise _error(path, number + 1, "relation", f"unknown relation {_cut(relation)}; {hint}")
    if not lines[2].startswith("Comment:"):
        raise _error(path, number + 2, "comment", f"expected a line starting with 'Comment:', got {_cut(lines[2])}")
    if len(lines) == 4 and lines[3]:
        raise _error(path, number + 3, "blank line", f"expected one after each record, got {_cut(lines[3])}")
    tokens, head, tail = _tokens(path, number, match[2])
    return Instance(f"{prefix}-{match[1]}", tokens, head, tail, relation)


def _tokens(path: Path, number: int, sentence: str) -> tuple[tuple[str, ...], Span, Span]:
    """Split at blanks and at the tags, so that an entity's span is exact and `</e2>.` leaves `.` as a token."""
    tags = _TAG.findall(sentence)
    if tuple(tags) != _TAGS:
        found = " ".join(tags) or "none"
        raise _error(path, number, "sentence", f"expected {' '.join(_TAGS)} once, in this order; found {found}")
    before, head, between, tail, after = (part.split() for part in _TAG.split(sentence))
    for name, words in (("e1", head), ("e2", tail)):
        if not any(map(shows, words)):
            raise _error(path, number, "sentence", f"entity {name} is empty; put its words between the tags")
    tail_start = len(before) + len(head) + len(between)
    spans = Span(len(before), len(before) + len(head)), Span(tail_start, tail_start + len(tail))
    return (*before, *head, *between, *tail, *after), *spans


def _error(path: Path, line: int, field: str, message: str) -> DataError:
    return DataError(f"{path.name}:{line}: field {field}: {message}")


def _cut(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
