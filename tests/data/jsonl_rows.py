"""Lines in the forms that the format `jsonl` knows."""

from __future__ import annotations

from typing import Any

NATIVE = {
    "id": "7",
    "tokens": ["A", "dog", "ate", "the", "soup", "."],
    "head": [1, 2],
    "tail": [4, 5],
    "relation": "ate",
    "head_type": "ANIMAL",
}
TOKENS = {
    "token": ["A", "dog", "ate", "the", "soup", "."],
    "h": {"name": "Dog", "id": "Q1", "pos": [1, 2]},
    "t": {"name": "the soup", "pos": [3, 5]},
    "relation": "ate",
    "source": "ignored",
}
TEXT = {
    "text": "A dog's soup.",
    "h": {"name": "dog", "pos": [2, 5]},
    "t": {"name": "soup", "pos": [8, 12], "type": "FOOD"},
    "relation": "ate",
}


def change(row: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {key: value for key, value in {**row, **changes}.items() if value != "absent"}
