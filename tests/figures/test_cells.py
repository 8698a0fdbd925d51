"""Which record answers which wish, and the numbers of a cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import ConfigError, StoreError
from bench.figures import cells as module
from bench.figures.contract import CONTRACTS, contract_names, read_contracts
from bench.figures.numbers import numbers, summary
from bench.records.store import Store
from tests.figures.made import CONTRACT, cells, contract, record, write
from tests.records.factory import changed

ONE = CONTRACT.replace("[0.1, 0.5], draws: [0, 1, 2]", "[0.5], draws: [0]").replace("methods: [mini, mini_plain]",
    "methods: [mini]")  # fmt: skip


def found(*records, text=ONE):
    (cell,) = cells(contract(text), *records)
    return cell


def test_the_newest_of_several_whatever_its_id(mini_preset):
    times = ("2026-01-03", "2026-01-05", "2026-01-04")
    records = [record("mini", f1, created=time) for f1, time in zip((0.3, 0.5, 0.7), times, strict=True)]
    assert found(*records).record.metrics["f1"] == 0.5
    assert found(*reversed(records)).record.metrics["f1"] == 0.5
    alike = [record("mini", f1, identity={"method_version": f"{f1}"}) for f1 in (0.3, 0.5)]
    assert found(*alike).record.cell_id == max(one.cell_id for one in alike)


@pytest.mark.parametrize(
    "other",
    [
        {"ratio": 0.1},
        {"draw": 1},
        {"seed": 1},
        {"dataset": "other"},
        {"settings": ("mini.k=3",)},
        {"settings": ("budget.max_steps=7",)},
        {"settings": ("models.dropout=0.3",)},
        {"settings": ("scoring.rule=likelihood",)},
        {"settings": ("optimisation.warmup=0.3",)},
        {"identity": {"type_constraints": "learned"}},
        {"identity": {"verbalisation": "template"}},
        {"identity": {"options": {"k": 3}}},
    ],
)
def test_a_record_of_another_cell_is_no_answer(mini_preset, other):
    assert found(record("mini", 0.5, **other)).missing == "no record"


@pytest.mark.parametrize(
    "same",
    [
        {"identity": {"options": {"k": 2}}},  # an option younger than the record had its default
        {"identity": {"options": {"k": 2, "smoothing": 0.5, "gone": 3}}},
        {"settings": ("budget.evaluate_every=7",)},  # dev decides nothing here
        {"identity": {"method_version": "2", "dataset_hash": "another"}},
    ],
)
def test_a_record_that_differs_in_nothing_that_was_asked_is_one(mini_preset, same):
    assert found(record("mini", 0.5, **same)).record is not None


def test_evaluations_matter_where_they_may_stop_training(mini_preset):
    mini_preset.write_text(mini_preset.read_text() + "budget: {patience: 2, evaluate_every: 5}\n")
    assert found(record("mini", 0.5)).record is not None
    assert found(record("mini", 0.5, settings=("budget.evaluate_every=7",))).record is None


def test_a_failed_cell_is_missing_unless_it_was_run_again(mini_preset):
    failed = record("mini", 0.0, status="failed", error={"type": "E", "message": "no\nroom"}, created="2026-02-01")
    assert found(failed).missing == "failed: no\nroom"
    assert found(failed, record("mini", 0.5)).record is not None


def test_only_the_varied_method_varies_and_a_default_is_the_plain_cell(mini_preset):
    text = CONTRACT.replace("seeds: [0]}", "seeds: [0], vary: {option: mini.k, values: [2, 3]}}")
    of = contract(text)
    wishes = module.wanted(of)
    assert list(dict.fromkeys(wish.series for wish in wishes)) == ["mini k=2", "mini k=3", "mini_plain"]
    assert len(wishes) == 3 * 6
    records = [record("mini", 0.2), record("mini", 0.3, settings=("mini.k=3",))]
    done = [cell for cell in cells(of, *records) if cell.record]
    assert [(cell.wanted.series, cell.record.metrics["f1"]) for cell in done] == [
        ("mini k=2", 0.2),
        ("mini k=3", 0.3),
    ]
    plain = {wish.key for wish in module.wanted(contract())}
    assert {wish.key for wish in wishes if wish.series == "mini k=2"} < plain


def test_a_tuned_method_is_answered_by_records_of_its_settings(mini_preset, tmp_path):
    folder = tmp_path / "tuned"
    folder.mkdir()
    (folder / "mini.yaml").write_text("method: mini\noptions: {k: 3}\noptimisation: {learning_rate: 0.003}\n")
    grid = f"seeds: [0]}}\n  - {{preset: mini.yaml, tuned: {folder}, methods: [mini_tuned], ratios: [0.5], "
    of = contract(CONTRACT.replace("seeds: [0]}", grid + "draws: [0], seeds: [0]}"))
    tuned = {"identity": {"options": {"k": 3}, "optimisation": {"learning_rate": 0.003}}}
    records = [record("mini", 0.3), changed(record("mini", 0.4, **tuned), method="mini_tuned")]
    done = {cell.wanted.series: cell.record.metrics["f1"] for cell in cells(of, *records) if cell.record}
    assert done == {"mini": 0.3, "mini_tuned": 0.4}
    plain = changed(record("mini", 0.5, identity={"options": {"k": 3}}), method="mini_tuned")
    assert [cell.missing for cell in cells(of, plain) if cell.wanted.method == "mini_tuned"] == ["no record"]


def test_two_folders_of_tuned_settings_cannot_share_a_name(mini_preset):
    grids = "".join(
        f"  - {{preset: mini.yaml, tuned: {folder}, methods: [mini_tuned], ratios: [0.5], draws: [0], seeds: [0]}}\n"
        for folder in ("here", "there")
    )
    with pytest.raises(ConfigError, match="two folders of tuned settings"):
        contract(CONTRACT.replace("values:\n", grids + "values:\n"))


def test_a_tuned_method_without_its_folder_is_refused(mini_preset):
    with pytest.raises(ConfigError, match="needs --tuned"):
        module.wanted(contract(CONTRACT.replace("[mini, mini_plain]", "[mini, mini_tuned]")))


def test_numbers(mini_preset):
    cell = found(record("mini", 0.5, diagnostics={"effective_instances": 4.6, "note": None}))
    assert numbers(cell) == pytest.approx({
        "metrics.f1": 0.5, "cost.total_seconds": 7, "cost.train_seconds": 5, "cost.steps": 60,
        "diagnostics.effective_instances": 4.6, "selected_share": 0.2,
    })  # fmt: skip
    assert numbers(found()) == {}


def test_a_limited_database_is_what_is_spread_over(mini_preset):
    cell = found(record("mini", 0.5, diagnostics={"effective_instances": 4.5, "searched_instances": 5}))
    assert numbers(cell)["selected_share"] == pytest.approx(0.9)


def test_what_neighbours_share_by_path(mini_preset):
    shares = {name: dict.fromkeys(("relation", "either"), share) for name, share in (("at_1", 0.5), ("at_2", 0.25))}
    quality = {"k": 2, "all": {"n": 7, **shares, "weighted": {"relation": 1}, "chance": {"relation": 0.125}}}
    found_numbers = numbers(found(record("mini", 0.5, neighbours=quality)))
    assert {path: value for path, value in found_numbers.items() if path.startswith(("shared.", "chance."))} == {
        "shared.1.relation": 0.5, "shared.1.either": 0.5, "shared.all.relation": 0.25, "shared.all.either": 0.25,
        "chance.relation": 0.125,
    }  # fmt: skip


@pytest.mark.parametrize("share", [1.5, -0.1])
def test_a_number_that_cannot_be_is_one_line(mini_preset, share):
    with pytest.raises(StoreError, match=r"diagnostics\.same_relation cannot be"):
        numbers(found(record("mini", 0.5).model_copy(update={"diagnostics": {"same_relation": share}})))


def test_intervals_are_over_draws_and_end_where_the_number_does():
    # Draws 0.25 (two seeds) and 0.75: mean 0.5, half width 12.7062 x 0.25.
    found = summary([(0, 0.2), (0, 0.3), (1, 0.75)], "metrics.f1")
    assert (found.mean, found.low, found.high) == (0.5, 0, 1)
    open_ended = summary([(0, 0.25), (1, 0.75)], "cost.train_seconds")
    assert (open_ended.low, open_ended.high) == pytest.approx((0, 3.676551), abs=1e-5)
    assert summary([(0, 0.25), (1, 0.75)], "diagnostics.score").low == pytest.approx(-2.676551, abs=1e-5)
    assert summary([], "metrics.f1") is None


def test_runs_of_a_folder_and_the_folder_as_a_run(mini_preset):
    write(record("mini", 0.5), run="records/b")
    write(record("mini", 0.5), run="records/a")
    Path("records/empty").mkdir()
    assert [store.out.name for store in module.stores(Path("records"))] == ["a", "b"]
    assert [store.out.name for store in module.stores(Path("records/a"))] == ["a"]
    with pytest.raises(ConfigError, match="nowhere is no directory"):
        module.stores(Path("nowhere"))


def test_a_record_without_its_parts_is_left_out_and_noted(mini_preset):
    one, other = record("mini", 0.5), record("mini", 0.4, draw=1)
    path = write(one, other).record_path(one.cell_id)
    path.write_text(json.dumps(one.model_dump(mode="json") | {"identity": None}))
    store = Store(Path("records/run"))
    assert [left.cell_id for _, left in module.read_records([store])] == [other.cell_id]
    assert "is no record of a cell (identity: " in store.broken[one.cell_id]


def test_a_record_that_does_not_follow_from_its_predictions_answers_nothing(mini_preset):
    older, newer = record("mini", 0.5), record("mini", 0.9, n_test=3, created="2026-02-02T00:00:00+00:00")
    of = contract()
    answering = [cell.record for cell in cells(of, older, newer) if cell.record]
    assert [one.cell_id for one in answering] == [older.cell_id]
    (missing,) = {cell.missing for cell in cells(of, newer) if "no record" not in cell.missing}
    assert "0 predictions for 3 test instances" in missing


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: A figure", "title: A figure\ntitel: A figure", "titel: Extra"),
        ("[0.1, 0.5]", "[0.5, 1.0]", "ratio 1 has but one draw"),
        ("path: metrics.f1", "path: metrics.recall", "metrics.f1 is not among the values"),
        ("seeds: [0]}", "seeds: [0], vary: {option: etrag.k, values: [2]}}", "etrag is not among the methods"),
        ("rule: greater", "rule: nicest", "nicest"),
        ("kind: by_ratio", "kind: pie", "pie"),
        ("title: A figure", "name: ../up", "name"),
        ("title: A figure", "title: [", "cannot be read"),
    ],
)
def test_a_mistake_in_a_contract_is_one_line(mini_preset, old, new, message):
    with pytest.raises(ConfigError, match=message) as caught:
        contract(CONTRACT.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def test_contracts_by_name():
    with pytest.raises(ConfigError, match="unknown figure 'pie'"):
        read_contracts(["pie"])
    with pytest.raises(ConfigError, match="more than once"):
        read_contracts(["overhead", "overhead"])
    with pytest.raises(ConfigError, match="cannot be read"):
        read_contracts(["nowhere.yaml"])


@pytest.mark.parametrize("name", contract_names())
def test_every_contract_of_the_project_wants_possible_cells_and_claims_about_them(name):
    (one,) = read_contracts([name])
    assert (CONTRACTS / f"{name}.yaml").stem == one.name
    wishes = module.wanted(one)
    series = {wish.series for wish in wishes}
    assert {term.series for claim in one.claims for term in claim.terms} <= series
    tuned = any(grid.tuned for grid in one.cells)  # for one corpus
    assert {wish.dataset for wish in wishes} >= ({"semeval"} if tuned else {"semeval", "tacred"})
    for claim in one.claims:
        draws = {wish.draw for wish in wishes if wish.ratio < 1}
        assert len(draws) >= claim.min_draws  # the claim can be decided once the cells are there
