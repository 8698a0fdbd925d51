from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.constraints import constrained, describe, read_constraints, seen_relations
from bench.errors import ConfigError, DataError
from bench.run.execute import execute
from bench.run.plan import plan, subsets
from bench.settings.config import build
from methods.types import Instance, RelationSchema, Span

SCHEMA = RelationSchema(
    ("none", "a", "b"), {"none": "no", "a": "is a", "b": "is b"}, "none", {("P", "O"): frozenset({"b"})}
)


def instance(relation: str, head: str, tail: str) -> Instance:
    return Instance(f"{relation}-{head}-{tail}", ("x", "y"), Span(0, 1), Span(1, 2), relation, head, tail)


TRAIN = [instance("a", "P", "O"), instance("none", "P", "O"), instance("none", "P", "P"), instance("b", "", "O")]
TEST = [instance("a", "P", "O"), instance("b", "P", "O"), instance("none", "O", "O"), instance("a", "P", "P")]


def test_learned_by_hand():
    assert seen_relations(TRAIN) == {("P", "O"): {"a", "none"}, ("P", "P"): {"none"}}
    learned = constrained(SCHEMA, "learned", TRAIN)
    assert learned.admitted(TEST).tolist() == [
        [True, True, False],  # P, O: a and none
        [True, True, False],
        [True, True, True],  # O, O is unseen
        [True, False, False],  # P, P: none alone
    ]
    assert describe(learned, TEST) == {"type_pairs": 2, "type_excluded_gold": 0.5}


def test_a_file_as_sure_has_it(tmp_path: Path) -> None:
    path = tmp_path / "types.json"
    path.write_text('{"P|O": ["a", "b"], "O|P": []}', encoding="utf-8")
    assert read_constraints(path, SCHEMA.names) == {("P", "O"): {"a", "b"}, ("O", "P"): frozenset()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"P": ["a"]}', r"'P' is no pair of types; expected HEAD_TYPE\|TAIL_TYPE"),
        ('{"P|O|Q": ["a"]}', "no pair of types"),
        ('{"P|O": "a"}', "'P|O' needs a list of relations, got str"),
        ('{"P|O": ["c"]}', "admits 'c', which is no relation of the corpus"),
        ('{"P|O": [["a"]]}', "is no relation"),
        ("[]", "expected a mapping of pairs of types to relations"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "types.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message.replace("P|O'", r"P\|O'")) as told:
        read_constraints(path, SCHEMA.names)
    assert str(told.value).startswith(str(path))


def test_given_and_none():
    assert constrained(SCHEMA, "given", TRAIN) is SCHEMA
    assert describe(SCHEMA, TEST) == {"type_pairs": 1, "type_excluded_gold": 0.25}
    free = constrained(SCHEMA, "none", TRAIN)
    assert free.admitted(TEST).all()
    assert describe(free, TEST) == {}
    assert describe(SCHEMA, []) == {}


typed = st.builds(instance, st.sampled_from(SCHEMA.names), st.sampled_from("POX"), st.sampled_from("POX"))


@given(train=st.lists(typed, max_size=20), test=st.lists(typed, min_size=1, max_size=20))
def test_training_labels_are_never_excluded(train: list[Instance], test: list[Instance]) -> None:
    learned = constrained(SCHEMA, "learned", train)
    if train:
        assert describe(learned, train)["type_excluded_gold"] == 0
    seen = {(i.head_type, i.tail_type, i.relation) for i in train}
    for i, row in zip(test, learned.admitted(test), strict=True):
        known_pair = any(pair[:2] == (i.head_type, i.tail_type) for pair in seen)
        expected = [
            not known_pair or (i.head_type, i.tail_type, name) in seen or name == "none" for name in SCHEMA.names
        ]
        assert row.tolist() == expected


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    """The miniature corpus with types: each relation has a tail type of its own, but for some test instances."""
    plain = load_dataset("mini", None, {})

    def with_types(part: tuple[Instance, ...]) -> tuple[Instance, ...]:
        return tuple(replace(i, head_type="PERSON", tail_type=i.relation.upper()) for i in part)

    odd = tuple(replace(i, tail_type="WORKS_FOR") if i.id == "test-0" else i for i in with_types(plain.test))
    return replace(plain, train=with_types(plain.train), dev=with_types(plain.dev), test=odd)


def test_a_cell_with_learned_constraints(mini_preset: Path, dataset: Dataset) -> None:
    config = build(str(mini_preset), ["type_constraints=learned"])
    spec = plan(config, dataset)[0]
    assert spec.identity["type_constraints"] == "learned"
    record, lines, _ = execute(spec, dataset)
    assert record.ok, record.error
    assert lines is not None
    by_id = {line["id"]: set(line["scores"]) for line in lines}
    assert dataset.test[0].relation == "born_in"
    assert by_id["test-0"] == {"works_for", "no_relation"}
    assert by_id["test-3"] == {"born_in", "no_relation"}
    assert record.diagnostics["type_pairs"] == 3
    assert record.diagnostics["type_excluded_gold"] == pytest.approx(1 / 30)
    assert len(subsets(dataset, spec.ratio, spec.draw)[0]) == record.n_train


def test_the_setting_is_part_of_a_cell_unless_it_is_the_default(mini_preset: Path, dataset: Dataset) -> None:
    given, none, learned = (
        plan(build(str(mini_preset), [f"type_constraints={mode}"]), dataset)[0] for mode in ("given", "none", "learned")
    )
    assert given.cell_id == plan(build(str(mini_preset)), dataset)[0].cell_id
    assert given.identity["type_constraints"] == "given"
    assert len({given.cell_id, none.cell_id, learned.cell_id}) == 3


def test_mistakes(mini_preset: Path, mini: Path) -> None:
    with pytest.raises(ConfigError, match="type_constraints: Input should be 'none', 'given' or 'learned', got 'seen'"):
        build(str(mini_preset), ["type_constraints=seen"])
    with pytest.raises(ConfigError, match="type_constraints: mini has no entity types to learn from"):
        plan(build(str(mini_preset), ["type_constraints=learned"]), load_dataset("mini", None, {}))
