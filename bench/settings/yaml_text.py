"""YAML that a user or another machine wrote: plain values, or one line that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from bench.errors import ConfigError
from bench.names import visible
from bench.regular import MIB, read_regular

MOST_BYTES = MIB
MOST_NODES, DEEPEST = 100_000, 50  # aliases count as what they stand for
MOST_BITS = 64  # of a whole number


def read_yaml(text: str) -> object:
    """None, booleans, numbers, texts, lists, and mappings of texts. Raises ValueError of one line for anything else,
    and for a text that no file or model takes (a null character, half of a character)."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(node)
        value: object = loader.construct_document(node)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except Exception as error:  # PyYAML lets through what its constructors raise: ValueError, AttributeError, KeyError
        raise ValueError(visible(error, 200)) from error
    _check_plain(value)
    return value


def read_yaml_file(path: Path, what: str) -> Mapping[str, object]:
    """The mapping of a file. Raises ConfigError that starts with ``what``, FileNotFoundError where there is none."""
    try:
        content = read_yaml(read_regular(path, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"{what} cannot be read: {visible(why)}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{what}: expected keys and values, found {type(content).__name__}")
    return content


def _check_nodes(root: yaml.Node) -> None:
    """Before anything is made of them: a few aliases spell billions of values."""
    count, waiting = 0, [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES} values, aliases counted")
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if isinstance(node, yaml.MappingNode):
            waiting += [(part, depth + 1) for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(part, depth + 1) for part in node.value]


def _check_plain(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {visible(repr(key), 60)} is no text; put it in quotes")
            _check_plain(key)
            _check_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner)
    elif isinstance(value, str):
        if "\0" in value or not _encodable(value):
            what = "a null character" if "\0" in value else "half a character"
            raise ValueError(f"the text {visible(value, 60)!r} holds {what}")
    elif isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise ValueError(f"the number {visible(value, 30)} is too large")
    elif not (value is None or isinstance(value, float)):
        raise ValueError(f"{visible(repr(value), 60)} is a {type(value).__name__}; put it in quotes if it is a text")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
