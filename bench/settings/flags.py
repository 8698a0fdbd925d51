"""Values as a user types them on the command line: lists, numbers, ranges, settings."""

from __future__ import annotations

import re

from bench.errors import ConfigError
from bench.names import visible
from bench.settings.yaml_text import read_yaml

_SCIENTIFIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_WHOLE = re.compile(r"\d{1,9}")
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
MOST_VALUES = 10_000


def whole_numbers(text: str, flag: str) -> list[int]:
    """'0,1,5' or '0-4' or both -> the numbers. Raises ConfigError."""
    numbers: list[int] = []
    for part in texts(text, flag):
        span = _RANGE.fullmatch(part)
        if span is not None:
            first, last = int(span[1]), int(span[2])
            if not first <= last < first + MOST_VALUES:
                raise ConfigError(f"{flag}: {part!r} is no range of 1 to {MOST_VALUES} numbers, such as 0-4")
            numbers.extend(range(first, last + 1))
        elif _WHOLE.fullmatch(part):
            numbers.append(int(part))
        else:
            raise ConfigError(f"{flag}: {part!r} is no whole number from 0; use a list (0,1,2) or a range (0-2)")
    return numbers


def texts(text: str, flag: str) -> list[str]:
    """'a,b' -> its parts. Raises ConfigError for an empty one."""
    if all(parts := [part.strip() for part in text.split(",")]):
        return parts
    raise ConfigError(f"{flag}: empty value in {text!r}; use a list separated by commas")


def numbers(text: str, flag: str) -> list[float]:
    """'0.01,1' -> the numbers. Raises ConfigError."""
    return [_number(part, flag) for part in texts(text, flag)]


def _number(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{flag}: {text!r} is not a number") from None


def parsed(key: str, text: str) -> object:
    """The value of a `--set key=value`, as YAML reads it. Raises ConfigError."""
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise ConfigError(f"--set {key}: {visible(text, 60)!r} cannot be read as a value: {error}") from error
    # YAML 1.1 reads 5e-4 as text, for want of a point.
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


def one_line(text: object) -> str:
    """Any message without its line breaks; nothing that a terminal would take for a command."""
    return visible(text)
