"""A dataset of the Hugging Face hub, or a local folder that the library `datasets` reads (saved by it, or JSON,
CSV or Parquet files), with options that say which column is what. Needs the extra `hub`.

Nothing but data is loaded: `datasets` runs no code of a dataset since its version 4, and older versions are refused.
A relation column of class labels gives the relations and their order; other columns hold the names themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.generic import DEV_NAMES, Besides, CorpusOptions, assemble
from bench.data.corpora.reading import Reading, Sentence, split_text
from bench.data.corpora.rows import cut, error, id_of, optional_text, text_of
from bench.data.corpora.tagged import untagged
from bench.errors import DataError
from methods.types import Instance

INSTALL = "dataset 'hub' needs the library `datasets` 4 or later: install this project with the extra 'hub'"


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
    tagged: str | None = Field(
        None, description="column with a sentence with <e1>, </e1>, <e2>, </e2> in place of spans"
    )
    head: str = Field("head", description="column with the span [start, end), or two columns: start,end")
    tail: str = Field("tail", description="the same of the tail")
    relation: str = Field("relation", description="column with class labels or names, or lists of them")
    instance_id: str | None = Field(None, description="column with a unique id; SPLIT-NUMBER without it")
    head_type: str | None = Field(None, description="column with the head's type")
    tail_type: str | None = Field(None, description="column with the tail's type")
    document: str | None = Field(None, description="column with the document or sentence that several rows share")


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Load the splits; every row becomes an instance.

    Raises DataError for a missing library, dataset, split or column, and, all at once, for unusable rows unless these
    are dropped.
    """
    if (data_dir is None) == (options.id is None):
        raise DataError("dataset 'hub' needs either the option id (--set dataset.id=user/corpus) or --data-dir")
    tables = _tables(data_dir, options)
    chosen = {"train": options.train, "dev": options.dev, "test": options.test}
    chosen["dev"] = chosen["dev"] or next((name for name in ("validation", *DEV_NAMES) if name in tables), None)
    chosen["test"] = chosen["test"] or ("test" if "test" in tables else None)
    reading, splits = options.reading(), dict[str, tuple[Instance, ...]]()
    for split, name in chosen.items():
        if name is None:
            continue
        if name not in tables:
            raise DataError(f"option {split}: there is no split {name!r}; there are {', '.join(tables)}")
        splits[split] = tuple(_instances(tables[name], name, options, reading))
    dropped = reading.unusable.settle()
    return assemble(
        options.corpus or "hub",
        splits,
        options,
        reading,
        missing_test=f"the dataset has no split 'test' (it has {', '.join(tables)}): name one",
        card={
            "source": {"id": options.id, "config": options.config, "revision": options.revision},
            "read": {name: len(splits[split]) for split, name in chosen.items() if name is not None},
            "dropped": dropped or 0,
        },
        besides=Besides(_label_names(tables[options.train], options.relation)),
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


def _instances(table: Any, split: str, options: Options, reading: Reading) -> Iterator[Instance]:
    columns = _columns(options)
    for column in columns:
        if column.split(".")[0] not in table.column_names:
            raise DataError(f"split {split!r} has no column {column!r}; it has {', '.join(table.column_names)}")
    labels = _label_names(table, options.relation)
    for number, row in enumerate(table.select_columns(sorted({column.split(".")[0] for column in columns}))):
        with reading.unusable.catching(split, number):
            found = _instance(row, f"{split}[{number}]", f"{split}-{number}", labels, options, reading)
            yield found


def _columns(options: Options) -> list[str]:
    if options.tagged is not None:
        sentence = [options.tagged]
    else:
        sentence = [options.text or options.tokens, *options.head.split(","), *options.tail.split(",")]
    more = (options.instance_id, options.head_type, options.tail_type, options.document)
    return [*sentence, options.relation, *(name for name in more if name is not None)]


def _instance(
    row: Mapping[str, Any],
    where: str,
    fallback_id: str,
    labels: Sequence[str] | None,
    options: Options,
    reading: Reading,
) -> Instance:
    value = _value(row, options.relation, where)
    if labels is not None:
        value = _named(value, labels, where, options.relation)
    sentence = _sentence(row, options, where, reading)
    types = [
        "" if name is None else optional_text(_value(row, name, where), where, name)
        for name in (options.head_type, options.tail_type)
    ]
    name, document = (
        fallback if column is None else id_of(_value(row, column, where), fallback, where, column)
        for column, fallback in ((options.instance_id, fallback_id), (options.document, ""))
    )
    relations = reading.relations(value, where, options.relation)
    return reading.made(name, sentence, relations, (types[0], types[1]), document, where)


def _named(value: Any, labels: Sequence[str], where: str, column: str) -> Any:
    """The names of one class label, or of a list of them."""
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if type(number) is not int or not 0 <= number < len(labels):
            message = f"{cut(number)} is no class label; is the split unlabelled?"
            raise error(where, column, message, "no class label")
    names = [labels[number] for number in numbers]
    return names if isinstance(value, list) else names[0]


def _sentence(row: Mapping[str, Any], options: Options, where: str, reading: Reading) -> Sentence:
    if options.tagged is not None:
        tagged = text_of(_value(row, options.tagged, where), where, options.tagged)
        return split_text(*untagged(tagged, where, options.tagged))
    spans = _span(row, options.head, where), _span(row, options.tail, where)
    if options.text is None:
        fields = (options.tokens, options.head, options.tail)
        return reading.of_tokens(_value(row, options.tokens, where), spans, fields, where)
    text = text_of(_value(row, options.text, where), where, options.text)
    return split_text(text, *reading.of_text(text, spans, (options.head, options.tail), where))


def _span(row: Mapping[str, Any], columns: str, where: str) -> Any:
    values = [_value(row, column, where) for column in columns.split(",")]
    return values[0] if len(values) == 1 else values


def _value(row: Mapping[str, Any], column: str, where: str) -> Any:
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise error(where, column, f"missing; {cut(value)} has no {part!r}", "missing field")
        value = value[part]
    return value


def _label_names(table: Any, column: str) -> tuple[str, ...] | None:
    """The names of a column of class labels in their order, None for any other column."""
    feature: Any = table.features
    for part in column.split("."):
        feature = feature.get(part) if isinstance(feature, Mapping) else None
    feature = getattr(feature, "feature", feature)  # of a list
    names = getattr(feature, "names", None)
    return None if names is None else tuple(names)
