"""Published subsets: lists of instance ids that take the place of `bench.data.split.subset`.

A folder holds, for each of its ratios, `train/RATIO.split.txt` and `dev/dev.RATIO.split.txt` (Sainz et al. 2021,
arXiv 2109.03659, for TACRED at 0.01, 0.05 and 0.1), one id per line. A file holds the ids of one subset, train and
dev together. Where no dev id is published, dev shrinks by our rule. The order of the ids means nothing: instances keep
that of the corpus.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.data.base import Dataset, PublishedSubset
from bench.data.cache import read_bytes
from bench.errors import DataError

_TRAIN, _DEV = "train/{}.split.txt", "dev/dev.{}.split.txt"
_RATIO = re.compile(r"(0?\.\d+|1(\.0*)?)")


def with_split_ids(dataset: Dataset, path: Path, ratios: Sequence[float]) -> Dataset:
    """The dataset with the published subsets of a file (for the one ratio in ``ratios``) or of a folder.

    Raises DataError for a malformed or empty list and for ids that the corpus does not have, counting them.
    """
    if path.is_dir():
        published = _folder(dataset, path)
    elif len(ratios) == 1:
        ids = _read(path)
        in_dev = {i.id for i in dataset.dev}
        dev = [name for name in ids if name in in_dev]
        train = [name for name in ids if name not in in_dev]
        published = {ratios[0]: _subset(dataset, path, train, (path, dev) if dev else None)}
    else:
        raise DataError(f"--split-ids {path} holds the ids of one subset; give one ratio, or a folder of such files")
    return dataclasses.replace(dataset, published=published)


def _folder(dataset: Dataset, folder: Path) -> dict[float, PublishedSubset]:
    published: dict[float, PublishedSubset] = {}
    for path in sorted(folder.glob(_TRAIN.format("*"))):
        name = path.name.removesuffix(".split.txt")
        if not _RATIO.fullmatch(name):
            raise DataError(f"{path}: {name!r} is no ratio; expected a name such as 0.01.split.txt")
        if float(name) in published:
            raise DataError(f"{path}: another file holds the same ratio; keep one")
        dev = folder / _DEV.format(name)
        published[float(name)] = _subset(dataset, path, _read(path), (dev, _read(dev)) if dev.is_file() else None)
    if not published:
        raise DataError(f"--split-ids {folder} holds no {_TRAIN.format('RATIO')} (such as train/0.01.split.txt)")
    return published


def _subset(
    dataset: Dataset, train_file: Path, train: Sequence[str], dev: tuple[Path, Sequence[str]] | None
) -> PublishedSubset:
    _check(dataset.name, train_file, "train", train, (i.id for i in dataset.train))
    if not train:
        raise DataError(f"{train_file}: no id of the train set of {dataset.name}")
    if dev is not None:
        _check(dataset.name, dev[0], "dev", dev[1], (i.id for i in dataset.dev))
    source = train_file.name if dev is None or dev[0] == train_file else f"{train_file.name} and {dev[0].name}"
    return PublishedSubset(frozenset(train), frozenset(dev[1]) if dev else None, source)


def _check(corpus: str, file: Path, split: str, ids: Sequence[str], known: Iterable[str]) -> None:
    there = set(known)
    missing = [name for name in ids if name not in there]
    if missing:
        raise DataError(
            f"{file}: {len(missing)} of {len(ids)} ids are not in the {split} set of {corpus}, the first is "
            f"{missing[0][:60]!r}; are the ids those of this corpus?"
        )


def _read(path: Path) -> list[str]:
    """The ids of one file, in its order. Blank lines are skipped; anything else is an id."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8; expected one id per line") from None
    first: dict[str, int] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if line in first:
            raise DataError(f"{path}:{number}: id {line[:60]!r} stands on line {first[line]} already; give it once")
        if line:
            first[line] = number
    if not first:
        raise DataError(f"{path}: holds no id")
    return list(first)
