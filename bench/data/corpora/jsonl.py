"""A corpus of one's own as JSON lines: a folder with train.jsonl, test.jsonl and, if there is one, dev.jsonl.

Each may end in .json, .jsonl.gz or .json.gz too, and hold an array of JSON (bench.data.corpora.json_files). The formats
of a row are those of `jsonl_line`. Other files of the folder, all optional, are read where they exist and override
nothing that an option says:

- rel2id.json `{relation: number}`: the relations in their order; without it, all that occur, sorted;
- verbalisations.yaml `{relation: text}`, phrases or templates;
- dataset.yaml: name, metric, negative, one_pair, multi_label, test_name, extra_tests, datastores, and
  type_constraints `[[head type, tail type, [relations]], ...]`.

`write` makes such a folder of any corpus; read back without an option it is the same corpus, with the same results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]
from pydantic import Field, ValidationError

from bench.data.base import Dataset
from bench.data.corpora.generic import DEV_NAMES, NAME, Besides, CorpusOptions, assemble
from bench.data.corpora.json_files import ENDINGS, find, read_rows
from bench.data.corpora.jsonl_line import parse_row, write_line
from bench.data.corpora.reading import Reading
from bench.data.corpora.rows import cut, parse_json
from bench.data.corpora.shapes import several
from bench.data.groups import in_groups
from bench.data.mappings import read_mapping
from bench.errors import DataError
from methods.settings import Settings
from methods.types import Instance

RELATIONS, TEXTS, ABOUT = "rel2id.json", "verbalisations.yaml", "dataset.yaml"
HINT = "--data-dir must hold train.jsonl and test.jsonl (and dev.jsonl), or set the options train, dev and test"


class Options(CorpusOptions):
    """Options of the dataset `jsonl`; files lie in the folder of the corpus."""

    train: str | None = Field(None, description="file of the training instances, such as wiki80_train.txt, where it "
                              "is not called train.jsonl, .json, .jsonl.gz or .json.gz")  # fmt: skip
    dev: str | None = Field(None, description="file of the dev set (dev, validation, valid or val if there is one)")
    test: str | None = Field(None, description="file of the test set (test.jsonl, .json, ... if there is one)")
    dev_salt: str = Field("jsonl-dev", description="salt of the held-out dev set (`semeval` has semeval-dev)")


class About(Settings):
    """dataset.yaml: what the instances do not say of their corpus."""

    name: str = Field("jsonl", pattern=f"^{NAME}$")
    metric: str | None = None
    negative: str | None = None
    one_pair: bool = False
    multi_label: bool = False  # also where no instance has several relations
    test_name: str = Field("test", pattern=f"^{NAME}$")
    extra_tests: tuple[str, ...] = ()  # NAME.jsonl is a test set of another domain
    datastores: tuple[str, ...] = ()  # datastore-NAME.jsonl can be retrieved from
    type_constraints: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def completing(self, options: Options) -> Options:
        """The options with what they do not say themselves."""
        said = {key: getattr(self, key) for key in ("negative", "metric", "one_pair") if not getattr(options, key)}
        return options.model_copy(update=said)


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read the folder ``data_dir`` in a single pass over each file; every row becomes an instance.

    Raises DataError for missing files, options that contradict them, and, all at once, for unusable lines unless these
    are dropped.
    """
    if data_dir is None:
        raise DataError("dataset 'jsonl' needs --data-dir, a folder with train.jsonl and test.jsonl")
    about, counts, reading = _about(data_dir), dict[str, int](), options.reading()

    def take(file: str, prefix: str) -> tuple[Instance, ...]:
        found = _taken(data_dir, file, prefix, reading)
        counts[file] = len(found)
        return found

    splits = {split: take(_plain(file, split), split) for split, file in _split_files(data_dir, options).items()}
    extra_tests = {name: take(_plain(f"{name}.jsonl", "extra_tests"), name) for name in about.extra_tests}
    datastores = {name: take(_plain(f"datastore-{name}.jsonl", "datastores"), name) for name in about.datastores}
    dropped = reading.unusable.settle()
    occurring = {name for part in splits.values() for i in part for name in i.relations}
    relations = _relations(data_dir, occurring)
    return assemble(
        options.corpus or about.name,
        splits,
        about.completing(options),
        reading,
        missing_test=f"{data_dir} has no test set: put test.jsonl there",
        card={"read": counts, "dropped": dropped or 0},
        besides=Besides(
            relations,
            data_dir / TEXTS if (data_dir / TEXTS).is_file() else None,
            _constraints(about, relations or occurring),
            about.multi_label,
            extra_tests,
            datastores,
            about.test_name,
        ),
    )


def _taken(folder: Path, file: str, prefix: str, reading: Reading) -> tuple[Instance, ...]:
    if not (folder / file).is_file():
        raise DataError(f"{folder} has no {file} (there: {_there(folder)}): {HINT}")
    return tuple(_instances(folder / file, prefix, reading))


def _split_files(data_dir: Path, options: Options) -> dict[str, str]:
    """The file of every split that is named, or lies there under its own name."""
    files = {
        "train": options.train or find(data_dir, "train") or "train.jsonl",
        "dev": options.dev or find(data_dir, *DEV_NAMES),
        "test": options.test or find(data_dir, "test"),
    }
    return {split: file for split, file in files.items() if file is not None}


def _there(data_dir: Path) -> str:
    names = sorted(path.name for path in data_dir.iterdir() if path.name.endswith(ENDINGS))
    return ", ".join(names[:10]) or f"no file that ends in {', '.join(ENDINGS)}"


def read(path: Path, prefix: str = "train") -> tuple[Instance, ...]:
    """All instances of one file, in groups (bench.data.groups); those without an id are called PREFIX-NUMBER. Raises
    DataError."""
    reading = Reading()
    found = tuple(_instances(path, prefix, reading))
    reading.unusable.settle()
    return in_groups(found)


def write(dataset: Dataset, folder: Path) -> list[Path]:
    """Write the corpus as a folder that `load` reads back as it is; the paths of its files.

    Raises DataError for a folder that holds anything, for one that cannot be written, and for a corpus whose entities
    have further mentions or whose score knows facts beside the instances, which a line has no place for.
    """
    schema = dataset.schema
    everything = [*dataset.train, *dataset.dev, *dataset.test]
    if dataset.known or dataset.unpaired or any(i.head_mentions or i.tail_mentions for i in everything):
        more = "several mentions of an entity, or facts beside its instances"
        raise DataError(f"{dataset.name} has {more}; a jsonl line has no place for them")
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
        one_pair=dataset.one_pair,
        multi_label=dataset.multi_label,
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


def _instances(path: Path, prefix: str, reading: Reading) -> Iterator[Instance]:
    half_open = replace(reading, inclusive=False)
    for number, where, row in read_rows(path, reading.unusable):
        name = f"{prefix}-{number}"
        with reading.unusable.catching(path.name, number):
            parts = several(row, where, name)
            if parts is None:
                found = parse_row(row, where, name, reading)
                yield found
            for part in parts or ():
                with reading.unusable.catching(path.name, number):
                    found = parse_row(part, f"{where}: {part['id']}", name, half_open)
                    yield found


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
