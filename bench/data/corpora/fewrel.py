"""FewRel 1.0 and 2.0 (Han et al. 2018, https://aclanthology.org/D18-1514; Gao et al. 2019,
https://aclanthology.org/D19-1649; MIT), the public validation files, as a supervised task with a domain shift.

Task: the 16 relations of val_wiki.json (Wikipedia; 700 instances each), without a negative class. Of each relation
`test` instances are the test set, then `dev` of the others the dev set, then `train` of the others the training set,
by the rank of bench.data.split with salts `fewrel-test`, `fewrel-dev`, `fewrel-train` and the draw `split_seed`: a
larger training set holds the smaller one, and test and dev do not depend on it. Relations are Wikidata's P numbers.

Other domains, where the files are there: val_nyt.json (news; 8 of its 25 relations are in val_wiki) and
val_pubmed.json (biomedicine; 10 relations, all others). Half of each relation of val_nyt (odd halves: one more here;
salt `fewrel-nyt`) is the extra test set `val_nyt`; of the other half the instances of the 8 shared relations are the
datastore `val_nyt`. No test set can be made of val_pubmed: all of it is the datastore `val_pubmed`.

An entity's span is its first mention. Its token numbers must be consecutive, as they are in all published files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.rows import (
    Notes,
    cut,
    error,
    instance,
    known_keys,
    note_remarks,
    parse_json,
    text_of,
    tokens_of,
)
from bench.data.split import first_ranked, relation_counts
from bench.data.verbalise import Verbalised, known_texts
from bench.errors import DataError
from methods.types import Instance, Span

WIKI, NYT, PUBMED, NAMES = "val_wiki", "val_nyt", "val_pubmed", "pid2name"
OFFICIAL = {WIKI: 11_200, NYT: 2_500, PUBMED: 1_000}


class Options(Verbalised):
    """Options of the dataset `fewrel`."""

    train: int = Field(500, ge=1, description="training instances per relation")
    dev: int = Field(100, ge=1, description="dev instances per relation")
    test: int = Field(100, ge=1, description="test instances per relation")
    split_seed: int = Field(0, ge=0, description="which instances train, dev and test are")


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read val_wiki.json from ``data_dir`` and, where they exist, val_nyt.json, val_pubmed.json and pid2name.json.

    Raises DataError for missing files, the first malformed instance, and a relation without a text or with too few.
    """
    folder, notes = _folder(data_dir), Notes()
    corpora = {name: read(path, notes) for name in OFFICIAL if (path := folder / f"{name}.json").is_file()}
    wiki = corpora[WIKI]
    relations = tuple(dict.fromkeys(i.relation for i in wiki))
    train, dev, test = _split(wiki, options)
    extra_tests, datastores = _other_domains(corpora, relations)
    everything = dict.fromkeys(i.relation for corpus in corpora.values() for i in corpus)
    texts = known_texts(options, "fewrel", tuple(everything))
    parts, schema = {"train": train, "dev": dev, "test": test}, texts.schema(relations)
    card: dict[str, object] = {
        "read": {f"{name}.json": len(corpus) for name, corpus in corpora.items()},
        "dropped": 0,
        "unused": {WIKI: len(wiki) - sum(map(len, parts.values()))},
        "several_mentions": notes["several_mentions"],
        "blank_tokens": notes["blank_tokens"],
        "sizes": {name: len(part) for name, part in parts.items()},
        "split": f"{options.train}/{options.dev}/{options.test} per relation, split_seed {options.split_seed}",
        "relations": {name: relation_counts(part, relations) for name, part in parts.items()},
        "relation_names": _names(folder / f"{NAMES}.json", tuple(everything)),
        "extra_tests": {name: len(part) for name, part in extra_tests.items()},
        "datastores": {name: len(part) for name, part in datastores.items()},
        "remarks": [*_remarks(corpora), *note_remarks(notes, sum(map(len, corpora.values()))), *texts.remarks],
    }
    return Dataset(
        *("fewrel", schema, "macro_f1_accuracy", train, dev, test, card),
        one_pair=True,
        test_name=WIKI,
        extra_tests=extra_tests,
        datastores=datastores,
    )


def _folder(data_dir: Path | None) -> Path:
    if data_dir is None:
        raise DataError(f"dataset 'fewrel' needs --data-dir, a directory with {WIKI}.json (FewRel)")
    if not (data_dir / f"{WIKI}.json").is_file():
        reason = f"has no {WIKI}.json" if data_dir.is_dir() else "is not a directory"
        raise DataError(f"{data_dir} {reason}: --data-dir must hold FewRel's {WIKI}.json (and {NYT}, {PUBMED})")
    return data_dir


def _remarks(corpora: Mapping[str, tuple[Instance, ...]]) -> list[str]:
    absent = [name for name in OFFICIAL if name not in corpora]
    other = [name for name, corpus in corpora.items() if len(corpus) != OFFICIAL[name]]
    return [
        *(f"{name}.json is not there: no test set or datastore of that domain" for name in absent),
        *(f"{name}.json has {len(corpora[name])} instances, the official one {OFFICIAL[name]}" for name in other),
    ]


