"""Random rows for the candidates of a training step, drawn for all of a batch or for each query, and what several
queries have drawn together."""

from __future__ import annotations

import torch
from torch import Tensor

BEYOND = 1 << 60  # more than any row


def others(taken: set[int], count: int, among: int, random: torch.Generator) -> list[int]:
    """``count`` distinct random rows of 0 .. ``among`` - 1 that are not ``taken``; without a permutation of all where
    few are wanted."""
    if 2 * (count + len(taken)) >= among:
        order = torch.randperm(among, generator=random).tolist()
        return [row for row in order if row not in taken][:count]
    found: dict[int, None] = {}
    while len(found) < count:
        for row in torch.randint(among, (count,), generator=random).tolist():
            if row not in taken and len(found) < count:
                found.setdefault(row)
    return list(found)


def others_each(taken: Tensor, counts: Tensor, among: int, random: torch.Generator, *, replacement: bool) -> Tensor:
    """For each query b ``counts`` [B] random rows of 0 .. ``among`` - 1 that are not among its ``taken`` [B, E], which
    are distinct but for -1, none: [B, largest count], then -1. As many as there are, where there are fewer."""
    taken = taken.where((taken >= 0) & (taken < among), BEYOND).sort(1).values
    free = among - (taken < BEYOND).sum(1)
    number = (repeated if replacement else distinct)(free, torch.minimum(free, counts), random)
    # The n-th free row lies as many rows further as taken ones precede it.
    rows = number + torch.searchsorted(taken - torch.arange(taken.shape[1]), number, right=True)
    return rows.where(number >= 0, -1)


def repeated(below: Tensor, counts: Tensor, random: torch.Generator) -> Tensor:
    """For each b ``counts`` [B] numbers of 0 .. ``below`` [B] - 1, with replacement: [B, largest count], then -1."""
    place = torch.arange(int(counts.max()))
    shares = torch.rand(len(below), len(place), generator=random, dtype=torch.float64)
    return (shares * below.unsqueeze(1)).long().where(place < counts.unsqueeze(1), -1)


def distinct(below: Tensor, counts: Tensor, random: torch.Generator) -> Tensor:
    """As `repeated`, without replacement: every set is as likely (R. Floyd's algorithm: Bentley and Floyd 1987,
    Communications of the ACM 30(9)), and it takes no memory in proportion to ``below``."""
    drawn = torch.full((len(below), int(counts.max())), -1)
    for place in range(drawn.shape[1]):
        last = below - counts + place
        number = (torch.rand(len(below), generator=random, dtype=torch.float64) * (last + 1)).long()
        again = (drawn == number.unsqueeze(1)).any(1)
        drawn[:, place] = last.where(again, number).where(place < counts, -1)
    return drawn


def together(own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of each query [B, C], -1 for none -> the different ones [M], ascending; the place of each among them [B, C],
    -1 for none; and which of them a query has [B, M]."""
    there = own >= 0
    rows = own[there].unique()
    places = torch.searchsorted(rows, own.contiguous()).where(there, -1)
    mask = torch.zeros(len(own), len(rows), dtype=torch.bool)
    query, place = there.nonzero()[:, 0], places[there]
    mask[query, place] = True
    return rows, places, mask
