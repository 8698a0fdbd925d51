"""Miniature documents in DocRED's format, made by hand, for several tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def mention(name: str, sentence: int, start: int, end: int, kind: str = "PER") -> dict[str, Any]:
    return {"name": name, "sent_id": sentence, "pos": [start, end], "type": kind}


def ada() -> dict[str, Any]:
    """Three entities. Ada stands twice in sentence 0 and once in 1; "London" lies within "University of London"."""
    return {
        "title": "Ada – “Byron’s” child",
        "sents": [
            ["Ada", "(", "Countess", ")", ",", "née", "Ada", "Byron", ",", "left", "London", "."],
            ["She", "liked", "the", "University", "of", "London", ";", "Ada", "died", "in", "it", "."],
        ],
        "vertexSet": [
            [mention("Ada", 1, 7, 8), mention("Ada", 0, 0, 1), mention("Ada Byron", 0, 6, 8)],
            [mention("London", 0, 10, 11, "LOC"), mention("London", 1, 5, 6, "LOC")],
            [mention("University of London", 1, 3, 6, "ORG")],
        ],
        "labels": [
            {"h": 0, "t": 1, "r": "P551", "evidence": [0]},
            {"h": 0, "t": 1, "r": "P20", "evidence": []},
            {"h": 2, "t": 1, "r": "P131"},
        ],
    }


def zoe() -> dict[str, Any]:
    return {
        "title": "Zoë",
        "sents": [["Zoë", "met", "Ada", "in", "倫敦", "."]],
        "vertexSet": [
            [mention("Zoë", 0, 0, 1)],
            [mention("Ada", 0, 2, 3)],
            [mention("London", 0, 4, 5, "LOC")],  # an annotated name need not be the token
        ],
        "labels": [{"h": 1, "t": 2, "r": "P20"}, {"h": 1, "t": 2, "r": "P19"}],
    }


def write(path: Path, documents: Sequence[Any]) -> Path:
    path.write_text(json.dumps(documents, ensure_ascii=False), encoding="utf-8")
    return path
