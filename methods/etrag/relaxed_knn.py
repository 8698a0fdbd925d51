"""Differentiable k-nearest-neighbour selection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
LARGE = 0.99  # a weight whose complement is not computed as 1 - w, which loses two digits here and all of them near 1
VANISHING = 1e-20  # a mass below which too much of it may have been flushed
DEEP = -83.0  # where logits end: `exp` is up to 100 times slower where it underflows; exp(DEEP) / FAINT is negligible
FAINT = 1e-6  # a sum of exponentials below which the largest logit is brought back to zero


class _Selection(torch.autograd.Function):
    """``scores`` [B, N] (-inf: not admitted), ``t`` [B, 1] -> weights [B, k, N], laid out step by step."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, t: Tensor, k: int) -> Tensor:
        weights = scores.new_empty(k, *scores.shape)
        ctx.rests = []
        for block in _blocks(scores):
            ctx.rests.append([rest for rest, _ in _steps(scores[block], t[block], weights[:, block].unbind(0))])
        ctx.save_for_backward(scores, t, weights)
        return weights.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Reverse of the k steps. With f the gradient by a^(j+1) and g that by w^j, the weights receive
        h = g - f / (1 - w) and the logits a^j / t receive w (h - <h, w>)."""
        scores, t, weights = ctx.saved_tensors
        to_scores = torch.zeros_like(scores)
        to_t = torch.zeros_like(t) if ctx.needs_input_grad[1] else None
        for block, rests in zip(_blocks(scores), ctx.rests, strict=True):
            w, g, inverse = weights[:, block].unbind(0), gradient[block].unbind(1), _inverse(t[block])
            logits = []
            if to_t is not None:
                again = [torch.empty_like(x) for x in w]
                logits = [state.clone() for _, state in _steps(scores[block], t[block], again)]
            flow = to_scores[block]  # the gradient by a^(j+1)
            scratch = flow.new_empty(3, *flow.shape)
            for step in range(len(w) - 1, -1, -1):
                if step + 1 == len(w):
                    back = torch.mul(g[step], w[step], out=scratch[0])
                    back.addcmul_(w[step], back.sum(1, keepdim=True), value=-1)
                else:
                    back = _through_penalty(w[step], rests[step], g[step], flow, scratch)
                if to_t is not None:
                    seen = logits[step].masked_fill_(w[step] == 0, 0.0)
                    to_t[block] -= torch.linalg.vecdot(back, seen).unsqueeze(1) * inverse
                _add_scaled(flow, back, inverse)
        return to_scores, to_t, None


def _through_penalty(w: Tensor, rest: Tensor | None, g: Tensor, flow: Tensor, scratch: Tensor) -> Tensor:
    """w (h - <h, w>) of `_Selection.backward` [B, N], in ``scratch`` [3, B, N]. Only a large weight can have
    a vanishing complement: there 1 - w is the others' mass ``rest`` [B, 1], and what it sends them is formed as a
    share of it."""
    h, one = scratch[0], w.new_ones(())
    if rest is None:
        back = torch.addcdiv(g, flow, torch.sub(one, w, out=h), value=-1, out=h).mul_(w)
        return back.addcmul_(w, back.sum(1, keepdim=True), value=-1)
    above = _above(w, scratch[2])
    others = torch.sub(w, above, out=scratch[1])
    passed_on = torch.mul(flow, above, out=h).sum(1, keepdim=True)
    # 1 for a large weight: its flow comes apart into what it keeps and what it passes on.
    back = torch.addcdiv(g, flow, torch.sub(one, others, out=h), value=-1, out=h).mul_(w)
    dot = back.sum(1, keepdim=True).add_(passed_on)
    numbers = torch.finfo(w.dtype)
    share = (passed_on / rest.clamp(min=numbers.tiny)).clamp_(-(numbers.max**0.9), numbers.max**0.9)
    return back.addcmul_(others, dot - share, value=-1).addcmul_(above, dot, value=-1)


def _steps(scores: Tensor, t: Tensor, into: Sequence[Tensor]) -> Iterator[tuple[Tensor | None, Tensor]]:
    """Write w^j for j = 1 .. k to ``into`` [k x (B, N)]; yields the mass beside a large weight [B, 1] or None
    where no row has one, and a^j / t up to a shift [B, N], which the next step overwrites.

    The complement never cancels: that of a large weight is the others' mass."""
    inverse, one = _inverse(t), scores.new_ones(())
    # Softmax does not see a shift, float32 does: at low t the logits reach 1e8.
    logits = (scores - scores.amax(1, keepdim=True)).mul_(inverse)
    # Half of it: the penalties take what is chosen further down. A GPU's `exp` has no slow numbers.
    deep = not logits.is_cuda and float(logits.amin()) < DEEP / 2
    scratch = scores.new_empty(2, *scores.shape)
    for step, weight in enumerate(into):
        flat = _softmax(logits, weight, deep)
        above = rest = None
        others = weight
        if not flat:
            above = _above(weight, scratch[1])
            others = torch.sub(weight, above, out=scratch[0])
            rest = others.sum(1, keepdim=True)
        torch.nn.functional.threshold_(weight, NEGLIGIBLE, 0.0)
        yield rest, logits
        if step + 1 == len(into):
            return
        penalty = torch.sub(one, others, out=scratch[0]).log_()
        if above is not None and rest is not None:
            beside = rest.log()
            if float(rest.min()) < VANISHING:
                lost = rest[:, 0] < VANISHING
                far = logits[lost].masked_fill(above[lost] > 0, float("-inf"))
                beside[lost] = far.logsumexp(1, keepdim=True) - logits[lost].logsumexp(1, keepdim=True)
            penalty.addcmul_(above, beside / (1 - rest).clamp_(min=0.5))
        _add_scaled(logits, penalty, inverse)


