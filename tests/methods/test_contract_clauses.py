"""Every clause of the contract can fail, and says why."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from methods.base import Method
from methods.testing import CLAUSES, Trial, check, corpus, examine
from methods.testing.clauses import fits_and_predicts, options_have_defaults
from methods.types import bars
from tests.methods.broken import BROKEN, Crash, Good, Honest, ImportsTorchLate, Smallest, Undecided

BY_NAME = {clause.__name__: clause for clause in CLAUSES}


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the broken ones change is put back."""
    folder, state, kind = os.getcwd(), np.geterr(), torch.get_default_dtype()
    monkeypatch.setenv("BROKEN", "")
    monkeypatch.delenv("BROKEN")
    yield
    os.chdir(folder)
    np.seterr(**state)
    torch.set_default_dtype(kind)


@pytest.mark.parametrize(("clause", "cls", "message"), BROKEN, ids=[f"{c}-{cls.__name__}" for c, cls, _ in BROKEN])
def test_a_broken_method_is_caught(clause: str, cls: type[Method], message: str) -> None:
    problem = examine(BY_NAME[clause], Trial(cls))
    assert "\n" not in problem
    assert re.search(message, problem), problem


@pytest.mark.parametrize("clause", BY_NAME)
def test_every_clause_has_a_broken_method_and_a_sentence(clause: str) -> None:
    assert clause in {name for name, _, _ in BROKEN}
    assert (BY_NAME[clause].__doc__ or "").rstrip().endswith(".")


@pytest.mark.parametrize("cls", [Good, Honest, Smallest])
def test_a_good_method_keeps_them_all(cls: type[Method]) -> None:
    assert [(clause.__name__, problem) for clause, problem in check(cls) if problem] == []


def test_torch_may_be_imported_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert examine(BY_NAME["leaves_the_process_alone"], Trial(ImportsTorchLate)) == ""


def test_a_method_that_cannot_be_fitted_is_tried_no_further() -> None:
    assert [clause for clause, _ in check(Crash)] == [options_have_defaults, fits_and_predicts]
    assert [clause for clause, _ in check(Undecided)] == [options_have_defaults]


def test_a_failed_clause_does_not_end_the_check() -> None:
    tried = list(check(type("Leaky", (Good,), {"swap_datastore": lambda self, instances: 1 / 0})))
    assert len(tried) == len(CLAUSES)
    assert {problem.partition(" (")[0] for _, problem in tried} == {"", "ZeroDivisionError: division by zero"}


def test_options_are_those_that_are_given() -> None:
    problems = dict(check(Good, Good.Options(k=24)))
    assert problems[fits_and_predicts].startswith("MethodError: k = 24 is more than the 23 instances")


def test_the_nearest_instance_is_of_the_same_document() -> None:
    """Else a method that ignores documents would pass."""
    train = corpus.in_documents(corpus.TRAIN, "train")
    for query in train:
        near = max((i for i in train if i.id != query.id), key=lambda i: len(set(i.tokens) & set(query.tokens)))
        assert bars(query, near)
