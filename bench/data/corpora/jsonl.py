"""A corpus of one's own as JSON lines: a folder with train.jsonl, test.jsonl and, if there is one, dev.jsonl.

The formats of a line are those of `jsonl_line`; blank lines are ignored. Other files of the folder, all optional,
are read where they exist and override nothing that an option says:

- rel2id.json `{relation: number}`: the relations in their order; without it, all that occur, sorted;
- verbalisations.yaml `{relation: text}`, phrases or templates;
- dataset.yaml: name, metric, negative, test_name, extra_tests, datastores, and
  type_constraints `[[head type, tail type, [relations]], ...]`.

`write` makes such a folder of any corpus; read back without an option it is the same corpus, with the same results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]
from pydantic import Field, ValidationError

from bench.data.base import Dataset
from bench.data.corpora.generic import NAME, CorpusOptions, assemble, split_up
from bench.data.corpora.jsonl_line import parse_line, write_line
from bench.data.corpora.rows import Notes, check_unique, cut, error, parse_json
from bench.data.mappings import read_mapping
from bench.errors import DataError
from methods.settings import Settings
from methods.types import Instance

RELATIONS, TEXTS, ABOUT = "rel2id.json", "verbalisations.yaml", "dataset.yaml"
HINT = "--data-dir must hold train.jsonl and test.jsonl (and dev.jsonl), or set the options train, dev and test"


class Options(CorpusOptions):
    """Options of the dataset `jsonl`; files lie in the folder of the corpus."""

    train: str = Field("train.jsonl", description="file of the training instances, such as wiki80_train.txt")
    dev: str | None = Field(None, description="file of the dev set (dev.jsonl if it exists)")
    test: str | None = Field(None, description="file of the test set (test.jsonl if it exists)")
    dev_salt: str = Field("jsonl-dev", description="salt of the held-out dev set (`semeval` has semeval-dev)")


class About(Settings):
    """dataset.yaml: what the instances do not say of their corpus."""

    name: str = Field("jsonl", pattern=f"^{NAME}$")
    metric: str | None = None
    negative: str | None = None
    test_name: str = Field("test", pattern=f"^{NAME}$")
    extra_tests: tuple[str, ...] = ()  # NAME.jsonl is a test set of another domain
    datastores: tuple[str, ...] = ()  # datastore-NAME.jsonl can be retrieved from
    type_constraints: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read the folder ``data_dir`` in a single pass over each file; every line becomes an instance.

    Raises DataError for missing files, options that contradict them, and the first malformed line.
    """
    if data_dir is None:
        raise DataError("dataset 'jsonl' needs --data-dir, a folder with train.jsonl and test.jsonl")
    about = _about(data_dir)
    notes, where_of, counts = Notes(), dict[str, str](), dict[str, int]()

    def take(file: str, prefix: str) -> tuple[Instance, ...]:
        if not (data_dir / file).is_file():
            there = ", ".join(sorted(p.name for p in data_dir.iterdir() if p.suffix in (".jsonl", ".txt"))[:10])
            raise DataError(f"{data_dir} has no {file} (there: {there or 'no .jsonl or .txt file'}): {HINT}")
        instances = tuple(_instances(data_dir / file, prefix, notes, where_of))
        counts[file] = len(instances)
        return instances

    splits = {split: take(_plain(file, split), split) for split, file in _split_files(data_dir, options).items()}
    extra_tests = {name: take(_plain(f"{name}.jsonl", "extra_tests"), name) for name in about.extra_tests}
    datastores = {name: take(_plain(f"datastore-{name}.jsonl", "datastores"), name) for name in about.datastores}
    parts, said = split_up(splits, options, f"{data_dir} has no test set: put test.jsonl there")
    occurring = {i.relation for part in parts.values() for i in part}
    relations = _relations(data_dir, occurring)
    said_there = {key: getattr(about, key) for key in ("negative", "metric") if getattr(options, key) is None}
    return assemble(
        options.corpus or about.name,
        parts,
        options.model_copy(update=said_there),
        relations=relations,
        file=data_dir / TEXTS if (data_dir / TEXTS).is_file() else None,
        constraints=_constraints(about, relations or occurring),
        card={"read": counts, "held_out": said},
        notes=notes,
        extra_tests=extra_tests,
        datastores=datastores,
        test_name=about.test_name,
    )


def _split_files(data_dir: Path, options: Options) -> dict[str, str]:
    """The file of every split that is named, or lies there under its own name."""
    files = {"train": options.train, "dev": options.dev, "test": options.test}
    for split in ("dev", "test"):
        if files[split] is None and (data_dir / f"{split}.jsonl").is_file():
            files[split] = f"{split}.jsonl"
    return {split: file for split, file in files.items() if file is not None}


