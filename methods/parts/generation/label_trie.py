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
    node_of: dict[tuple[int, ...], int] = {(): 0}
    edge_of: dict[tuple[int, int], int] = {}
    edge_node: list[int] = []
    edge_token: list[int] = []
    paths: list[tuple[int, ...]] = []
    through: list[set[int]] = []
    for relation, (name, ids) in enumerate(labels.items()):
        key = tuple(ids)
        if not key:
            raise ValueError(f"relation {name!r} has an empty verbalisation")
        if key in seen:
            raise ValueError(f"relations {seen[key]!r} and {name!r} have the same verbalisation tokens {list(key)}")
        seen[key] = name
        path = []
        for depth, token in enumerate(key):
            parent = node_of[key[:depth]]
            edge = edge_of.setdefault((parent, token), len(edge_node))
            if edge == len(edge_node):
                edge_node.append(parent)
                edge_token.append(token)
                through.append(set())
                node_of[key[: depth + 1]] = len(node_of)
            through[edge].add(relation)
            path.append(edge)
        paths.append(tuple(path))
    children: list[list[int]] = [[] for _ in node_of]
    for edge, node in enumerate(edge_node):
        children[node].append(edge)
    return LabelTrie(
        names=tuple(labels),
        prefixes=tuple(node_of),
        edge_node=tuple(edge_node),
        edge_token=tuple(edge_token),
        children=tuple(tuple(c) for c in children),
        paths=tuple(paths),
        through=tuple(frozenset(t) for t in through),
    )
