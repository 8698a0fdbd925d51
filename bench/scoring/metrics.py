"""The official metrics. Another one is an entry of `METRICS`, and no other file."""

from __future__ import annotations

from collections.abc import Mapping

from bench.scoring.metric import Metric, More, Sums, score_counts
from methods.types import RelationSchema


def _one_group(schema: RelationSchema) -> dict[str, str]:
    return {name: "positive" for name in schema.names if name != schema.negative}


def _undirected(schema: RelationSchema) -> dict[str, str]:
    # Also of a direction that only the verbalisations have: its predictions stand below the precision of X.
    positive = [name for name in schema.names if name != schema.negative]
    groups = dict.fromkeys(map(undirected, positive))
    others = (name for name in schema.verbalisations if name not in schema.index and undirected(name) in groups)
    return {name: undirected(name) for name in (*positive, *others)}


def _each(schema: RelationSchema) -> dict[str, str]:
    return {name: name for name in schema.names}


def undirected(name: str) -> str:
    """`Cause-Effect(e2,e1)` -> `Cause-Effect`; a name without a direction is its own group."""
    for direction in ("(e1,e2)", "(e2,e1)"):
        if name.endswith(direction):
            return name.removesuffix(direction)
    return name


def _per_group(sums: Mapping[str, Sums], known: int) -> More:
    return {"per_group": {group: score_counts(*part) for group, part in sums.items()}}


def _ign(sums: Mapping[str, Sums], known: int) -> More:
    """With k the correct facts that are known: ign_precision = (correct - k) / (predicted - k + 1e-5), as the scorer,
    and its F1 with the ordinary recall. It depends on the annotations that are known."""
    ((correct, support, predicted),) = sums.values()
    precision, recall = (correct - known) / (predicted - known + 1e-5), correct / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"ign_precision": precision, "ign_f1": f1}


METRICS = {
    metric.name: metric
    for metric in (
        # Micro-F1 over all relations but the negative one, as TACRED's scorer.py (Zhang et al. 2017). Without any
        # positive prediction precision is 0 (the scorer prints 1); F1 is 0 either way.
        Metric("tacred_micro_f1", "micro_f1", _one_group),
        # Macro-F1 over undirected relations, direction counted, negative left out: SemEval-2010 Task 8's scorer v1.2.
        # For X: instances with the right directed label, over predictions of X in either direction, and over gold
        # ones. The mean is over the relations that occur in gold (all nine in the official test set).
        Metric("semeval_macro_f1", "macro_f1", _undirected, more=_per_group),
        # Plain macro-F1 over every relation that occurs in gold or predictions, the negative one included
        # (scikit-learn's default).
        Metric("macro_f1_accuracy", "macro_f1", _each, either=True),
        # F1 and Ign F1 over facts: DocRED's evaluation.py (Yao et al. 2019, https://github.com/thunlp/DocRED, arXiv
        # 1906.06127) without its evidence part, which Re-DocRED (Tan et al. 2022, arXiv 2205.12696) uses unchanged. An
        # instance is an ordered pair of entities of a document, so a fact (title, head, tail, relation) is a relation
        # of an instance; one named twice counts once.
        Metric("docred_f1", "micro_f1", _one_group, multi_label=True, more=_ign),
    )
}
