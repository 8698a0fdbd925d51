"""Differentiable k-nearest-neighbour selection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def select(scores: Tensor, k: int, temperature: Tensor | float, mask: Tensor | None = None) -> Tensor:
    """Soft k-NN weights [B, k, N] from scores [B, N], larger is nearer; each step's weights sum to one.

    ``w^j = softmax(a^j / t), a^1 = s, a^(j+1) = a^j + log(1 - w^j)`` (Ploetz and Roth, Neural Nearest Neighbors
    Networks, arXiv 1810.12575), with an analytic gradient: no k x N autograd graph. Scores of less than float32
    are computed in float32. Weights below 1e-30 are returned as zero: denormal numbers slow whatever follows.

    ``temperature``: a positive number, or a tensor of one element or [B, 1]. ``mask`` [B, N], False where a candidate
    is not admitted: its weights are exactly zero. Raises ValueError for k < 1 or more than the admitted candidates,
    and for a temperature that is not positive.
    """
    return _Selection.apply(*checked(scores, k, temperature, mask), k)


def checked(scores: Tensor, k: int, temperature: Tensor | float, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """What every selection starts from: scores [B, N] of at least float32, -inf where not admitted, and t [B, 1].
    Raises ValueError as `select`."""
    if scores.ndim != 2 or (mask is not None and mask.shape != scores.shape):
        got = list(scores.shape), None if mask is None else list(mask.shape)
        raise ValueError(f"expected scores and mask [B, N], got {got[0]} and {got[1]}")
    admitted = scores.shape[1] if mask is None else int(mask.sum(1).min()) if len(scores) else k
    if not 1 <= k <= admitted:
        raise ValueError(f"k must be between 1 and the {admitted} candidates, got {k}")
    dtype = torch.promote_types(scores.dtype, torch.float32)
    t = torch.as_tensor(temperature, dtype=dtype, device=scores.device)
    if not bool((t > 0).all()):
        raise ValueError(f"the temperature must be positive, got {temperature}")
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.to(dtype), t.expand(len(scores), 1) if t.ndim < 2 else t


ROW_BLOCK = 1 << 17  # numbers of one step that are worked on together: they stay in the cache
NEGLIGIBLE = 1e-30
VANISHING = 1e-20  # a mass below which too much of it may have been flushed


class _Selection(torch.autograd.Function):
    """``scores`` [B, N] (-inf: not admitted), ``t`` [B, 1] -> weights [B, k, N]."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, t: Tensor, k: int) -> Tensor:
        weights = scores.new_empty(len(scores), k, scores.shape[1])
        ctx.rests = []
        for block in _blocks(scores):
            rests = []
            for kept, (weight, rest, _) in zip(
                weights[block].unbind(1), _steps(scores[block], t[block], k), strict=True
            ):
                kept.copy_(weight)
                rests.append(rest)
            ctx.rests.append(rests)
        ctx.save_for_backward(scores, t, weights)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Reverse of the k steps. With f the gradient by a^(j+1) and g that by w^j, the weights receive
        h = g - f / (1 - w) and the logits a^j / t receive w (h - <h, w>)."""
        scores, t, weights = ctx.saved_tensors
        to_scores = torch.empty_like(scores) if ctx.needs_input_grad[0] else None
        to_t = torch.zeros_like(t) if ctx.needs_input_grad[1] else None
        for block, rests in zip(_blocks(scores), ctx.rests, strict=True):
            w, g = weights[block].unbind(1), gradient[block].unbind(1)
            k, inverse = len(w), 1 / t[block]
            logits = [state.clone() for _, _, state in _steps(scores[block], t[block], k)] if to_t is not None else []
            flow = torch.zeros_like(scores[block])  # the gradient by a^(j+1)
            for step in range(k - 1, -1, -1):
                if step + 1 == k:
                    back = g[step] * w[step]
                    back.addcmul_(w[step], back.sum(1, keepdim=True), value=-1)
                else:
                    back = _through_penalty(w[step], rests[step], g[step], flow)
                if to_t is not None:
                    seen = logits[step].masked_fill_(w[step] == 0, 0.0)
                    to_t[block] -= torch.linalg.vecdot(back, seen).unsqueeze(1) * inverse
                flow.addcmul_(back, inverse)
            if to_scores is not None:
                to_scores[block] = flow
        return to_scores, to_t, None


def _through_penalty(w: Tensor, rest: Tensor | None, g: Tensor, flow: Tensor) -> Tensor:
    """w (h - <h, w>) of `_Selection.backward` [B, N]. Only a weight above one half can have a vanishing complement:
    there 1 - w is the others' mass ``rest`` [B, 1], and what it sends them is formed as a share of it."""
    if rest is None:
        h = 1 - w
        back = torch.sub(g, torch.div(flow, h, out=h), out=h).mul_(w)
        return back.addcmul_(w, back.sum(1, keepdim=True), value=-1)
    above = torch.nn.functional.hardshrink(w, 0.5)
    others = w - above
    h = 1 - others  # 1 for a weight above one half: its flow comes apart into what it keeps and what it passes on
    back = torch.sub(g, torch.div(flow, h, out=h), out=h).mul_(w)
    passed_on = torch.linalg.vecdot(flow, above).unsqueeze(1)
    dot = back.sum(1, keepdim=True).add_(passed_on)
    numbers = torch.finfo(w.dtype)
    share = (passed_on / rest.clamp(min=numbers.tiny)).clamp_(-(numbers.max**0.9), numbers.max**0.9)
    return back.addcmul_(others, dot - share, value=-1).addcmul_(above, dot, value=-1)


