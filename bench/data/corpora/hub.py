"""A dataset of the Hugging Face hub, or a local folder that the library `datasets` reads (saved by it, or JSON,
CSV or Parquet files), with options that say which column is what. Needs the extra `hub`.

Nothing but data is loaded: `datasets` runs no code of a dataset since its version 4, and older versions are refused.
A relation column of class labels gives the relations and their order; other columns hold the names themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.generic import CorpusOptions, assemble, split_up
from bench.data.corpora.jsonl_line import split_text
from bench.data.corpora.rows import (
    Notes,
    check_unique,
    cut,
    error,
    instance,
    optional_text,
    shows,
    span_of,
    text_of,
    tokens_of,
)
from bench.errors import DataError
from methods.types import Instance, Span

INSTALL = "dataset 'hub' needs the library `datasets` 4 or later: install this project with the extra 'hub'"
DEV_NAMES = ("validation", "dev", "valid", "val")


class Options(CorpusOptions):
    """Options of the dataset `hub`. A column within a column is written `h.pos`."""

    id: str | None = Field(None, description="id on the hub, such as user/corpus; without it --data-dir is read")
    config: str | None = Field(None, description="configuration of the dataset, where it has several")
    revision: str | None = Field(None, description="commit, tag or branch on the hub; a commit never changes")
    train: str = Field("train", description="name of the split")
    dev: str | None = Field(None, description="name of the split (validation, dev, valid or val if there is one)")
    test: str | None = Field(None, description="name of the split (test if there is one)")
    tokens: str = Field("tokens", description="column with a list of tokens")
    text: str | None = Field(None, description="column with the text; spans then count its characters")
    head: str = Field("head", description="column with the span [start, end), or two columns: start,end")
    tail: str = Field("tail", description="the same of the tail")
    inclusive: bool = Field(False, description="a span's end is its last token, not the one after it")
    relation: str = Field("relation", description="column with class labels or names")
    instance_id: str | None = Field(None, description="column with a unique id; SPLIT-NUMBER without it")
    head_type: str | None = Field(None, description="column with the head's type")
    tail_type: str | None = Field(None, description="column with the tail's type")


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Load the splits; every row becomes an instance.

    Raises DataError for a missing library, dataset, split or column, and for the first malformed row.
    """
    if (data_dir is None) == (options.id is None):
        raise DataError("dataset 'hub' needs either the option id (--set dataset.id=user/corpus) or --data-dir")
    tables = _tables(data_dir, options)
    chosen = {"train": options.train, "dev": options.dev, "test": options.test}
    chosen["dev"] = chosen["dev"] or next((name for name in DEV_NAMES if name in tables), None)
    chosen["test"] = chosen["test"] or ("test" if "test" in tables else None)
    notes, where_of, splits = Notes(), dict[str, str](), dict[str, tuple[Instance, ...]]()
    for split, name in chosen.items():
        if name is None:
            continue
        if name not in tables:
            raise DataError(f"option {split}: there is no split {name!r}; there are {', '.join(tables)}")
        splits[split] = tuple(_instances(tables[name], name, options, notes, where_of))
    parts, said = split_up(splits, options, f"the dataset has no split 'test' (it has {', '.join(tables)}): name one")
    return assemble(
        options.corpus or "hub",
        parts,
        options,
        relations=_label_names(tables[options.train], options.relation),
        card={
            "source": {"id": options.id, "config": options.config, "revision": options.revision},
            "read": {name: len(splits[split]) for split, name in chosen.items() if name is not None},
            "held_out": said,
        },
        notes=notes,
    )


