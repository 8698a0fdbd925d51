"""What an id depends on, and what it does not."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import Field, create_model

from bench.records import identity as module
from bench.records.identity import SETTLED, cell_id, completed, differences, explain
from bench.settings.config import SECTIONS
from methods.registry import METHODS
from methods.settings import Budget, Models, Optimisation, Settings, all_but
from methods.versions import sources
from tests.records.factory import make_record


class Options(Settings):
    k: int = 5


class NoEncoder(Options):
    uses: ClassVar[tuple[str, ...]] = all_but("encoder", "instance_encoder")


def made(**changes: Any) -> dict[str, Any]:
    """A whole identity, as planning makes it."""
    sections = {name: model().model_dump(mode="json") for name, model in SECTIONS.items()}
    names = {"dataset": "toy", "method": "m", "ratio": 0.1, "draw": 0, "seed": 0}
    rest = {"type_constraints": "given", "probes": False, "test_sets": {}, "verbalisation": "phrase",
            "same_sentence": "none", "options": {"k": 5}, "method_version": "1"}  # fmt: skip
    return {**names, **rest, **sections, **changes}


def without(section: str, name: str) -> dict[str, Any]:
    """That of a record from before the setting was there."""
    return made(**{section: {key: value for key, value in made()[section].items() if key != name}})


def younger(model: type[Settings], **fields: Any) -> type[Settings]:
    return create_model(model.__name__, __base__=model, **fields)


@pytest.mark.parametrize("name", ["type_constraints", "probes", "test_sets", "verbalisation", "same_sentence"])
def test_a_setting_at_its_default_may_be_absent(name: str) -> None:
    absent = {key: value for key, value in made().items() if key != name}
    assert cell_id(absent, Options) == cell_id(made(), Options)


@pytest.mark.parametrize(
    "change",
    [
        {"type_constraints": "learned"},
        {"probes": True},
        {"test_sets": {"shifted": "hash"}},
        {"verbalisation": "template"},
        {"same_sentence": "exclude"},
        {"same_sentence": "allow"},
        {"options": {"k": 7}},
        {"budget": Budget(max_steps=7).model_dump()},
        {"optimisation": Optimisation(groups={"retriever": {"weight_decay": 0}}).model_dump(mode="json")},
        {"models": Models(encoder="tiny").model_dump()},
        {"models": Models(lora={}).model_dump(mode="json")},
        {"method_version": "2"},
        {"seed": 1},
    ],
)
def test_what_is_not_at_its_default_makes_another_id(change: dict[str, Any]) -> None:
    assert cell_id(made(**change), Options) != cell_id(made(), Options)


def test_a_younger_setting_leaves_ids_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    then = cell_id(made(), Options)
    monkeypatch.setattr(module, "SECTIONS", {**SECTIONS, "budget": younger(Budget, cooldown=(int, 11))})
    budget = made()["budget"]
    assert cell_id(made(budget={**budget, "cooldown": 11}), Options) == then
    assert cell_id(made(budget={**budget, "cooldown": 13}), Options) != then


def test_options_count_whole() -> None:
    """Their defaults may lie where no version looks: in the environment, in another distribution."""
    moved = younger(Options, k=(int, 9))
    assert cell_id(made(options={"k": 9}), moved) != cell_id(made(options={"k": 5}), Options)


def test_a_default_that_changes_changes_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that ran at the old default keep their ids, under which only they are found."""
    old = cell_id(made(), Options)
    monkeypatch.setattr(module, "SECTIONS", {**SECTIONS, "budget": younger(Budget, max_steps=(int, 501))})
    assert cell_id(made(budget={**made()["budget"], "max_steps": 501}), Options) != old
    assert cell_id(made(), Options) == old


@pytest.mark.parametrize("section", list(SECTIONS))
def test_every_setting_has_a_settled_meaning(section: str) -> None:
    """A new one: write down its default in SETTLED, where it stays for good. Never change an entry."""
    assert SETTLED[section].keys() >= SECTIONS[section].model_fields.keys()


@pytest.mark.parametrize("name", ["no_retrieval", "rag_text", "rag_bm25", "rag_random", "etrag"])
def test_a_changed_default_of_an_option_changes_the_version(name: str) -> None:
    assert METHODS.options(name).__module__ in sources(METHODS.targets()[name].partition(":")[0])


def test_models_that_a_method_does_not_use_are_no_part_of_its_id() -> None:
    other = made(models=Models(encoder="other").model_dump(), encoder={"hash": "other"})
    assert cell_id(other, NoEncoder) == cell_id(made(encoder={"hash": "one"}), NoEncoder)
    assert cell_id(other, Options) != cell_id(made(encoder={"hash": "one"}), Options)
    assert cell_id(made(models=Models(generator="tiny").model_dump()), NoEncoder) != cell_id(made(), NoEncoder)


def test_nested_values_are_compared_whole() -> None:
    class Nested(Settings):
        weights: dict[str, int] = Field({"a": 2, "b": 3})

    default = cell_id(made(options={"weights": {"a": 2, "b": 3}}), Nested)
    others = [cell_id(made(options={"weights": value}), Nested) for value in ({}, {"a": 2}, {"a": 2, "b": 5})]
    assert len({default, *others}) == 4


def test_differences_fill_in_what_an_old_record_does_not_say() -> None:
    assert differences(without("budget", "patience"), made()) == []
    now = made(budget=Budget(patience=3).model_dump())
    assert differences(without("budget", "patience"), now) == ["budget.patience: 0 -> 3"]
    assert differences(made(), made(probes=True)) == ["probes: False -> True"]


def test_differences_name_no_model_that_is_not_used() -> None:
    other = made(models=Models(encoder="other", dropout=0.3).model_dump())
    assert differences(other, made(), NoEncoder) == ["models.dropout: 0.3 -> 0.1"]
    assert len(differences(other, made(), Options)) == 2


def test_explain_shows_a_default_that_is_left_out_of_the_id() -> None:
    record = make_record(identity=made(options={"k": 7}), dataset="toy", method="m")
    assert explain("f" * 16, made(), [record], Options) == ["options.k: 7 -> 5"]


def test_a_whole_identity_holds_what_is_used() -> None:
    whole = completed({"dataset": "toy", "models": {"generator": "tiny"}, "encoder": {"hash": "x"}}, NoEncoder)
    assert whole["models"].keys() == set(NoEncoder.uses)
    assert whole["models"]["generator"] == "tiny"
    assert "encoder" not in whole
    assert whole["options"] == {"k": 5}
    assert whole["budget"] == Budget().model_dump()
