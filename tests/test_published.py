"""Nothing is called published that is not: a value of the paper's is the paper's value, the rest is our setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CALLED = re.compile(r"\b(as published(?! code)|published (setting|temperature|[kt]))\b")
TRUE_THERE = {"docs/published.md", "configs/presets/paper.yaml"}
# Single values, to be worded anew with these options.


def pages() -> Iterator[Path]:
    """What readers and users see: pages, settings, published results, and every source."""
    yield from ROOT.glob("*.md")
    for folder in ("docs", "configs", "results", "bench", "methods"):
        for suffix in (".md", ".yaml", ".py"):
            yield from (ROOT / folder).rglob(f"*{suffix}")


@pytest.mark.parametrize("text", ["t = 1 as published", "the\n  published setting", "the published t = 1",
                                  "At the published temperature"])  # fmt: skip
def test_the_wrong_words_are_seen(text: str) -> None:
    assert CALLED.search(" ".join(text.split()))


@pytest.mark.parametrize(
    "text", ["the published subsets", "written as published code writes it", "not the published method"]
)
def test_other_words_are_not(text: str) -> None:
    assert not CALLED.search(text)


def test_only_the_published_setting_is_called_so() -> None:
    named = {
        page.relative_to(ROOT).as_posix()
        for page in pages()
        if CALLED.search(" ".join(page.read_text(encoding="utf-8").split()))
    }
    assert not named - TRUE_THERE
