"""Which instances are wrong, in which way, and which turned between two predictions. Pure functions on the lines of
`Store.predictions`: {"id", "gold", "predicted", "scores", "neighbours"}; labels are names, or lists of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.scoring.metric import Labels
from methods.types import Instance

Line = Mapping[str, Any]
Kind = Literal["right", "false positive", "false negative", "wrong relation"]
KINDS: tuple[Kind, ...] = ("right", "false positive", "false negative", "wrong relation")
_LENGTHS = (10, 20, 40, 80)  # words at most, per bin


def names(label: str | Iterable[str]) -> frozenset[str]:
    """The relations of a label."""
    return frozenset((label,)) if isinstance(label, str) else frozenset(label)


def label_text(label: str | Sequence[str]) -> str:
    """A label in print; several relations joined by a plus."""
    return label if isinstance(label, str) else " + ".join(label)


def right(line: Line) -> bool:
    """Whether exactly the gold relations were predicted."""
    return names(line["gold"]) == names(line["predicted"])


def kind(line: Line, negative: str | None) -> Kind:
    """How a line is right or wrong. A `false positive` is a negative instance with a relation, a `false negative` the
    reverse, a `wrong relation` is any other."""
    if right(line):
        return "right"
    if negative is not None and names(line["gold"]) == {negative}:
        return "false positive"
    if negative is not None and names(line["predicted"]) == {negative}:
        return "false negative"
    return "wrong relation"


def error_pairs(lines: Iterable[Line], negative: str | None) -> list[tuple[Kind, str, str, int]]:
    """(kind, gold, predicted, count) of the wrong lines, most frequent first, then by name."""
    counts = Counter(
        (kind(line, negative), label_text(line["gold"]), label_text(line["predicted"]))
        for line in lines
        if not right(line)
    )
    return [(*pair, count) for pair, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


@dataclass(frozen=True)
class Agreement:
    """Of ``n`` lines, the mean share of neighbours that have a relation of the gold label, and of the predicted one."""

    n: int
    gold: float
    predicted: float


def neighbour_agreement(
    lines: Iterable[Line], relations: Mapping[str, Iterable[str]], negative: str | None
) -> dict[Kind, Agreement]:
    """By kind of line, in the order of `KINDS`. ``relations``: those of each instance that may be a neighbour;
    another one has none. Lines without neighbours are left out."""
    shares: dict[Kind, list[tuple[float, float]]] = defaultdict(list)
    for line in lines:
        near = [names(relations.get(name, ())) for name, _ in line["neighbours"] or ()]
        if near:
            gold, predicted = (
                sum(not found.isdisjoint(names(line[which])) for found in near) / len(near)
                for which in ("gold", "predicted")
            )
            shares[kind(line, negative)].append((gold, predicted))
    found = {}
    for name in KINDS:
        if rows := shares[name]:
            gold, predicted = (sum(column) / len(rows) for column in zip(*rows, strict=True))
            found[name] = Agreement(len(rows), gold, predicted)
    return found


def accuracy_by(lines: Iterable[Line], group: Callable[[Line], str]) -> dict[str, tuple[int, int]]:
    """Group -> (lines, right ones), by name of the group."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        count = counts[group(line)]
        count[0] += 1
        count[1] += right(line)
    return {name: (counts[name][0], counts[name][1]) for name in sorted(counts)}


def length_bin(instance: Instance) -> str:
    """Its bin by words, such as '11-20'; names sort as the bins do."""
    words, low = len(instance.tokens), 1
    for high in _LENGTHS:
        if words <= high:
            return f"{low:02}-{high}"
        low = high + 1
    return f"{low}+"


def type_pair(instance: Instance) -> str:
    """Its entity types, 'PERSON, CITY'; '?' for one that the corpus does not give."""
    return f"{instance.head_type or '?'}, {instance.tail_type or '?'}"


# --- two predictions of the same instances ----------------------------------------------------------------------------


def flips(gold: Labels, before: Labels, after: Labels) -> dict[str, int]:
    """How many became right (`fixed`), became wrong (`broke`), stayed what they were (`irrelevant`), and of those kept
    their very label (`unchanged`)."""
    counts = dict.fromkeys(("fixed", "broke", "irrelevant", "unchanged"), 0)
    for wanted, old, new in zip(gold, before, after, strict=True):
        was, now = names(old) == names(wanted), names(new) == names(wanted)
        counts["irrelevant" if was == now else "fixed" if now else "broke"] += 1
        counts["unchanged"] += names(old) == names(new)
    return counts


@dataclass(frozen=True)
class Move:
    """One instance between two predictions; ``gain``: by how much the log-probability of its gold relation grew (the
    mean over several), None where one of the two predictions excludes it."""

    id: str
    gold: str
    before: str
    after: str
    turned: Literal["fixed", "broke", ""]
    gain: float | None


def moves(before: Iterable[Line], after: Iterable[Line]) -> list[Move]:
    """What became of each instance that both predictions have under one gold label, in the order of ``before``."""
    later = {line["id"]: line for line in after}
    found = []
    for line in before:
        now = later.get(line["id"])
        if now is None or names(now["gold"]) != names(line["gold"]):
            continue
        turned: Literal["fixed", "broke", ""] = "" if right(line) == right(now) else "fixed" if right(now) else "broke"
        old, new = _gold_score(line), _gold_score(now)
        gain = None if old is None or new is None else new - old
        gold, first, second = (label_text(label) for label in (line["gold"], line["predicted"], now["predicted"]))
        found.append(Move(line["id"], gold, first, second, turned, gain))
    return found


def largest(found: Iterable[Move], count: int) -> list[Move]:
    """The instances whose gold relation gained or lost most."""
    known = [move for move in found if move.gain is not None]
    return sorted(known, key=lambda move: (-abs(move.gain or 0.0), move.id))[:count]


def moved_relations(found: Iterable[Move]) -> list[tuple[str, int, int, int]]:
    """(gold label, instances, fixed, broke), the largest net change first; labels without a flip are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for move in found:
        counts[move.gold].update(["n", move.turned])
    rows = [(name, count["n"], count["fixed"], count["broke"]) for name, count in counts.items()]
    turned = [row for row in rows if row[2] or row[3]]
    return sorted(turned, key=lambda row: (-abs(row[2] - row[3]), -(row[2] + row[3]), row[0]))


def _gold_score(line: Line) -> float | None:
    scores = [line["scores"].get(name) for name in sorted(names(line["gold"]))]
    return None if None in scores else sum(scores) / len(scores)
