"""How metrics, ratios and untrusted texts are written for a reader."""

from __future__ import annotations

import re
import unicodedata

MISSING = "–"  # what has not been run, or does not exist
_METRIC_NAMES = {"micro_f1": "micro-F1", "macro_f1": "macro-F1"}
# Controls, formats (also those that turn the direction of text), halves of characters, separators of lines. Unassigned
# and private characters are text: what shows must not depend on the interpreter's tables.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -~\n]*")


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
    if _PLAIN.fullmatch(text):
        return text
    hidden = (c != "\n" and unicodedata.category(c) in _HIDDEN for c in text)
    return "".join(f"\\u{{{ord(c):x}}}" if hide else c for c, hide in zip(text, hidden, strict=True))