def read(path: Path, notes: Notes | None = None) -> tuple[Instance, ...]:
    """All instances of one file, with ids `FILE-RELATION-NUMBER` (numbers from 0 within a relation).

    Raises DataError `FILE: RELATION[NUMBER]: field ...` for the first one that is not in the format.
    """
    notes = Notes() if notes is None else notes
    content = _json(path)
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path.name}: expected an object {{relation: [instance, ...]}}, got {cut(content)}")
    found: list[Instance] = []
    for relation, rows in content.items():
        text_of(relation, path.name, "relation")
        if not isinstance(rows, list) or not rows:
            raise error(path.name, cut(relation), f"expected a list of instances, got {cut(rows)}")
        for number, row in enumerate(rows):
            where = f"{path.name}: {relation}[{number}]"
            found.append(_instance(row, f"{path.stem}-{relation}-{number}", relation, where, notes))
    return tuple(found)


def _instance(row: object, name: str, relation: str, where: str, notes: Notes) -> Instance:
    if not isinstance(row, dict):
        raise error(where, "instance", f"expected an object with tokens, h and t, got {cut(row)}")
    for key in ("tokens", "h", "t"):
        if key not in row:
            raise error(where, key, "missing; an instance has tokens, h and t")
    known_keys(row, ("tokens", "h", "t"), where)
    tokens = tokens_of(row["tokens"], where, "tokens")
    head, tail = (_first_mention(row[key], len(tokens), where, key) for key in ("h", "t"))
    notes["several_mentions"] += any(len(row[key][2]) > 1 for key in ("h", "t"))
    return instance(name, tokens, head, tail, (relation,), ("", ""), where, notes)


def _first_mention(entity: Any, length: int, where: str, field: str) -> Span:
    """The span of the first of the lists of token numbers in [name, id, [[number, ...], ...]]."""
    try:
        _, _, (numbers, *_) = entity
    except (TypeError, ValueError):
        numbers = None
    if not isinstance(numbers, list) or not numbers or not all(type(number) is int for number in numbers):
        raise error(where, field, f"expected [name, id, [[token number, ...], ...]], got {cut(entity)}")
    start, end = numbers[0], numbers[-1] + 1
    if numbers != list(range(start, start + len(numbers))):
        raise error(where, field, f"the token numbers {cut(numbers)} are not consecutive; give the first run alone")
    if not 0 <= start < end <= length:
        raise error(where, field, f"the token numbers {cut(numbers)} reach beyond the {length} tokens")
    return Span(start, end)


def _split(wiki: tuple[Instance, ...], options: Options) -> list[tuple[Instance, ...]]:
    """[train, dev, test], each in the order of the file."""
    wanted = {"test": options.test, "dev": options.dev, "train": options.train}
    count = relation_counts(wiki, sorted({i.relation for i in wiki}))
    for relation, available in count.items():
        if available < sum(wanted.values()):
            raise DataError(
                f"{WIKI}.json: relation {relation} has {available} instances, but the options ask for "
                f"{options.train} + {options.dev} + {options.test}; lower train, dev or test"
            )
    rest, parts = wiki, []
    for name, size in wanted.items():
        part = first_ranked(rest, lambda _, size=size: size, options.split_seed, f"fewrel-{name}")  # type: ignore[misc]
        parts.append(part)
        rest = _without(rest, part)
    return parts[::-1]


def _other_domains(
    corpora: Mapping[str, tuple[Instance, ...]], relations: tuple[str, ...]
) -> tuple[dict[str, tuple[Instance, ...]], dict[str, tuple[Instance, ...]]]:
    """(extra test sets, datastores) as the module describes them."""
    extra_tests, datastores = {}, {}
    if NYT in corpora:
        extra_tests[NYT] = first_ranked(corpora[NYT], lambda n: n - n // 2, 0, "fewrel-nyt")
        rest = _without(corpora[NYT], extra_tests[NYT])
        datastores[NYT] = tuple(i for i in rest if i.relation in relations)
    if PUBMED in corpora:
        datastores[PUBMED] = corpora[PUBMED]
    return extra_tests, datastores


def _without(instances: tuple[Instance, ...], taken: tuple[Instance, ...]) -> tuple[Instance, ...]:
    ids = {i.id for i in taken}
    return tuple(i for i in instances if i.id not in ids)


def _names(path: Path, relations: tuple[str, ...]) -> dict[str, str]:
    """Wikidata's names of the P numbers, for readers of the card; empty without the file."""
    if not path.is_file():
        return {}
    content = _json(path)
    names = {}
    for relation in relations:
        if isinstance(content, dict) and relation in content:
            entry = content[relation]
            if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
                raise error(path.name, relation, f"expected [name, description], got {cut(entry)}")
            names[relation] = entry[0]
        elif re.fullmatch(r"P\d+", relation):
            raise error(path.name, relation, "not listed; use the pid2name.json that came with the other files")
    return names


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes().decode("utf-8-sig"), path.name)
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: not UTF-8; convert the file to UTF-8") from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {problem.strerror}") from None