def _softmax(logits: Tensor, into: Tensor, deep: bool) -> bool:
    """Softmax of ``logits`` [B, N], at most 0, which are shifted where their exponentials have become faint. True where
    no weight can be large; on a GPU, where asking costs more than doing, never."""
    mass = _exp(logits, into, deep).sum(1, keepdim=True)
    least = 0.0 if logits.is_cuda else float(mass.min())
    if least < FAINT:
        logits -= logits.amax(1, keepdim=True)
        mass = _exp(logits, into, deep).sum(1, keepdim=True)
        least = 0.0 if logits.is_cuda else float(mass.min())
    into *= 1 / mass
    return least >= 1 / LARGE or (not logits.is_cuda and float(into.amax(1).max()) <= LARGE)


def _exp(logits: Tensor, into: Tensor, deep: bool) -> Tensor:
    return torch.clamp(logits, min=DEEP, out=into).exp_() if deep else torch.exp(logits, out=into)


def _above(w: Tensor, into: Tensor) -> Tensor:
    """The large weights, zero elsewhere."""
    return torch.nn.functional.threshold_(into.copy_(w), LARGE, 0.0)


def _inverse(t: Tensor) -> Tensor | float:
    """1 / t [B, 1], as a number where all rows share it: adding a multiple is then one pass less."""
    return 1 / float(t[0]) if len(t) and bool((t == t[0]).all()) else 1 / t


def _add_scaled(into: Tensor, what: Tensor, scale: Tensor | float) -> None:
    if isinstance(scale, float):
        into.add_(what, alpha=scale)
    else:
        into.addcmul_(what, scale)


def _blocks(scores: Tensor) -> Iterator[slice]:
    rows = max(1, ROW_BLOCK // max(1, scores.shape[1]))
    return (slice(at, at + rows) for at in range(0, len(scores), rows))


def effective_number(weights: Tensor) -> Tensor:
    """exp of the entropy over the last dimension: 1 for a hard choice, N for a uniform one. [..., N] -> [...]."""
    return torch.special.entr(weights).sum(-1).exp()
