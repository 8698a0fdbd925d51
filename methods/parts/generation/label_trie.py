"""What the decoder must see to score verbalisations: the plan of one instance. Plain Python and NumPy.

The verbalisations of the relations that an instance admits, as token ids closed by the end token, form a trie. Its
branching prefixes need the decoder, a prefix that begins another one is read off the longer row, and the only way
onwards costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Labels = Mapping[int, tuple[int, ...]]  # relation -> token ids, closed by the end token


@dataclass(frozen=True)
class Plan:
    """Rows to decode, the nodes at which a token is scored, the edges (tokens) there, the relations' paths of edges.

    ``rows`` [M, T]: prefixes, -1 pads; ``owners`` [M]: whose they are. ``node_row``, ``node_position`` [N]: position p
    of a row scores the token after its first p; nodes ascend by row. ``edge_node``, ``edge_token`` [E], ascending by
    node, and ``edge_slot``: an edge's place among those of its node. ``relations`` [P], ``relation_owners`` [P],
    ``paths`` [P, D] (edges, -1 pads), ``lengths`` [P] in tokens, ``sharers`` [P]: relations with this very path.
    """

    rows: np.ndarray
    owners: np.ndarray
    node_row: np.ndarray
    node_position: np.ndarray
    edge_node: np.ndarray
    edge_token: np.ndarray
    edge_slot: np.ndarray
    relations: np.ndarray
    relation_owners: np.ndarray
    paths: np.ndarray
    lengths: np.ndarray
    sharers: np.ndarray


def plan(labels: Labels, wanted: Iterable[int], *, every: bool) -> Plan:
    """How to score the relations ``wanted`` among ``labels``: at branching prefixes, or at ``every`` prefix.

    Relations with equal tokens share a path. Raises ValueError for a verbalisation without tokens.
    """
    children: dict[tuple[int, ...], dict[int, None]] = {}
    for relation, ids in labels.items():
        if not ids:
            raise ValueError(f"relation {relation} has an empty verbalisation")
        for depth, token in enumerate(ids):
            children.setdefault(ids[:depth], {})[token] = None
    wanted = list(wanted)
    steps = {r: [d for d in range(len(labels[r])) if every or len(children[labels[r][:d]]) > 1] for r in wanted}
    needed = {labels[r][:depth] for r, depths in steps.items() for depth in depths}
    rows: list[tuple[int, ...]] = []
    place: dict[tuple[int, ...], tuple[int, int]] = {}
    for prefix in sorted(needed, key=lambda p: (-len(p), p)):
        if prefix not in place:
            for depth in range(len(prefix) + 1):
                place.setdefault(prefix[:depth], (len(rows), depth))
            rows.append(prefix)
    nodes = sorted(needed, key=place.__getitem__)
    edges = [(node, token) for node in nodes for token in children[node]]
    number = {edge: at for at, edge in enumerate(edges)}
    at_node = {node: at for at, node in enumerate(nodes)}
    same = Counter(labels.values())
    return Plan(
        rows=_padded(rows),
        owners=np.zeros(len(rows), dtype=np.int64),
        node_row=_whole(place[node][0] for node in nodes),
        node_position=_whole(place[node][1] for node in nodes),
        edge_node=_whole(at_node[node] for node, _ in edges),
        edge_token=_whole(token for _, token in edges),
        edge_slot=_whole(slot for node in nodes for slot in range(len(children[node]))),
        relations=_whole(wanted),
        relation_owners=np.zeros(len(wanted), dtype=np.int64),
        paths=_padded([[number[labels[r][:d], labels[r][d]] for d in steps[r]] for r in wanted]),
        lengths=_whole(len(labels[r]) for r in wanted),
        sharers=_whole(same[labels[r]] for r in wanted),
    )


def joined(plans: Sequence[Plan]) -> Plan:
    """One plan for several instances; that of ``plans[b]`` is owned by b."""
    rows, nodes, edges = (_starts(getattr(p, name) for p in plans) for name in ("rows", "node_row", "edge_node"))

    def put(name: str, shifts: np.ndarray | None = None) -> np.ndarray:
        parts = [getattr(p, name) for p in plans]
        return np.concatenate(parts if shifts is None else [x + by for x, by in zip(parts, shifts, strict=True)])

    owner = np.arange(len(plans))
    return Plan(
        rows=_stacked([p.rows for p in plans]),
        owners=put("owners", owner),
        node_row=put("node_row", rows),
        node_position=put("node_position"),
        edge_node=put("edge_node", nodes),
        edge_token=put("edge_token"),
        edge_slot=put("edge_slot"),
        relations=put("relations"),
        relation_owners=put("relation_owners", owner),
        paths=_stacked([np.where(p.paths < 0, -1, p.paths + by) for p, by in zip(plans, edges, strict=True)]),
        lengths=put("lengths"),
        sharers=put("sharers"),
    )


def _starts(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.cumsum([0, *(len(part) for part in parts)])[:-1]


def _whole(numbers: Iterable[int]) -> np.ndarray:
    return np.fromiter(numbers, dtype=np.int64)


def _padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    width = max(map(len, rows), default=0)
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows], dtype=np.int64).reshape(len(rows), width)


def _stacked(blocks: Sequence[np.ndarray]) -> np.ndarray:
    whole = np.full((sum(map(len, blocks)), max(b.shape[1] for b in blocks)), -1)
    for start, block in zip(_starts(blocks), blocks, strict=True):
        whole[start : start + len(block), : block.shape[1]] = block
    return whole
