"""The grid of cells and their identities."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.errors import ConfigError, DataError
from bench.records.identity import explain
from bench.records.record import Record
from bench.run.plan import CellSpec, plan, plan_notes, subsets
from bench.settings.config import RunConfig, build
from methods.base import MethodError
from methods.settings import Lora, Models
from tests.records.factory import changed, make_record


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


@pytest.fixture
def config(mini_preset: Path) -> RunConfig:
    return build(str(mini_preset))


def told_by_templates(dataset: Dataset) -> Dataset:
    texts = {name: f"{{head}} {name} {{tail}}" for name in dataset.schema.verbalisations}
    return replace(dataset, schema=replace(dataset.schema, verbalisations=texts, template=True))


def test_small_ratios_come_first_and_methods_stand_together(mini_preset: Path, dataset: Dataset) -> None:
    config = build(str(mini_preset), ratios="0.5,0.1", seeds="0,1", draws="0")
    cells = [(spec.ratio, spec.seed, spec.method) for spec in plan(config, dataset)]
    assert cells == [(r, s, m) for r in (0.1, 0.5) for s in (0, 1) for m in ("mini", "mini_plain")]


def test_ratio_one_has_one_draw(config: RunConfig, dataset: Dataset) -> None:
    specs = plan(config, dataset)
    assert {(spec.ratio, spec.draw) for spec in specs} == {(0.5, 0), (0.5, 1), (1.0, 0)}
    (note,) = plan_notes(config, specs)
    assert note.startswith("ratio 1: draws 1 choose the same instances as an earlier draw")
    assert plan_notes(config, [spec for spec in specs if spec.ratio < 1])  # and says so of whatever is missing


def test_methods_of_a_comparison_share_their_instances(config: RunConfig, dataset: Dataset) -> None:
    specs = [spec for spec in plan(config, dataset) if (spec.ratio, spec.draw) == (0.5, 1)]
    assert len(specs) == 2
    assert len({spec.identity["subset_hash"] for spec in specs}) == 1
    train, dev = subsets(dataset, 0.5, 1)
    assert (len(train), len(dev)) == (30, 11)


def test_identity_is_that_of_the_schema(config: RunConfig, dataset: Dataset) -> None:
    spec = plan(config, dataset)[0]
    assert set(spec.identity) == {
        "schema_version", "dataset", "dataset_hash", "subset_hash", "metric", "method", "options", "method_version",
        "generator", "encoder", "instance_encoder", "models", "scoring", "budget", "optimisation", "ratio", "draw",
        "seed", "device_type", "registered", "type_constraints", "probes", "test_sets", "verbalisation",
        "same_sentence",
    }  # fmt: skip
    assert spec.identity["options"] == {"k": 2, "smoothing": 0.5}
    assert spec.identity["method_version"].startswith("mini-plugin==1.0 sha256:")
    assert spec.identity["device_type"] == "cpu"
    assert len(spec.cell_id) == 16


def test_identity_names_the_kind_of_texts(config: RunConfig, dataset: Dataset) -> None:
    (phrase, *_), (template, *_) = plan(config, dataset), plan(config, told_by_templates(dataset))
    assert (phrase.identity["verbalisation"], template.identity["verbalisation"]) == ("phrase", "template")
    assert phrase.cell_id != template.cell_id


def test_a_record_from_before_templates_keeps_its_id(config: RunConfig, dataset: Dataset) -> None:
    spec = plan(config, dataset)[0]
    before = {name: value for name, value in spec.identity.items() if name != "verbalisation"}
    assert replace(spec, identity=before).cell_id == spec.cell_id


def test_explain_names_another_kind_of_texts(config: RunConfig, dataset: Dataset) -> None:
    then, now = plan(config, dataset)[0], plan(config, told_by_templates(dataset))[0]
    changes = explain(now.cell_id, now.identity, [stored(then)])
    assert "verbalisation: phrase -> template" in changes
    assert [change.split(":")[0] for change in changes] == ["dataset_hash", "verbalisation"]


def test_a_cell_id_depends_on_everything_that_changes_a_result(mini_preset: Path, dataset: Dataset) -> None:
    base = plan(build(str(mini_preset)), dataset)[0].cell_id
    assert plan(build(str(mini_preset)), dataset)[0].cell_id == base
    for setting in ("mini.k=3", "budget.max_steps=5", "scoring.rule=likelihood", "optimisation.weight_decay=0"):
        assert plan(build(str(mini_preset), [setting]), dataset)[0].cell_id != base
    other = replace(dataset, test=dataset.test[1:])
    assert plan(build(str(mini_preset)), other)[0].cell_id != base


def test_one_methods_option_leaves_the_other_methods_cells_alone(mini_preset: Path, dataset: Dataset) -> None:
    before = {spec.cell_id: spec for spec in plan(build(str(mini_preset)), dataset)}
    after = {spec.cell_id: spec for spec in plan(build(str(mini_preset), ["mini.k=3"]), dataset)}
    assert {spec.method for spec in map(before.get, before.keys() & after.keys()) if spec} == {"mini_plain"}


@pytest.mark.parametrize(
    ("setting", "readers"),
    [
        ("models.encoder=minilm", {"rag_text"}),
        ("models.instance_encoder=minilm", {"etrag"}),
        ("models.dropout=0.3", {"no_retrieval", "rag_text", "rag_bm25", "rag_random", "etrag"}),
    ],
)
def test_a_model_concerns_the_methods_that_read_it(setting: str, readers: set[str]) -> None:
    """Another encoder must not run no_retrieval again."""
    flags = {"methods": "no_retrieval,rag_text,rag_bm25,rag_random,etrag", "ratios": "0.1"}
    smoke = load_dataset("synthetic", None, {})
    before, after = (plan(build("smoke", settings, **flags), smoke) for settings in ((), (setting,)))
    pairs = zip(before, after, strict=True)
    assert {then.method for then, now in pairs if then.cell_id != now.cell_id} == readers


def test_a_model_that_nobody_reads_need_not_be_there() -> None:
    smoke = load_dataset("synthetic", None, {})
    specs = plan(build("smoke", ["models.encoder=nowhere/at-all"], methods="no_retrieval,rag_bm25"), smoke)
    assert all("encoder" not in spec.identity and "generator" in spec.identity for spec in specs)


def test_specs_can_be_pickled(config: RunConfig, dataset: Dataset) -> None:
    spec = plan(config, dataset)[0]
    copy = pickle.loads(pickle.dumps(spec))
    assert (copy, copy.cell_id) == (spec, spec.cell_id)


def stored(spec: CellSpec) -> Record:
    return make_record(cell_id=spec.cell_id, identity=dict(spec.identity))


def test_explain_names_the_fields_that_differ(mini_preset: Path, dataset: Dataset) -> None:
    then = plan(build(str(mini_preset)), dataset)[0]
    record = stored(then)
    far = changed(record, cell_id="0" * 16, identity={**then.identity, "models": {}, "options": {}})
    now = plan(build(str(mini_preset), ["mini.k=3", "budget.max_steps=5"]), dataset)[0]
    assert explain(now.cell_id, now.identity, [far, record]) == ["budget.max_steps: 300 -> 5", "options.k: 2 -> 3"]
    assert explain(now.cell_id, now.identity, []) == ["never run"]
    assert explain(then.cell_id, {**then.identity, "seed": 9}, [record]) == ["never run"]
    assert explain(then.cell_id, then.identity, [record]) == ["predictions are missing"]
    failed = changed(record, status="failed", error={"type": "MethodError", "message": "why"})
    assert explain(then.cell_id, then.identity, [failed]) == ["failed: why"]


def test_long_hashes_are_shortened(mini_preset: Path, dataset: Dataset) -> None:
    then, now = (plan(build(str(mini_preset)), data)[0] for data in (dataset, replace(dataset, test=dataset.test[1:])))
    (line,) = explain(now.cell_id, now.identity, [stored(then)])
    assert line.startswith("dataset_hash: ")
    assert len(line) < 110


def test_mistakes_show_before_anything_runs(mini_preset: Path, dataset: Dataset) -> None:
    with pytest.raises(DataError, match="wants metric 'bleu'; known: "):
        plan(build(str(mini_preset)), replace(dataset, metric="bleu"))
    with pytest.raises(ConfigError, match=r"--device cuda:99: torch sees \d+ GPUs"):
        plan(build(str(mini_preset), device="cuda:99"), dataset)
    empty = mini_preset.parent / "empty"
    empty.mkdir()
    with pytest.raises(MethodError, match=r"config.json"):
        plan(build(str(mini_preset), [f"models.generator={empty}"]), dataset)


def test_adapters_of_a_model_that_takes_none_stop_the_plan(mini_preset: Path, dataset: Dataset) -> None:
    with pytest.raises(MethodError, match=r"models.lora is for pretrained models; generator 'tiny'"):
        plan(build(str(mini_preset), ["models.lora.r=3"]), dataset)
    with pytest.raises(MethodError, match=r"models.instance_encoder_lora .* instance_encoder 'tiny'"):
        plan(build(str(mini_preset), ["models.instance_encoder_lora.r=3"]), dataset)


def test_adapters_of_an_encoder_that_no_method_reads_change_no_cell(dataset: Dataset) -> None:
    config = build("smoke", methods="no_retrieval")
    other = config.model_copy(update={"models": Models(**dict(config.models) | {"instance_encoder_lora": Lora()})})
    assert [spec.cell_id for spec in plan(config, dataset)] == [spec.cell_id for spec in plan(other, dataset)]