def _tables(data_dir: Path | None, options: Options) -> Mapping[str, Any]:
    """Split name -> `datasets.Dataset`."""
    try:
        import datasets
    except ImportError:
        raise DataError(INSTALL) from None
    if int(datasets.__version__.split(".")[0]) < 4:
        raise DataError(f"{INSTALL}; this is {datasets.__version__}")
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(f"{data_dir} is not a directory: --data-dir must hold what `datasets` can read")
    try:
        if data_dir is not None and (data_dir / "dataset_dict.json").is_file():
            found = datasets.load_from_disk(str(data_dir))
        else:
            source = options.id if data_dir is None else str(data_dir)
            found = datasets.load_dataset(source, options.config, revision=options.revision)
    except Exception as problem:  # whatever the readers of all these formats raise
        cause = problem.__cause__ or problem
        text = " ".join(str(cause).split()) or type(cause).__name__
        raise DataError(f"{options.id or data_dir}: cannot be loaded by `datasets`: {text[:300]}") from problem
    return dict(found)


def _instances(table: Any, split: str, options: Options, notes: Notes, where_of: dict[str, str]) -> Iterator[Instance]:
    columns = [options.text or options.tokens, *options.head.split(","), *options.tail.split(","), options.relation]
    columns += [name for name in (options.instance_id, options.head_type, options.tail_type) if name is not None]
    for column in columns:
        if column.split(".")[0] not in table.column_names:
            raise DataError(f"split {split!r} has no column {column!r}; it has {', '.join(table.column_names)}")
    labels = _label_names(table, options.relation)
    for number, row in enumerate(table.select_columns(sorted({column.split(".")[0] for column in columns}))):
        where = f"{split}[{number}]"
        relation = _value(row, options.relation, where)
        if labels is not None:
            if type(relation) is not int or not 0 <= relation < len(labels):
                raise error(where, options.relation, f"{cut(relation)} is no class label; is the split unlabelled?")
            relation = labels[relation]
        tokens, head, tail = _sentence(row, options, where)
        types = [
            "" if name is None else optional_text(_value(row, name, where), where, name)
            for name in (options.head_type, options.tail_type)
        ]
        given = f"{split}-{number}" if options.instance_id is None else _value(row, options.instance_id, where)
        name = text_of(str(given) if type(given) is int else given, where, options.instance_id or "id")
        check_unique(where_of, name, where)
        relation = text_of(relation, where, options.relation)
        yield instance(name, tokens, head, tail, relation, (types[0], types[1]), where, notes)


def _sentence(row: Mapping[str, Any], options: Options, where: str) -> tuple[tuple[str, ...], Span, Span]:
    if options.text is None:
        tokens = tokens_of(_value(row, options.tokens, where), where, options.tokens)
        head, tail = (_span(row, column, len(tokens), options, where) for column in (options.head, options.tail))
        return tokens, head, tail
    text = text_of(_value(row, options.text, where), where, options.text)
    spans = [_span(row, column, len(text), options, where) for column in (options.head, options.tail)]
    for column, span in zip((options.head, options.tail), spans, strict=True):
        if not shows(text[span.start : span.end]):
            raise error(where, column, f"the entity's text {text[span.start : span.end]!r} shows nothing")
    return split_text(text, spans[0], spans[1])


def _span(row: Mapping[str, Any], columns: str, length: int, options: Options, where: str) -> Span:
    values = [_value(row, column, where) for column in columns.split(",")]
    value = values[0] if len(values) == 1 else values
    if options.inclusive and isinstance(value, list) and len(value) == 2 and type(value[1]) is int:
        value = [value[0], value[1] + 1]
    return span_of(value, length, where, columns, "tokens" if options.text is None else "characters")


def _value(row: Mapping[str, Any], column: str, where: str) -> Any:
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise error(where, column, f"missing; {cut(value)} has no {part!r}")
        value = value[part]
    return value


def _label_names(table: Any, column: str) -> tuple[str, ...] | None:
    """The names of a column of class labels in their order, None for any other column."""
    feature: Any = table.features
    for part in column.split("."):
        feature = feature.get(part) if isinstance(feature, Mapping) else None
    names = getattr(feature, "names", None)
    return None if names is None else tuple(names)