def read(path: Path, prefix: str = "train") -> tuple[Instance, ...]:
    """All instances of one file; those of OpenNRE without an id are called PREFIX-LINE. Raises DataError."""
    return tuple(_instances(path, prefix, Notes(), {}))


def write(dataset: Dataset, folder: Path) -> list[Path]:
    """Write the corpus as a folder that `load` reads back as it is; the paths of its files.

    Raises DataError for a folder that holds anything, for one that cannot be written, and for a corpus of documents,
    whose further relations and mentions a line has no place for.
    """
    schema = dataset.schema
    everything = [*dataset.train, *dataset.dev, *dataset.test]
    if dataset.multi_label or any(i.document or i.head_mentions or i.tail_mentions for i in everything):
        raise DataError(
            f"{dataset.name} has several relations or mentions per instance; a jsonl line holds one of each"
        )
    splits = {"train": dataset.train, "dev": dataset.dev, "test": dataset.test, **dataset.extra_tests}
    splits |= {f"datastore-{name}": part for name, part in dataset.datastores.items()}
    contents: dict[str, Iterable[str]] = {_plain(f"{n}.jsonl", n): map(write_line, part) for n, part in splits.items()}
    contents |= {
        RELATIONS: [json.dumps({name: number for number, name in enumerate(schema.names)}, indent=1), "\n"],
        TEXTS: [_yaml(dict(schema.verbalisations))],
        ABOUT: [_yaml(_about_of(dataset).model_dump(mode="json", exclude_defaults=True))],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder} is not empty: name a new folder")
        for name, lines in contents.items():
            with (folder / name).open("x", encoding="utf-8", newline="\n") as stream:
                stream.writelines(lines)
    except OSError as problem:
        raise DataError(f"{problem.filename or folder}: cannot be written: {problem.strerror}") from None
    return [folder / name for name in contents]


def _about_of(dataset: Dataset) -> About:
    schema = dataset.schema
    return About(
        name=dataset.name,
        metric=dataset.metric,
        negative=schema.negative,
        test_name=dataset.test_name,
        extra_tests=tuple(dataset.extra_tests),
        datastores=tuple(dataset.datastores),
        type_constraints=tuple(
            (head, tail, tuple(name for name in schema.names if name in names))
            for (head, tail), names in schema.type_constraints.items()
        ),
    )


def _yaml(content: Mapping[str, object]) -> str:
    text: str = yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False, width=120)
    return text


def _instances(path: Path, prefix: str, notes: Notes, where_of: dict[str, str]) -> Iterator[Instance]:
    """One line at a time: a file may be larger than memory has room for twice."""
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                where = f"{path.name}:{number}"
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError:
                    raise error(where, "encoding", "not UTF-8; convert the file to UTF-8") from None
                if line:
                    found = parse_line(line, where, f"{prefix}-{number}", notes)
                    check_unique(where_of, found.id, where)
                    yield found
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {problem.strerror}") from None


def _plain(file: str, option: str) -> str:
    """A name of a file in the folder itself, nowhere else."""
    if not re.fullmatch(NAME, file):
        raise DataError(f"option {option}: {cut(file)} is no plain file name (letters, digits, '_', '.', '-')")
    return file


def _about(folder: Path) -> About:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a directory: {HINT}")
    path = folder / ABOUT
    if not path.is_file():
        return About()
    try:
        return About.model_validate(read_mapping(path, f"mapping of {', '.join(About.model_fields)}"))
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{path.name}: field {key}: {first['msg']}, got {cut(first['input'])}") from None


def _relations(folder: Path, occurring: set[str]) -> tuple[str, ...] | None:
    """The relations of rel2id.json by their numbers, None without that file."""
    path = folder / RELATIONS
    if not path.is_file():
        return None
    try:
        numbers: Any = parse_json(path.read_bytes().decode("utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{path.name}: cannot be read: {problem}") from None
    if not isinstance(numbers, dict) or not all(type(number) is int for number in numbers.values()):
        raise DataError(f"{path.name}: expected an object {{relation: number}}, got {cut(numbers)}")
    if len(set(numbers.values())) != len(numbers):
        raise DataError(f"{path.name}: two relations have the same number; number each once")
    unknown = sorted(occurring - numbers.keys())
    if unknown:
        raise DataError(f"{path.name}: relation {cut(unknown[0])} occurs in the corpus but is not listed; add it")
    return tuple(sorted(numbers, key=numbers.__getitem__))


def _constraints(about: About, relations: Collection[str]) -> dict[tuple[str, str], frozenset[str]]:
    for *_, names in about.type_constraints:
        unknown = [name for name in names if name not in relations]
        if unknown:
            raise DataError(f"{ABOUT}: field type_constraints: {cut(unknown[0])} is no relation of the corpus")
    return {(head, tail): frozenset(names) for head, tail, names in about.type_constraints}
