"""A corpus without its leaks: what goes, what stays, and that nothing is left to go."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings

from bench.data import Dataset, load_dataset
from bench.data.leaks import drop_leaks
from bench.errors import DataError
from methods.types import RelationSchema
from tests.data.test_duplicates import BASE, instances, make

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCHEMA = RelationSchema(("r", "s", "none"), {"r": "is r", "s": "is s", "none": "is not"}, negative="none")


def corpus(train, dev, test, **card) -> Dataset:
    return Dataset("toy", SCHEMA, "tacred_micro_f1", tuple(train), tuple(dev), tuple(test), card)


@pytest.fixture
def leaking() -> Dataset:
    other = "Sue works for the bakery on the corner"
    return corpus(
        train=[
            make("t-exact", BASE.upper(), "ANN", "BOB"),
            make("t-near", "Yesterday " + BASE, "Ann", "Bob"),
            make("t-context", BASE, "Ann", "Rome"),
            make("t-dev", other, "Sue", "bakery"),
            make("t-own", "A sentence that stands nowhere else", "sentence", "else"),
        ],
        dev=[make("d-test", BASE, "Ann", "Bob"), make("d-own", other + " .", "Sue", "bakery")],
        test=[make("x", BASE, "Ann", "Bob")],
        remarks=["read from nowhere"],
    )


def test_what_goes_and_what_stays(leaking):
    assert leaking.warnings() == [
        "toy: read from nowhere",
        "toy: 2 dev instances repeat a train instance with its entity pair (see `bench data check` and --drop-leaks)",
        "toy: 1 test instance repeats a train instance with its entity pair (see `bench data check` and --drop-leaks)",
        "toy: 1 test instance repeats a dev instance with its entity pair (see `bench data check` and --drop-leaks)",
    ]
    clean = drop_leaks(leaking)
    assert [i.id for i in clean.train] == ["t-context", "t-own"]
    assert [i.id for i in clean.dev] == ["d-own"]
    assert clean.test == leaking.test
    assert clean.card["dropped_leaks"] == {"train": 3, "dev": 1}
    assert clean.warnings() == [
        "toy: read from nowhere",
        "toy: 3 train and 1 dev instances left out that repeat dev or test (--drop-leaks)",
    ]
    assert leaking.card["remarks"] == ["read from nowhere"]
    assert clean.content_hash != leaking.content_hash


def test_a_stricter_threshold_keeps_near_duplicates(leaking):
    assert [i.id for i in drop_leaks(leaking, 1.0).train] == ["t-near", "t-context", "t-own"]


@pytest.mark.parametrize("part", ["train", "dev"])
def test_nothing_left_is_an_error(part):
    same, other = make("a", BASE, "Ann", "Bob"), make("b", "one two three", "one", "two")
    parts = {"train": [other], "dev": [other], "test": [same]} | {part: [same]}
    if part == "train":
        parts["dev"] = []
    with pytest.raises(DataError, match=f"'toy': every {part} instance repeats"):
        drop_leaks(corpus(**parts))


@given(train=instances(), dev=instances(prefix="d"), test=instances(prefix="x"))
@relaxed
def test_no_leak_is_left_and_nothing_more_to_drop(train, dev, test):
    dataset = corpus(train, dev, test)
    try:
        clean = drop_leaks(dataset)
    except DataError:
        assume(False)
    assert not any(found.same_pair for part in clean.repeats.values() for found in part)
    assert clean.test == dataset.test
    assert set(clean.train) <= set(dataset.train)
    again = drop_leaks(clean)
    assert (again.train, again.dev, again.content_hash) == (clean.train, clean.dev, clean.content_hash)
    assert again.card["dropped_leaks"] == {"train": 0, "dev": 0}


def test_load_dataset_drops_on_demand():
    options = {"train": 60, "dev": 30, "test": 30, "paraphrases": 1, "distractors": 0}
    assert load_dataset("synthetic", None, options, drop_leaks=True).card["dropped_leaks"] == {"train": 0, "dev": 0}
    assert "dropped_leaks" not in load_dataset("synthetic", None, options).card
