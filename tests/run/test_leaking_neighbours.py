"""A plugin that retrieves from the query's own document is caught, wherever it predicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.run.execute import execute
from bench.run.plan import plan
from bench.settings.config import build
from bench.tuning.objective import dev_scores, folds
from methods.types import Instance


def of_document(instances: tuple[Instance, ...], document: str = "D") -> tuple[Instance, ...]:
    return tuple(replace(i, document=document) for i in instances)


@pytest.fixture
def dataset(mini: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The database is of one document, and the miniature method is made to know nothing of documents."""
    found = load_dataset("mini", None, {})
    monkeypatch.setattr("mini_plugin.bars", lambda query, other: query.id == other.id)
    return replace(found, train=of_document(found.train))


def error_of(dataset: Dataset, preset: Path, **flags: str) -> str:
    record, lines, _ = execute(plan(build(str(preset), **flags), dataset)[0], dataset)
    if record.error is None:
        return ""
    assert lines is None
    return record.error.message


def test_other_documents_are_no_leak(mini_preset: Path, dataset: Dataset) -> None:
    elsewhere = replace(dataset, test=of_document(dataset.test, "E"), dev=of_document(dataset.dev, "F"))
    assert error_of(elsewhere, mini_preset) == ""


@pytest.mark.parametrize("split", ["test", "dev"])
def test_neighbours_of_the_own_document(mini_preset: Path, dataset: Dataset, split: str) -> None:
    leaking = replace(dataset, **{split: of_document(getattr(dataset, split))})
    assert f"instance {split}-" in (message := error_of(leaking, mini_preset))
    assert "is of its own document 'D': its label leaks" in message


def test_in_other_test_sets(mini_preset: Path, dataset: Dataset) -> None:
    leaking = replace(dataset, extra_tests={"shifted": of_document(dataset.extra_tests["shifted"])})
    assert "of its own document 'D'" in error_of(leaking, mini_preset, test_sets="shifted")


def test_in_another_datastore(mini_preset: Path, dataset: Dataset) -> None:
    stores = dataset.datastores | {"other": of_document(dataset.datastores["other"], "E")}
    leaking = replace(dataset, test=of_document(dataset.test, "E"), datastores=stores)
    assert error_of(leaking, mini_preset) == ""
    assert "of its own document 'E'" in error_of(leaking, mini_preset, test_sets="test@other")


def test_in_tuning(mini_preset: Path, dataset: Dataset) -> None:
    leaking = replace(dataset, dev=of_document(dataset.dev))
    config = build(str(mini_preset), methods="mini", ratios="1")
    with pytest.raises(ValueError, match="of its own document 'D'"):
        dev_scores(folds(plan(config, leaking)[:1], leaking), config, {})
