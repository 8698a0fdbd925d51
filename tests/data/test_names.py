"""Names of entities against the words at their positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.corpora.names import Names, letters
from bench.data.quality import inspect
from bench.errors import DataError

TEXT = "\U0001f600 Ada was born in Rome . {n}"


def row(n: int, shift: int) -> dict[str, Any]:
    """``shift``: how far the positions of a text that begins with an emoji are off."""
    text = TEXT.format(n=n)
    places = {"h": ("Ada", 2), "t": ("Rome", 18)}
    entities = {key: {"name": name, "pos": [at + shift, at + shift + len(name)]} for key, (name, at) in places.items()}
    return {"text": text, "relation": "born_in", **entities}


def folder(path: Path, wrong: int, right: int, shift: int = 1) -> Path:
    rows = [row(n, shift if n < wrong else 0) for n in range(wrong + right)]
    (path / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    for name in ("dev", "test"):
        (path / f"{name}.jsonl").write_text(json.dumps({**row(99, 0), "h": {"pos": [2, 5]}, "t": {"pos": [18, 22]}}))
    return path


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset("jsonl", path, options)
    return str(caught.value)


def test_a_corpus_of_misplaced_names_is_refused(tmp_path):
    said = refusal(folder(tmp_path, wrong=7, right=3))
    assert said.startswith("7 of 10 instances have an entity whose name is not the words at its position")


def test_the_refusal_names_ids_and_both_strings(tmp_path):
    assert "(train-1: name 'Ada' against 'da '; train-2: name 'Ada' against 'da '; " in refusal(folder(tmp_path, 7, 3))


def test_the_refusal_names_the_possible_causes(tmp_path):
    said = refusal(folder(tmp_path, 7, 3))
    assert "inclusive=true" in said
    assert "not in UTF-16 units (JavaScript, Java) or bytes?" in said


@pytest.mark.parametrize(("shift", "unit"), [(1, "UTF-16 units"), (3, "UTF-8 bytes")])
def test_the_refusal_says_in_which_unit_the_names_would_fit(tmp_path, shift, unit):
    assert f"Read as {unit}, 7 of them fit." in refusal(folder(tmp_path, 7, 3, shift))


@pytest.mark.parametrize(("wrong", "right"), [(4, 0), (5, 5), (5, 9)])
def test_a_few_are_loaded(tmp_path, wrong, right):
    assert len(load_dataset("jsonl", folder(tmp_path, wrong, right), {}).train) == wrong + right


def test_names_need_not_be_quotations(tmp_path):
    assert len(load_dataset("jsonl", folder(tmp_path, 7, 3), {"check_names": False}).train) == 10


def test_the_card_has_a_finding_with_examples(tmp_path):
    dataset = load_dataset("jsonl", folder(tmp_path, wrong=2, right=3), {})
    (found,) = [f for f in inspect(dataset, (1.0,), 64).findings if f.kind == "misplaced_names"]
    assert (found.severity, found.count, found.total) == ("warning", 2, 5)
    assert [(e.ids, e.text) for e in found.examples] == [
        (("train-1",), "name 'Ada' against 'da'"), (("train-2",), "name 'Ada' against 'da'")
    ]  # fmt: skip


def test_what_is_stored_with_a_run_holds_no_text_of_the_corpus(tmp_path):
    dataset = load_dataset("jsonl", folder(tmp_path, wrong=2, right=3), {})
    assert dataset.card["misplaced_names"] == {"instances": 2, "of": 5}


def test_right_names_are_no_finding(tmp_path):
    dataset = load_dataset("jsonl", folder(tmp_path, wrong=0, right=5), {})
    assert "misplaced_names" not in dataset.card


@pytest.mark.parametrize(
    ("name", "words"),
    [("barack_obama", "Barack Obama"), ("N.Y.", "n y"), ("\ufb01sh", "fish"), ("IL-2", "IL - 2"), ("+", "+")],
)
def test_names_are_compared_without_spelling(name, words):
    assert letters(name) == letters(words)


@pytest.mark.parametrize(("name", "words"), [("Rome", "ome"), ("IL-2", "IL-6"), ("+", "-"), ("a", "")])
def test_other_names_differ(name, words):
    assert letters(name) != letters(words)


@given(st.text(min_size=1, max_size=8), st.integers(0, 3), st.text(max_size=3))
def test_a_quotation_is_never_wrong(name, before, after):
    found, text = Names(), "x" * before + name + after
    found.compare(
        "i", [name, ""], [text[before : before + len(name)], "y"], text, [(before, before + len(name)), (0, 1)]
    )
    assert found.wrong == 0
