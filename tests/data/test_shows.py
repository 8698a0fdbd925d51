"""What can be seen does not depend on the interpreter."""

from __future__ import annotations

import json
import unicodedata

import pytest

from bench.data import load_dataset
from bench.data.corpora.rows import shows
from bench.names import visible
from tests.data.jsonl_rows import NATIVE, change

NEW = {"an emoji of Unicode 15": "\U0001fae8", "one of 16": "\U0001fae9", "private use": "\ue000",
       "unassigned": "\u0378", "far private use": "\U00100000"}  # fmt: skip


@pytest.mark.parametrize("name", NEW)
def test_new_and_private_characters_show(name):
    assert shows(NEW[name])


@pytest.mark.parametrize("name", NEW)
def test_they_are_printed_as_they_are(name):
    assert visible(f"a {NEW[name]}") == f"a {NEW[name]}"


@pytest.mark.parametrize("name", NEW)
def test_they_may_be_entities(tmp_path, name):
    for split in ("train", "dev", "test"):
        row = change(NATIVE, id=split, tokens=["A", NEW[name], "c", "d", "e"])
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row))
    assert load_dataset("jsonl", tmp_path, {}).train[0].tokens[1] == NEW[name]


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\x00", "\x1b", "\xa0\u3000", "\u200b\u200d", "\u202e", "\ufeff",
                                  "\u2800", "\u3164", "\xad", "\U000e0041", "\ufe0f"])  # fmt: skip
def test_controls_and_blanks_do_not_show(text):
    assert not shows(text)


@pytest.mark.parametrize(
    "character", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\x00"]
)
def test_controls_never_reach_a_terminal(character):
    assert visible(f"a{character}b") == f"a\\u{{{ord(character):x}}}b"


def test_every_control_and_separator_that_this_interpreter_knows_is_hidden():
    known = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) in ("Cc", "Zs", "Zl", "Zp")]
    assert [c for c in known if shows(c)] == []


def test_every_format_character_is_hidden_but_the_visible_ones():
    """Arabic number signs and the like enclose or stand above what follows."""
    known = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf" and shows(chr(n))]
    assert set(known) <= set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