def _steps(scores: Tensor, t: Tensor, k: int) -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
    """(w^j [B, N], the mass beside a weight above one half [B, 1] or None where no row has one, a^j / t up to a shift
    [B, N]) for j = 1 .. k; the logits are overwritten by the next step.

    The complement never cancels: above one half it is the others' mass."""
    inverse = 1 / t
    # Softmax does not see a shift, float32 does: at low t the logits reach 1e8.
    logits = (scores - scores.amax(1, keepdim=True)).mul_(inverse)
    for step in range(k):
        weight = torch.softmax(logits, 1)
        least, most = _range(weight)
        above = rest = None
        others = weight
        if most > 0.5:
            above = torch.nn.functional.hardshrink(weight, 0.5)
            others = weight - above
            rest = others.sum(1, keepdim=True)
        if least < NEGLIGIBLE:
            torch.nn.functional.threshold_(weight, NEGLIGIBLE, 0.0)
        yield weight, rest, logits
        if step + 1 == k:
            return
        penalty = torch.sub(1, others).log_()
        if above is not None and rest is not None:
            beside = rest.log()
            lost = rest[:, 0] < VANISHING
            if bool(lost.any()):
                far = logits[lost].masked_fill(above[lost] > 0, float("-inf"))
                beside[lost] = far.logsumexp(1, keepdim=True) - logits[lost].logsumexp(1, keepdim=True)
            penalty.addcmul_(above, beside / (1 - rest).clamp_(min=0.5))
        logits.addcmul_(penalty, inverse)


def _blocks(scores: Tensor) -> Iterator[slice]:
    rows = max(1, ROW_BLOCK // max(1, scores.shape[1]))
    return (slice(at, at + rows) for at in range(0, len(scores), rows))


def _range(weight: Tensor) -> tuple[float, float]:
    """Smallest and largest weight, which tell what a step can leave out. On a GPU asking costs more than doing all."""
    if weight.is_cuda:
        return 0.0, 1.0
    least, most = weight.aminmax()
    return float(least), float(most)


def effective_number(weights: Tensor) -> Tensor:
    """exp of the entropy over the last dimension: 1 for a hard choice, N for a uniform one. [..., N] -> [...]."""
    return torch.special.entr(weights).sum(-1).exp()
