"""What all drawings share: colours, markers, type sizes, and the bytes of a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from matplotlib import style
from matplotlib.figure import Figure

# Okabe and Ito's palette without its yellow (too pale on white), the first four far apart in lightness;
# marker, fill and dashes carry the distinction where there is no colour.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
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
    with style.context(["default", _STYLE]):  # type: ignore[list-item,unused-ignore]
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
    """A name as it stands: a dollar sign would start a formula."""
    return text.replace("$", r"\$")


def figure_bytes(figure: Figure, form: Literal["png", "pdf", "svg"]) -> bytes:
    """The file of a figure, the same bytes for the same figure: no date, no version of the software in it."""
    unwanted = {"png": ["Software"], "pdf": ["CreationDate", "Creator", "Producer"], "svg": ["Date", "Creator"]}
    buffer = io.BytesIO()
    with paper_style():
        figure.savefig(buffer, format=form, dpi=300, metadata=dict.fromkeys(unwanted[form]))
    return buffer.getvalue()
