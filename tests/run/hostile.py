"""Ways in which a method of a plugin breaks its contract: each changes one thing of the miniature method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from methods.base import FitReport, MethodError, Progress
from methods.types import Neighbours, Prediction

Change = Callable[[Any], Any]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Odd(BaseException):
    """What no `except Exception` catches."""


def _scores(change: Change) -> Change:
    return lambda found: replace(found, scores=change(found.scores))


def _near(change: Change) -> Change:
    return lambda found: replace(found, neighbours=tuple(map(change, found.neighbours)))


def _weight(weight: Any) -> Change:
    return _near(lambda near: Neighbours(near.ids, (weight, *near.weights[1:])))


def _diagnostics(**values: Any) -> Change:
    return lambda found: replace(found, diagnostics=values)


# What `predict` returns, and a part of what the failed record says.
RETURNED: Mapping[str, tuple[Change, str]] = {
    "nothing": (lambda found: None, "NoneType, not a Prediction"),
    "a tuple": (lambda found: (found.scores, None), "tuple, not a Prediction"),
    "NaN scores": (_scores(lambda s: s * math.nan), "score nan"),
    "infinite scores": (_scores(lambda s: s + math.inf), "score inf"),
    "a column too few": (_scores(lambda s: s[:, 1:]), "scores have shape"),
    "a row too few": (_scores(lambda s: s[1:]), "scores have shape"),
    "scores of text": (_scores(lambda s: "abc"), "expected floating-point"),
    "scores of objects": (_scores(lambda s: s.astype(object)), "expected floating-point"),
    "complex scores": (_scores(lambda s: s.astype(complex)), "expected floating-point"),
    "a NaN weight": (_weight(math.nan), "has the weight nan"),
    "an infinite weight": (_weight(math.inf), "has the weight inf"),
    "a weight of text": (_weight("x"), "has the weight 'x'"),
    "a weight too few": (_near(lambda near: Neighbours(near.ids, near.weights[1:])), "1 weights"),
    "a neighbour twice": (_near(lambda near: Neighbours(near.ids[:1] * 2, near.weights)), "1 different ones"),
    "a neighbour from nowhere": (_near(lambda near: Neighbours(("x",), (1.0,))), "x is not in the database"),
    "pairs as neighbours": (_near(lambda near: (near.ids, near.weights)), "are a tuple, not Neighbours"),
    "a neighbour list too few": (lambda found: replace(found, neighbours=found.neighbours[1:]), "neighbours of"),
    "a diagnostic of text": (_diagnostics(note="text"), "diagnostic note is no number: 'text'"),
    "a diagnostic of digits": (_diagnostics(note="1"), "diagnostic note is no number"),
    "a diagnostic that is a list": (_diagnostics(note=[1]), "diagnostic note is no number"),
    "a diagnostic that is nothing": (_diagnostics(note=None), "diagnostic note is no number"),
    "a diagnostic of 400 digits": (_diagnostics(note=10**400), "diagnostic note"),
    "a diagnostic without a name": (lambda found: replace(found, diagnostics={1: 2.0}), "has no name"),
    "a diagnostic with a command": (_diagnostics(**{"a\x1b[2J": 1.0}), "has no name"),
    "a diagnostic with half a character": (_diagnostics(**{"\udcff": 1.0}), "has no name"),
    "diagnostics in a list": (lambda found: replace(found, diagnostics=[1]), ""),
}  # fmt: skip


def _reported(**values: Any) -> Change:
    return lambda fit: replace(fit, **values)


# What `fit` returns, likewise.
REPORTED: Mapping[str, tuple[Change, str]] = {
    "no report": (lambda fit: None, "NoneType, not a FitReport"),
    "no steps": (_reported(steps=None), ""),
    "NaN steps": (_reported(steps=math.nan), "nan for steps"),
    "negative parameters": (_reported(parameters={"total": -5}), "-5 for parameters total"),
    "parameters of 30 digits": (_reported(parameters={"total": 10**30}), "for parameters total"),
    "a history of text": (_reported(history=[{"step": 1, "note": "x"}]), "history note is no number"),
    "a history of lists": (_reported(history=[[1]]), ""),
    "timings of text": (_reported(timings={"x": "y"}), "timing x is no number"),
}

# What `fit` raises.
RAISED: Mapping[str, Callable[[], BaseException]] = {
    "an exit": lambda: SystemExit(0),
    "an exit with a word": lambda: SystemExit("bye"),
    "what nobody catches": lambda: Odd("odd"),
    "the end of a generator": lambda: GeneratorExit(),
    "no memory": lambda: MemoryError("none"),
    "lines and commands": lambda: MethodError("bad\x1b[31m\n| a |"),
    "half a character": lambda: ValueError("half \udcff"),
    "ten million characters": lambda: ValueError("x" * 10**7),
    "no word": lambda: MethodError(""),
    "what cannot be printed": Unprintable,
    "a broken pipe": lambda: BrokenPipeError(32, "Broken pipe"),
    "a full disk": lambda: OSError(28, "No space left"),
}

# What `fit` tells of its progress: never a reason to fail.
TOLD: Mapping[str, Any] = {
    "no steps": Progress("train", 5, 0, 1.0),
    "a NaN loss": Progress("train", 1, 2, math.nan),
    "a loss of text": Progress("\x1b[31m[red]x", 1, 2, "loss"),  # type: ignore[arg-type]
    "nothing": Progress(None, None, None),  # type: ignore[arg-type]
    "negative": Progress("train", -5, 3),
    "infinite": Progress("train", math.inf, math.inf),  # type: ignore[arg-type]
    "no message": None,
    "a text": "half way",
}

# What is odd but a result.
HARMLESS: Mapping[str, Change] = {
    "a list of scores": _scores(lambda s: s.tolist()),
    "half precision": _scores(lambda s: s.astype(np.float16)),
    "a number of numpy": _diagnostics(note=np.float32(1)),
    "a NaN diagnostic": _diagnostics(note=math.nan),
    "no neighbours": _near(lambda near: Neighbours((), ())),
    "a truth": _diagnostics(note=True),
}


def returns(change: Change, method: type) -> Callable[..., Prediction]:
    predict = method.predict  # type: ignore[attr-defined]
    return lambda self, rows: change(predict(self, rows))


def reports(change: Change, method: type) -> Callable[..., FitReport]:
    fit = method.fit  # type: ignore[attr-defined]
    return lambda self, train, dev: change(fit(self, train, dev))
