"""`--set dataset.option=value`: the value is of the type that the loader declares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import resolve_options
from bench.data.base import Dataset
from bench.settings.config import build
from methods.settings import Settings


class Options(Settings):
    label: str | None = None
    plain: str = ""
    flag: bool = True
    share: float | None = 0.5
    number: int = 3
    kind: Literal["no", "some"] | None = "some"
    many: tuple[str, ...] = ()


def load(data_dir: Path | None, options: Options) -> Dataset:
    raise AssertionError("only its signature is read")


def resolved(*settings: str) -> Any:
    options = build("smoke", [f"dataset.{setting}" for setting in settings], dataset="semeval").dataset.options
    return resolve_options("typed", json.loads(json.dumps(options)), load)  # as a manifest keeps them


@pytest.mark.parametrize(
    "text",
    ["0", "no", "null", "007", "1e3", "2024-01-01", "1_000", "true", "~", "0x1F", ".5", "NaN", "Other", "per:title"],
)
def test_a_text_option_takes_text_as_it_was_typed(text):
    found = resolved(f"label={text}", f"plain={text}")
    assert (found.label, found.plain) == (text, text)


@given(st.text("01579.-+_eEnolyufxab[]{}*&#:!%@ ", max_size=7).map(str.strip).filter(bool))
def test_any_text_without_quotes_is_itself(text):
    assert resolved(f"label={text}").label == text


def test_quotes_are_no_part_of_a_text():
    assert resolved('label="0" ').label == "0"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("flag=true", True), ("flag=no", False), ("share=null", None), ("share=5e-1", 0.5), ("share=1", 1.0),
        ("number=7", 7), ("kind=no", "no"), ("kind=null", None), ("many=[a, b]", ("a", "b")), ("label=", None),
    ],
)  # fmt: skip
def test_other_options_take_what_yaml_reads(setting, value):
    assert getattr(resolved(setting), setting.partition("=")[0]) == value
