"""What the generator's encoder receives: token ids and, for soft prompts, vectors to be spliced in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods.types import Instance, bars


@dataclass(frozen=True)
class EncoderInput:
    """``ids`` and ``mask`` [B, L] (mask True on real tokens); ``prefix`` [B, P, width] or None, to be inserted
    before input position ``insert`` (1 = after the first input embedding, as in ETRAG)."""

    ids: Tensor
    mask: Tensor
    prefix: Tensor | None = None
    insert: int = 1


def checked(shown: Sequence[Sequence[Instance]], instances: Sequence[Instance], k: int) -> Sequence[Sequence[Instance]]:
    """What `Method.predict_with` is given, if it is k neighbours for each instance and none of them barred; else raises
    ValueError."""
    if len(shown) != len(instances):
        raise ValueError(f"neighbours of {len(shown)} instances, expected {len(instances)}")
    for instance, near in zip(instances, shown, strict=True):
        if len(near) != k:
            raise ValueError(f"instance {instance.id}: {len(near)} neighbours, expected k = {k}")
        for other in near:
            if bars(instance, other):
                to = "itself" if other.id == instance.id else f"instance {instance.id} of its document"
                raise ValueError(f"instance {other.id} is shown to {to}: its label leaks")
    return shown
