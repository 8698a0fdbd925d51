"""A dry run names the cells whose subset is too small for k."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.groups import grouped
from bench.run.plan import plan, too_few
from bench.settings.config import build


def reason(preset: object, dataset: Dataset, k: int, method: str = "mini") -> str:
    settings = [f"mini.k={k}"] if method == "mini" else []
    (spec,) = plan(build(str(preset), settings, methods=method, ratios="1", draws="0"), dataset)
    return too_few(spec, dataset)


@pytest.fixture
def five(mini: object) -> Dataset:
    found = load_dataset("mini", None, {})
    return replace(found, train=tuple(replace(i, tokens=(*i.tokens, i.id)) for i in found.train[:5]))


def test_k_and_itself_must_fit(mini_preset, five):
    assert reason(mini_preset, five, k=4) == ""


def test_one_less_is_named(mini_preset, five):
    assert reason(mini_preset, five, k=5) == "5 training instances, but k = 5 needs 6: the cell may fail"


def test_those_of_one_sentence_do_not_count(mini_preset, five):
    shared = grouped(
        replace(five, train=tuple(replace(i, tokens=five.train[0].tokens) for i in five.train[:2]) + five.train[2:])
    )
    said = reason(mini_preset, shared, k=4)
    assert said.startswith("5 training instances, 2 of them of one sentence or document, but k = 4 needs 6")


def test_a_method_without_k_is_never_named(mini_preset, five):
    assert reason(mini_preset, five, k=9, method="mini_plain") == ""


def test_the_dry_run_says_so(bench, mini_preset, capsys):
    assert bench("run", "--preset", str(mini_preset), "--dry-run", "--set", "mini.k=9999", "--methods", "mini") == 0
    assert "but k = 9999 needs 1000" in capsys.readouterr().out
