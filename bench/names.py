"""How metrics, ratios and untrusted texts are written for a reader."""

from __future__ import annotations

import re

MISSING = "–"  # what has not been run, or does not exist
_METRIC_NAMES = {"micro_f1": "micro-F1", "macro_f1": "macro-F1"}
# Control, format, separator and blank characters of Unicode 16, written down: tables of an interpreter differ by its
# version, and what it does not know yet, or is of private use, is text.
HIDDEN = (
    "\x00-\x20\x7f-\xa0\xad\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
_UNSHOWN = re.compile(f"(?![ \n])[{HIDDEN}\ud800-\udfff]")  # also half of a surrogate pair


def metric_name(key: str) -> str:
    """'macro_f1' -> 'macro-F1'; a key that this module does not know stays as it is."""
    return _METRIC_NAMES.get(key, key or "F1")


def ratio_name(ratio: float) -> str:
    """0.005 -> '0.5%'."""
    return f"{100 * ratio:.6g}%"


def visible(text: object, width: int | None = None) -> str:
    """Untrusted text on one line, of at most ``width`` characters; what does not print is shown as its code point.
    An object that cannot say what it is, is named by its type."""
    try:
        said = str(text)
    except Exception:  # of a plugin: its __str__ may raise anything
        said = f"<{type(text).__name__}>"
    shown = visible_lines(" ".join(said.split()))
    return shown if width is None or len(shown) <= width else f"{shown[: width - 1]}…"


def visible_lines(text: str) -> str:
    """The same for what has several lines and columns: blanks and line breaks stay."""
    return _UNSHOWN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)
