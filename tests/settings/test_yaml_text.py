"""YAML of users and of other machines: plain values or one line."""

from __future__ import annotations

import math
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import ConfigError
from bench.figures.contract import read_contracts
from bench.settings.config import build, read_preset
from bench.settings.variants import read_variant
from bench.settings.yaml_text import MOST_BYTES, read_yaml
from bench.tuning.space import read_space

BOMB = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
MERGES = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
)
STRANGE = {
    "no such day": "2020-13-45",
    "a day": "2020-12-24",
    "no number": "!!int abc",
    "no float": "!!float x",
    "no time": "!!timestamp x",
    "an unknown tag": "!!python/object/apply:os.system [ls]",
    "binary": "!!binary aGFsbG8=",
    "a set": "!!set {a, b}",
    "too many digits": "9" * 5000,
    "a large number": "9" * 40,
    "deep": "[" * 3000,
    "deep and closed": "[" * 200 + "]" * 200,
    "itself": "&a [*a]",
    "many": BOMB,
    "merged": MERGES,
    "a null character": '"a\\0b"',
    "half a character": '"\\ud800"',
    "no text as a key": "{1: 2}",
    "unclosed": "[1",
    "control": "\x01",
}


def complaint(text: str) -> str:
    try:
        read_yaml(text)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_what_is_no_plain_value_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,300}$"):
        read_yaml(text)


@given(st.text(st.characters(codec=None), max_size=40) | st.text(string.printable, max_size=40))
def test_any_text_is_a_value_or_one_line(text: str) -> None:
    assert "\n" not in complaint(text)
    complaint(text).encode()


@given(st.sampled_from(["!!int", "!!float", "!!bool", "!!timestamp", "!!binary", "!!set", "!!omap", "!!pairs", "!!x"]),
       st.text("0123456789abc:.-_~[]{}, ", max_size=12))  # fmt: skip
def test_any_tag_is_a_value_or_one_line(tag: str, text: str) -> None:
    assert "\n" not in complaint(f"{tag} {text}")


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_a_setting_says_which_one_it_is(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--set etrag.k: [^\n]{1,300}$"):
        build("smoke", [f"etrag.k={text}"])


@pytest.mark.parametrize("content", [*STRANGE.values(), "\xff", "x" * (MOST_BYTES + 1)], ids=[*STRANGE, "latin", "big"])
def test_every_file_says_which_one_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "etrag.yaml"
    path.write_text(content, encoding="latin-1")
    for read in (
        lambda: read_preset(str(path)),
        lambda: read_variant(tmp_path, "etrag"),
        lambda: read_contracts([str(path)]),
        lambda: read_space(path),
    ):
        with pytest.raises(ConfigError, match=r"^[^\n]{1,500}$") as caught:
            read()
        assert "etrag.yaml" in str(caught.value)


def test_what_is_no_regular_file_is_not_read() -> None:
    for read in (lambda: read_contracts(["/dev/zero.yaml"]), lambda: read_space(Path("/dev/zero"))):
        with pytest.raises(ConfigError, match="/dev/zero"):
            read()


@pytest.mark.parametrize("number", ["inf", ".inf", "-.inf", "nan", ".nan", "1e400"])
@pytest.mark.parametrize(
    "key",
    ["optimisation.clip_norm", "optimisation.learning_rate", "optimisation.groups.retriever.weight_decay",
     "models.dropout", "etrag.temperature", "dataset.size"],
)  # fmt: skip
def test_no_option_takes_what_is_no_finite_number(key: str, number: str, mini: Path) -> None:
    from bench.data import DataError, resolve_options
    from bench.settings.config import method_options

    def resolved() -> None:
        config = build("smoke", [f"{key}={number}"])
        method_options(config)
        resolve_options("mini", config.dataset.options)

    with pytest.raises((ConfigError, DataError), match=key.rpartition(".")[2]):
        resolved()


@pytest.mark.parametrize("entry", ["[1.0, .nan]", "[.inf]", "{low: 0.1, high: .inf}", "{low: .nan, high: 1.0}"])
def test_a_search_space_is_finite(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(f"temperature: {entry}", encoding="utf-8")
    with pytest.raises(ConfigError, match="temperature"):
        read_space(path)


def test_a_default_that_is_no_finite_number_is_a_mistake_of_the_plugin() -> None:
    from bench.settings.validation import validated
    from methods.settings import Settings

    class Odd(Settings):
        x: float = math.nan

    with pytest.raises(ConfigError, match=r"odd\.x: Input should be a finite number"):
        validated(Odd, {}, "odd.")


def test_plain_values_come_through() -> None:
    text = "{a: [1, 2.5, x, true, null], b: {c: &d [é, 中], e: *d}}"
    assert read_yaml(text) == {"a": [1, 2.5, "x", True, None], "b": {"c": ["é", "中"], "e": ["é", "中"]}}
    assert read_yaml("") is None
