"""What all drawings share: colours, markers, type sizes, and the bytes of a file."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import matplotlib
from matplotlib import font_manager, style
from matplotlib.figure import Figure

from bench.names import visible

# Okabe and Ito's palette without its yellow (too pale on white), the first four far apart in lightness;
# marker, fill and dashes carry the distinction where there is no colour.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_FONT = "DejaVu Sans"
# For Chinese, Japanese and Korean, for Indic scripts, Arabic, Hebrew and Thai, for all else: taken where installed.
_SCRIPTS = (
    *(f"Noto Sans CJK {region}" for region in ("SC", "TC", "JP", "KR", "HK")),
    *("Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "IPAexGothic"),
    *("Hiragino Sans", "PingFang SC", "Microsoft YaHei", "SimHei", "Malgun Gothic", "NanumGothic"),
    *(f"Noto Sans {script}" for script in ("Devanagari", "Bengali", "Tamil", "Telugu", "Arabic", "Hebrew", "Thai")),
    *("Lohit Devanagari", "Noto Naskh Arabic", "Mangal", "FreeSans", "Arial Unicode MS", "Unifont"),
)
_SHAPES = tuple(map(int, matplotlib.__version__.split(".")[:2])) >= (3, 11)  # joins letters, writes from the right
_STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "pdf.fonttype": 42,  # TrueType: the text stays text, as publishers ask
    "svg.hashsalt": "bench",
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the user's own matplotlibrc says."""
    with style.context(["default", _STYLE | {"font.family": list(_fonts())}]):  # type: ignore[list-item,unused-ignore]
        yield


def look(place: int) -> dict[str, Any]:
    """Colour and marker of the method at this place. Every second marker is open: a third cue, which survives a bad
    photocopy."""
    colour = COLOURS[place % len(COLOURS)]
    face = colour if place % 2 == 0 else "white"
    return {"color": colour, "marker": MARKERS[place % len(MARKERS)], "markerfacecolor": face}


def dashes(place: int) -> Any:
    """Its line style."""
    return DASHES[place % len(DASHES)]


def plain(text: str) -> str:
    """A name as it stands: a dollar sign would start a formula, and what no font here has is shown as code points."""
    shown = "".join(c if drawable(c) else f"\\u{{{ord(c):x}}}" for c in visible(text))
    return shown.replace("$", r"\$")


def numbered(names: Sequence[str], width: int) -> list[str]:
    """Names for an axis, of at most ``width`` characters. One that no font here has is its number among them instead
    (`numbers`), which a `legend` explains."""
    found = numbers(names)
    return [found.get(name) or plain(visible(name, width)) for name in names]


def numbers(names: Sequence[str]) -> dict[str, str]:
    """The names that cannot be drawn, each with its number, counted from 1: {name: "(3)"}."""
    return {name: f"({place})" for place, name in enumerate(names, 1) if not drawable(visible(name))}


def legend(names: Sequence[str]) -> list[str]:
    """A sentence that says what the numbers of `numbered` stand for; none without such numbers."""
    listed = ", ".join(f"{number} {visible(name)}" for name, number in numbers(names).items())
    return [f"No font here has the characters of these names, numbered in the plot: {listed}"] if listed else []


def drawable(text: str) -> bool:
    """Whether the fonts of `paper_style` have every character, in an order that matplotlib can draw."""
    if not _SHAPES and any(unicodedata.bidirectional(c) in ("R", "AL") for c in text):
        return False
    return all(c.isascii() or any(ord(c) in _glyphs(font) for font in _fonts()) for c in text)


@cache
def _fonts() -> tuple[str, ...]:
    """DejaVu Sans, which comes with matplotlib, and those installed ones that have the scripts that it lacks."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return (_FONT, *(name for name in _SCRIPTS if name in installed))


@cache
def _glyphs(font: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont(font)).get_charmap())


def figure_bytes(figure: Figure, form: Literal["png", "pdf", "svg"]) -> bytes:
    """The file of a figure, the same bytes for the same figure: no date, no version of the software in it."""
    unwanted = {"png": ["Software"], "pdf": ["CreationDate", "Creator", "Producer"], "svg": ["Date", "Creator"]}
    buffer = io.BytesIO()
    with paper_style():
        figure.savefig(buffer, format=form, dpi=300, metadata=dict.fromkeys(unwanted[form]))
    return buffer.getvalue()
