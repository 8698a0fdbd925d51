"""A file that holds one mapping, in YAML or JSON by its extension, read strictly: a key given twice is a mistake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml  # type: ignore[import-untyped,unused-ignore]

from bench.data.corpora.rows import parse_json
from bench.errors import DataError

EXTENSIONS = (".yaml", ".yml", ".json")


class UniqueKeys(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        twice = [key for key, count in Counter(str(key.value) for key, _ in node.value).items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} is given twice", node.start_mark)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping


def read_mapping(path: Path, what: str) -> dict[object, object]:
    """The mapping of a file; ``what`` says what it should hold. A byte order mark is accepted.

    Raises DataError for another extension than EXTENSIONS, a file that cannot be read, one that is no YAML or JSON, a
    key given twice, and what is no mapping.
    """
    if path.suffix.lower() not in EXTENSIONS:
        raise DataError(f"{path}: the name of a {what} must end in {', '.join(EXTENSIONS)}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # bad UTF-8; a path with a null character
        raise DataError(f"{path}: cannot be read as UTF-8: {error}") from None
    content = parse_json(text, str(path)) if path.suffix.lower() == ".json" else _parse_yaml(text, path, what)
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a {what}, got {type(content).__name__}")
    return content


def _parse_yaml(text: str, path: Path, what: str) -> object:
    try:
        return yaml.load(text, Loader=UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # Beside its own errors PyYAML lets through those of its constructors: an impossible date, `!!int ''`.
        raise DataError(f"{path}: not a YAML {what}: {' '.join(str(error).split())}") from None
