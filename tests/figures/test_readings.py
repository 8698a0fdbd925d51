"""A claim's number by several definitions: hand-made records, and the published ones against an independent recount."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench.figures.contract import read_contracts
from bench.figures.page import write_page
from bench.records.run import Run
from bench.records.store import Store
from bench.scoring.neighbours import KINDS
from tests.conftest import ROOT
from tests.figures.made import cells, contract, record
from tests.shared import DATA, needs

CONTRACT = """
title: Shared
paper: {reports: nothing}
cells:
  - {preset: mini.yaml, methods: [mini], ratios: [0.1, 0.5], draws: [0, 1, 2], seeds: [0]}
values:
  - {path: shared.all.either, label: either (%), scale: 100}
figure: {kind: sharing, ratio: 0.5}
claims:
  - says: 70%
    whose: paper
    rule: at_least
    threshold: 0.7
    of: {series: mini, value: shared.all.either}
    readings:
      - {says: each, value: shared.all.either, chance: chance.either}
      - {says: any, value: in_text.any.either, chance: in_text.any_chance.either}
      - {says: random, value: in_text.any_chance.either}
"""
SEMEVAL = ROOT / "results" / "reference" / "semeval"


def neighbours(texts: bool = True) -> dict:
    """Of 20% each, by chance 10%; of 80% any, by chance 30%, where ``texts`` were looked into."""
    part = {"at_2": dict.fromkeys(KINDS, 0.2), "chance": dict.fromkeys(KINDS, 0.1)}
    in_text = {"n": 3, "any": {"either": 0.8}, "any_chance": {"either": 0.3}}
    return {"k": 2, "all": {"n": 3, **part}, "confusion": {"a": {"b": 3}}} | ({"in_text": in_text} if texts else {})


def records(*ratios: float, **more) -> list:
    return [record("mini", 0.5, ratio=ratio, draw=draw, neighbours=neighbours(**more))
            for ratio in ratios for draw in range(3)]  # fmt: skip


def page(*some) -> str:
    of = contract(CONTRACT)
    write_page(Path("out"), [(of, cells(of, *some))])
    return Path("out/figures.md").read_text(encoding="utf-8")


def test_each_definition_is_a_row_with_its_chance(mini_preset):
    made = page(*records(0.1, 0.5))
    assert "| either (%) | 10% | by chance | 50% | by chance |" in made
    level = {share: f"{share} [{share}, {share}]" for share in ("20.0", "10.0", "80.0", "30.0")}
    assert f"| each | {level['20.0']} | {level['10.0']} | {level['20.0']} | {level['10.0']} |" in made
    assert f"| any | {level['80.0']} | {level['30.0']} | {level['80.0']} | {level['30.0']} |" in made
    assert f"| random | {level['30.0']} | – | {level['30.0']} | – |" in made
    assert "\nk = 2.\n" in made


def test_the_claims_own_definition_decides(mini_preset):
    assert "**not supported**: 70%" in page(*records(0.1, 0.5))


def test_what_an_older_record_does_not_say_is_said_to_be_missing(mini_preset):
    made = page(*records(0.1, 0.5, texts=False))
    assert "| any | not derived | not derived | not derived | not derived |" in made
    assert "draw/seed 0/0, 1/0, 2/0: whether its neighbours' texts hold the query's entities is not derived" in made
    assert "**not supported**: 70%" in made


def test_a_ratio_without_records_has_no_column(mini_preset):
    assert "| either (%) | 50% | by chance |\n" in page(*records(0.5))
    assert "by chance" not in page()


def test_its_numbers_are_in_the_csv(mini_preset):
    page(*records(0.5))
    rows = list(csv.DictReader(Path("out/figure.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["in_text.any_chance.either"] for row in rows if row["ratio"] == "0.5"} == {"0.3"}


# Percent of what ETRAG's 5 nearest share on SemEval, lowest and highest of three draws, as noted from these records
# before this code was written. Whole percents; five random instances drawn once per query have an error of 0.9 points.
PARTS = {"shared": 0.6, "each": 0.6, "any": 0.6, "any_chance": 1.0}  # and how far off they may be
RECOMPUTED = {
    0.01: ((18, 20), (20, 22), (62, 68), (35, 36)),
    0.05: ((30, 32), (33, 35), (78, 81), (36, 36)),
    0.1: ((38, 40), (42, 43), (85, 87), (35, 36)),
}


@pytest.mark.parametrize("ratio", RECOMPUTED)
def test_the_published_records_give_the_recomputed_numbers(ratio):
    found = [r for r in Store(SEMEVAL).records() if (r.method, r.ratio) == ("etrag", ratio)]
    assert len(found) == 3
    for (name, error), (low, high) in zip(PARTS.items(), RECOMPUTED[ratio], strict=True):
        parts = [r.neighbours["all"]["at_5"] if name == "shared" else r.neighbours["in_text"][name] for r in found]
        shares = sorted(100 * part["either"] for part in parts)
        assert (shares[0], shares[-1]) == pytest.approx((low, high), abs=error), name


@needs(DATA / "semeval2010")
def test_the_published_records_counted_word_for_word():
    run = Run.open(SEMEVAL)
    dataset, why = run.corpus(DATA / "semeval2010")
    assert dataset is not None, why
    one = next(r for r in run.finished if (r.method, r.ratio, r.draw) == ("etrag", 0.01, 0))
    instances = {i.id: i for i in (*dataset.train, *dataset.test)}
    database = [instances[name] for name in one.subset_ids.train]
    each, chance = [], []
    for line in run.store.predictions(one.cell_id):
        query = instances[line["id"]]
        entities = (query.text(query.head), query.text(query.tail))

        def alike(other, query=query, entities=entities):
            return query.relation == other.relation or any(text in other.text() for text in entities)

        each.append(sum(alike(instances[name]) for name, _ in line["neighbours"]) / 5)
        chance.append(sum(map(alike, database)) / len(database))
    counted = one.neighbours["in_text"]
    assert counted["each"]["either"] == pytest.approx(sum(each) / len(each))
    assert counted["any"]["either"] == pytest.approx(sum(share > 0 for share in each) / len(each))
    assert counted["chance"]["either"] == pytest.approx(sum(chance) / len(chance))


def test_the_papers_claim_has_its_four_rows():
    (shared,) = read_contracts(["shared-with-query"])
    (claim,) = [claim for claim in shared.claims if claim.whose == "paper"]
    values = [reading.value for reading in claim.readings]
    assert values[:4] == ["shared.all.either", "in_text.each.either", "in_text.any.either", "in_text.any_chance.either"]
    assert [reading.chance for reading in claim.readings[:3]] == [
        "chance.either", "in_text.chance.either", "in_text.any_chance.either"
    ]  # fmt: skip
    assert claim.of.value == values[0]
