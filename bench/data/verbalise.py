"""Verbalisations of relations, one YAML file per corpus: configs/verbalisations/NAME.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml  # type: ignore[import-untyped,unused-ignore]

from bench.data.base import DataError

_PACKAGE = Path(__file__).resolve().parents[1]
# A checkout and an editable install have configs/ beside bench/; a wheel may carry it beside or inside bench/.
_PLACES = (_PACKAGE.parent / "configs", _PACKAGE / "configs")


class _UniqueKeys(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys without a word; a relation given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping


def load_verbalisations(name: str, relations: Sequence[str]) -> dict[str, str]:
    """The texts of ``relations``, in their order, from configs/verbalisations/``name``.yaml ({relation: text}).

    The file may hold more relations than asked for. Raises DataError for a missing file, malformed YAML, a
    relation without a text and a text that is not a string (YAML reads a bare `no` as a boolean).
    """
    path = next((p for place in _PLACES if (p := place / "verbalisations" / f"{name}.yaml").is_file()), None)
    if path is None:
        places = " or ".join(str(place / "verbalisations") for place in _PLACES)
        raise DataError(f"verbalisations {name}.yaml not found in {places}: is the installation complete?")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a YAML mapping of relation to text: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a mapping of relation to text, got {type(content).__name__}")
    texts: dict[str, str] = {}
    for relation in relations:
        text = content.get(relation)
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{path}: relation {relation!r} needs a text (a quoted string), got {text!r}")
        texts[relation] = text
    return texts
