"""One method on the tiny corpus. What it did is kept, so that many clauses share one training."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from methods.base import Context, FitReport, Method, Shown
from methods.settings import Budget, Models, Settings
from methods.testing import corpus
from methods.types import Instance, Neighbours, Prediction

CONTEXT = Context(
    schema=corpus.SCHEMA,
    seed=3,
    budget=Budget(max_steps=4, batch_size=7, evaluate_every=2),
    models=Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96),
)


@dataclass(frozen=True)
class Fitted:
    """A trained method, what it was given, what it predicted right after training, which settings it read by then
    (`models.NAME`, `scoring.NAME`), and the state of the process before and after."""

    method: Method
    context: Context
    train: Sequence[Instance]
    test: Sequence[Instance]
    report: FitReport
    prediction: Prediction
    read: frozenset[str]
    states: tuple[Mapping[str, object], Mapping[str, object]]


class Trial:
    """``options``: those of the class if None. Each property trains once; what it raises is the method's."""

    def __init__(self, cls: type[Method], options: Settings | None = None) -> None:
        self.cls, self._given = cls, options

    @cached_property
    def options(self) -> Settings:
        return self.cls.Options() if self._given is None else self._given

    def fit(
        self,
        train: Sequence[Instance] = corpus.TRAIN,
        dev: Sequence[Instance] = corpus.DEV,
        test: Sequence[Instance] = corpus.TEST,
        context: Context = CONTEXT,
    ) -> Fitted:
        read: set[str] = set()
        parts = {part: _watched(part, getattr(context, part), read) for part in ("models", "scoring")}
        before = _process()
        method = self.cls(self.options, replace(context, **parts))
        report, prediction = method.fit(train, dev), method.predict(test)
        return Fitted(method, context, train, test, report, prediction, frozenset(read), (before, _process()))

    @cached_property
    def first(self) -> Fitted:
        return self.fit()

    @cached_property
    def documents(self) -> Fitted:
        train = corpus.in_documents(corpus.TRAIN, "train")
        return self.fit(train, corpus.DEV, corpus.in_documents(corpus.TRAIN[:11], "test"))

    @cached_property
    def swapped(self) -> tuple[bool, Prediction, Prediction, Prediction]:
        """Whether another database was taken; predictions before, with it, and with the old one again."""
        fitted = self.fit()
        taken, between = fitted.method.swap_datastore(corpus.FOREIGN), fitted.method.predict(corpus.TEST)
        if taken:
            fitted.method.swap_datastore(corpus.TRAIN)
        return taken, fitted.prediction, between, fitted.method.predict(corpus.TEST)

    @cached_property
    def shown(self) -> tuple[Fitted, list[list[Instance]], Mapping[str, Prediction | None], Prediction]:
        """A trained method, the neighbours that it retrieves, what it predicts when it is shown the one or the other
        (None where it does not know how), and afterwards."""
        fitted = self.fit()
        by_id = {i.id: i for i in corpus.TRAIN}
        retrieved = [[by_id[one] for one in near.ids] for near in fitted.prediction.neighbours or ()]
        kinds: dict[str, Shown] = {"none": "none", "mean": "mean"}
        if retrieved:
            kinds |= {"retrieved": retrieved, "relabelled": [corpus.relabelled(near) for near in retrieved]}
        found = {name: fitted.method.predict_with(corpus.TEST, kind) for name, kind in kinds.items()}
        return fitted, retrieved, found, fitted.method.predict(corpus.TEST)

    @cached_property
    def untrained(self) -> tuple[Fitted, tuple[Neighbours, ...] | None, Prediction]:
        """A trained method, what it would have retrieved before, and what it predicts after having been asked."""
        fitted = self.fit()
        found = fitted.method.untrained_neighbours(corpus.TEST)
        return fitted, found, fitted.method.predict(corpus.TEST)


def _watched(name: str, settings: Settings, read: set[str]) -> Any:
    """The same settings; the names of fields that are read go into ``read``."""
    cls: Any = type(settings)

    class Watched(cls):
        def __getattribute__(self, field: str) -> Any:
            if field in cls.model_fields:
                read.add(f"{name}.{field}")
            return super().__getattribute__(field)

    watched = Watched(**settings.model_dump())
    read.clear()  # what validation read
    return watched


def _process() -> dict[str, object]:
    """What a method could change for all that run after it; torch's part where torch is imported."""
    state: dict[str, object] = {"folder": Path.cwd(), "numpy's error state": np.geterr()}
    state |= {f"environment variable {name}": value for name, value in os.environ.items()}
    if torch := sys.modules.get("torch"):
        state |= {
            "torch": "imported",
            "torch's default type": torch.get_default_dtype(),
            "torch's threads": torch.get_num_threads(),
            "torch's gradients": torch.is_grad_enabled(),
            "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        }
    return state
