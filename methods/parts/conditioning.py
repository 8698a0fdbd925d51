"""What the generator's encoder receives: token ids and, for soft prompts, vectors to be spliced in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EncoderInput:
    """``ids`` and ``mask`` [B, L] (mask True on real tokens); ``prefix`` [B, P, width] or None, to be inserted
    before input position ``insert`` (1 = after the first input embedding, as in ETRAG)."""

    ids: Tensor
    mask: Tensor
    prefix: Tensor | None = None
    insert: int = 1
