"""A run folder as a whole, and its manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import load_configured
from bench.data.base import Dataset
from bench.errors import ConfigError, StoreError
from bench.records.manifest import Manifest, read_manifest, write_manifest
from bench.records.run import Run
from bench.records.store import Store
from bench.settings.config import RunConfig, build
from tests.records.factory import cell_id, make_record

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
IDS = [cell_id(n) for n in range(3)]


@pytest.fixture
def config(mini_preset: Path) -> RunConfig:
    return build(str(mini_preset))


@pytest.fixture
def dataset(config: RunConfig) -> Dataset:
    return load_configured(config)


def written(config: RunConfig, dataset: Dataset, out: str = "run", ids: list[str] = IDS) -> Manifest:
    return write_manifest(Store(Path(out)), config, ids, dataset, ["beware"])


def test_a_manifest_comes_back(config: RunConfig, dataset: Dataset) -> None:
    assert read_manifest(Store(Path("run"))) is None
    made = written(config, dataset)
    assert read_manifest(Store(Path("run"))) == made
    assert (made.cells, made.warnings) == (tuple(IDS), ("beware",))
    assert made.configured() == config
    assert made.dataset["hash"] == dataset.content_hash
    assert made.dataset["quality"]["digest"]


def test_the_same_plan_leaves_the_manifest_as_it_is(config: RunConfig, dataset: Dataset) -> None:
    written(config, dataset)
    path = Path("run/run.json")
    path.write_text(path.read_text().replace('"created": "20', '"created": "19'))  # as if made long ago
    before = path.read_bytes()
    assert written(config, dataset).created.startswith("19")
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["config", "cells", "corpus"])
def test_another_plan_replaces_the_manifest(config: RunConfig, dataset: Dataset, what: str) -> None:
    written(config, dataset)
    path = Path("run/run.json")
    before = path.read_bytes()
    written(
        config.model_copy(update={"seeds": (7,)}) if what == "config" else config,
        replace(dataset, test=dataset.test[1:]) if what == "corpus" else dataset,
        ids=IDS[1:] if what == "cells" else IDS,
    )
    assert path.read_bytes() != before


@pytest.mark.parametrize("content", ["{}", '{"cells": 3}', '{"cells": ["a"], "config": []}'])
def test_what_is_no_manifest_is_one_line(mini: Path, content: str) -> None:
    Path("run").mkdir()
    Path("run/run.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"run.json is no manifest of a run; delete it") as caught:
        Run.open(Path("run"))
    assert "\n" not in str(caught.value)


def test_a_manifest_of_an_earlier_version_needs_only_its_cells(mini: Path) -> None:
    Store(Path("run")).write_manifest({"cells": IDS, "gone": 1, "config": {"colour": "red"}})
    manifest = Run.open(Path("run")).manifest
    assert manifest.cells == tuple(IDS)
    with pytest.raises(ConfigError, match="its configuration is of another version"):
        manifest.configured()


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in REFERENCE.glob("*/run.json")))
def test_reference_runs_are_read(folder: str) -> None:
    run = Run.open(REFERENCE / folder)
    assert len(run.records) == len(run.manifest.cells) > 0
    assert run.manifest.configured().preset
    assert run.manifest.command.startswith("python -m bench run")


def test_a_manifest_of_no_cell_ids_is_named(mini: Path) -> None:
    Store(Path("run")).write_manifest({"cells": ["../../etc"]})
    with pytest.raises(StoreError, match=r"run.json is no manifest of a run"):
        Run.open(Path("run"))


def test_a_run_of_skipped_cells_says_why(mini: Path) -> None:
    store = Store(Path("run"))
    store.write_manifest({"cells": IDS[:1]})
    reason = {"type": "Unfit", "message": "needs documents"}
    store.write(make_record(cell_id=IDS[0], status="skipped", error=reason), None)
    with pytest.raises(ConfigError, match="run has no finished cell; skipped: needs documents"):
        _ = Run.open(Path("run")).finished


def test_records_come_in_the_order_of_the_plan_and_finished_ones_have_a_result(mini: Path) -> None:
    store = Store(Path("run"))
    with pytest.raises(ConfigError, match="run holds no run"):
        Run.open(Path("run"))
    store.write_manifest({"cells": IDS[::-1]})
    with pytest.raises(ConfigError, match="run has no finished cell yet"):
        _ = Run.open(Path("run")).finished
    for draw, (one, status) in enumerate(zip(IDS, ("ok", "failed", "skipped"), strict=True)):
        store.write(make_record(cell_id=one, status=status, draw=draw), [] if status == "ok" else None)
    store.write(make_record(cell_id=cell_id("not planned")), [])
    run = Run.open(Path("run"))
    assert [record.cell_id for record in run.records] == IDS[::-1]
    assert [record.cell_id for record in run.finished] == IDS[:1]


def test_the_corpus_of_a_run_or_why_it_is_not_at_hand(
    bench: Callable[..., int], config: RunConfig, dataset: Dataset
) -> None:
    assert bench("run", "--preset", "mini.yaml", "--out", "run", "--draws", "0", "--ratios", "0.5") == 0
    found, why = Run.open(Path("run")).corpus()
    assert found is not None
    assert (found.content_hash, why) == (dataset.content_hash, "")
    assert Run.open(Path("run")).corpus(Path("absent")) == (None, "absent is no directory")
    path = Path("run/run.json")
    path.write_text(path.read_text().replace('"options": {}', '"options": {"size": 90}', 1))
    assert Run.open(Path("run")).corpus() == (None, "the corpus mini is another than the one of the run")
