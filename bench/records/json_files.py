"""Records and manifests as they lie there: one JSON object each, of finite numbers and whole characters."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.names import visible
from bench.regular import MIB, read_regular

MOST_BYTES = 256 * MIB


def read_json(path: Path) -> dict[str, Any] | None:
    """The object of a file; None where there is no file. Raises StoreError for a broken one."""
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8")
        content = json.loads(text, parse_constant=_finite, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:  # half a character in a name could be written nowhere
            json.dumps(content, ensure_ascii=False).encode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # truncated, or not even text
        raise StoreError(f"{path} is broken ({visible(error, 200)}); delete it and run again") from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} is broken (expected an object); delete it and run again")
    return content


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
