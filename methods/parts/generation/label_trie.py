"""Token trie of the relations' verbalisations. Plain Python; `label_scoring` turns it into tensors.

Every verbalisation ends with the end token, so one that is a prefix of another keeps a path of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelTrie:
    """Nodes are prefixes (node 0 is empty); edges lead from a node to a longer prefix by one token.

    ``edge_node[e]``, ``edge_token[e]``: where edge e starts and its token.
    ``children[n]``: the edges that start at node n.
    ``paths[r]``: the edges of relation r, from the root to its end token.
    ``through[e]``: the relations whose path uses edge e.
    """

    names: tuple[str, ...]
    prefixes: tuple[tuple[int, ...], ...]
    edge_node: tuple[int, ...]
    edge_token: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    paths: tuple[tuple[int, ...], ...]
    through: tuple[frozenset[int], ...]

    @property
    def tokens(self) -> tuple[int, ...]:
        """Every token that occurs, ascending."""
        return tuple(sorted(set(self.edge_token)))

    def nodes_to_decode(self, *, every: bool) -> list[int]:
        """Nodes whose next-token scores are needed: the branching ones, or every node with a child."""
        return [n for n, edges in enumerate(self.children) if len(edges) > 1 or (every and edges)]

    def decode_plan(self, *, every: bool) -> tuple[list[tuple[int, ...]], dict[int, tuple[int, int]]]:
        """The fewest prefixes whose decoding passes every needed node.

        Returns (prefixes to decode, node -> (row, position)): position p of a row scores the token that follows
        its first p tokens. A prefix that begins another one is read off the longer row.
        """
        needed = self.nodes_to_decode(every=every)
        rows: list[tuple[int, ...]] = []
        for prefix in sorted((self.prefixes[n] for n in needed), key=len, reverse=True):
            if not any(row[: len(prefix)] == prefix for row in rows):
                rows.append(prefix)
        rows = sorted(rows) or [()]  # a trie without a choice still decodes something
        where = {}
        for n in needed:
            prefix = self.prefixes[n]
            row = next(i for i, row in enumerate(rows) if row[: len(prefix)] == prefix)
            where[n] = (row, len(prefix))
        return rows, where


def build_trie(labels: Mapping[str, Sequence[int]]) -> LabelTrie:
    """Trie of ``labels`` (relation -> token ids, each closed by the end token), relations in the given order.

    Raises ValueError where two relations have the same tokens, naming both, or where one has none.
    """
    seen: dict[tuple[int, ...], str] = {}
    nodes: dict[tuple[int, ...], int] = {(): 0}
    paths = []
    for name, ids in labels.items():
        key = tuple(ids)
        if not key:
            raise ValueError(f"relation {name!r} has an empty verbalisation")
        if key in seen:
            raise ValueError(f"relations {seen[key]!r} and {name!r} have the same verbalisation tokens {list(key)}")
        seen[key] = name
        # Every node but the root ends one edge, which has its number less one.
        paths.append(tuple(nodes.setdefault(key[:depth], len(nodes)) - 1 for depth in range(1, len(key) + 1)))
    ends = list(nodes)[1:]
    children: list[list[int]] = [[] for _ in nodes]
    through: list[set[int]] = [set() for _ in ends]
    for edge, prefix in enumerate(ends):
        children[nodes[prefix[:-1]]].append(edge)
    for relation, path in enumerate(paths):
        for edge in path:
            through[edge].add(relation)
    return LabelTrie(
        names=tuple(labels),
        prefixes=tuple(nodes),
        edge_node=tuple(nodes[prefix[:-1]] for prefix in ends),
        edge_token=tuple(prefix[-1] for prefix in ends),
        children=tuple(map(tuple, children)),
        paths=tuple(paths),
        through=tuple(map(frozenset, through)),
    )
