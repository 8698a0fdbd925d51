"""A corpus without its leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.data.base import Dataset
from bench.data.duplicates import THRESHOLD, leaks, repeats
from bench.errors import DataError
from methods.types import Instance


def drop_leaks(dataset: Dataset, threshold: float = THRESHOLD) -> Dataset:
    """The dataset without the train and dev instances that repeat, with its entity pair, one that they are judged by.

    Dev loses what repeats test, train what repeats test or the dev that is left; test never shrinks. Applied again it
    drops nothing. The card counts the dropped instances, for the reader of a table too. Raises DataError where
    nothing would be left.
    """

    def kept(part: tuple[Instance, ...], judges: Sequence[Instance]) -> tuple[Instance, ...]:
        dropped = leaks(repeats(part, judges, threshold))
        return tuple(instance for instance in part if instance.id not in dropped)

    dev = kept(dataset.dev, dataset.test)
    train = kept(dataset.train, (*dev, *dataset.test))
    for name, before, after in (("dev", dataset.dev, dev), ("train", dataset.train, train)):
        if before and not after:
            raise DataError(f"dataset {dataset.name!r}: every {name} instance repeats one of test; use another split")
    dropped = {"train": len(dataset.train) - len(train), "dev": len(dataset.dev) - len(dev)}
    told = (
        f"{dropped['train']} train and {dropped['dev']} dev instances left out that repeat dev or test (--drop-leaks)"
    )
    remarks: Any = dataset.card.get("remarks", ())
    card = {**dataset.card, "dropped_leaks": dropped, "remarks": [*remarks, told]}
    return replace(dataset, train=train, dev=dev, card=card)
