"""Schema 1 -> schema 2: what a record of an earlier schema did not say, from what it does say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.scoring.metrics import undirected


def upgraded(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of schema 2. Raises ValueError for a schema that is none of ours."""
    version = raw.get("schema_version")
    if version != 1:
        if version != 2:
            raise ValueError(f"schema_version {version!r} is not 1 or 2")
        return dict(raw)
    # What neighbours share: schema 1 counted an entity in the same role alone; bench.figures.derive counts again.
    new = {key: value for key, value in raw.items() if key != "retrieval"}
    identity, metrics = raw.get("identity") or {}, raw.get("metrics") or {}
    documents = isinstance(identity, Mapping) and identity.get("metric") == "docred_f1"
    new |= {"schema_version": 2, "negative": _negative(metrics, documents)}
    if isinstance(identity, Mapping):  # only a variant named the method behind it
        new["identity"] = {**identity, "registered": identity.get("registered", raw.get("method"))}
    if isinstance(found := raw.get("test_sets"), Mapping) and len(found) > 1:  # the first one is the corpus's own
        new["prediction_files"] = ("test_sets",)
    if documents:
        new["n_unpaired"] = _unpaired(metrics, new["negative"])
    return new


def _negative(metrics: Mapping[str, Any], documents: bool) -> str | None:
    """The class that the recorded score leaves out: the relation that is no group of its own, or else the one without
    which micro-averaged counts give the score."""
    scores = metrics.get("per_relation") or {}
    if "per_group" in metrics:
        return next((name for name in scores if undirected(name) not in metrics["per_group"]), None)
    if metrics.get("primary") != "micro_f1":
        return None
    return next((name for name in scores if _without(scores, name, metrics, documents)), None)


def _without(scores: Mapping[str, Any], name: str, metrics: Mapping[str, Any], documents: bool) -> bool:
    """Whether precision and, but for documents, whose facts may lie elsewhere, recall are those of all relations but
    one."""
    rest = [score for other, score in scores.items() if other != name]
    correct = sum(map(_correct, rest))
    totals = {"precision": sum(score["predicted"] for score in rest)}
    totals |= {} if documents else {"recall": sum(score["support"] for score in rest)}
    return all(abs((correct / n if n else 0.0) - metrics[key]) < 1e-9 for key, n in totals.items())


def _correct(score: Mapping[str, Any]) -> int:
    return round(score["recall"] * score["support"])


def _unpaired(metrics: Mapping[str, Any], negative: str | None) -> int:
    """Gold facts that no instance stands for: recall = correct / (gold + unpaired)."""
    rest = [score for name, score in (metrics.get("per_relation") or {}).items() if name != negative]
    correct, recall = sum(map(_correct, rest)), metrics.get("recall") or 0
    return max(0, round(correct / recall) - sum(score["support"] for score in rest)) if recall else 0
