"""Trainable instance encoder: a pretrained encoder whose last hidden states are averaged over spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from methods.base import MethodError
from methods.parts.generation.offline import Quiet, load_encoder, with_dropout
from methods.parts.lora import add_lora, check_lora
from methods.parts.model_files import ALIASES, MINILM, resolve
from methods.parts.verbalize import label_words, sure_lead, window
from methods.settings import Models
from methods.types import Instance, RelationSchema, Span

ENCODE_BATCH = 128
SPANS = 3  # head, tail, label
Autocast = Callable[[], AbstractContextManager[Any]]
Row = tuple[list[int], list[list[int]]]  # token ids, and the token positions of each span
STRETCH = 1.3  # sequences encoded together are at most this much longer than the shortest of them


class SpanEncoder(nn.Module):
    """``[B] instances -> [B, 3, D]``: the mean of the last hidden states over head, tail and label span (ETRAG).

    A database instance is encoded as its text, a separator and its verbalised label, whose tokens are the label
    span; for a query the label span is the closing separator alone. With the input `sure` the text has its lead, but
    never markers. An entity's span is all of its mentions in the window of the sentence.
    """

    def __init__(
        self, models: Models, schema: RelationSchema, texts: Sequence[str], autocast: Autocast = nullcontext
    ) -> None:
        """``texts``: what an encoder that starts from nothing learns its words from. Vectors are float32 whatever
        ``autocast`` makes the encoder compute in."""
        super().__init__()
        self.schema, self.max_tokens, self._autocast = schema, models.max_input_tokens, autocast
        self.kind = models.input
        self.model, self.tokenizer = _load(models, texts)
        empty = self.tokenizer("").input_ids
        self._start, self._end = empty[:-1], empty[-1:]
        self.model.get_input_embeddings().weight.requires_grad_(models.instance_encoder == "tiny")
        # Under its relations where they are encoded: an instance may be shown under others than its own.
        self._rows: dict[tuple[str, tuple[str, ...]], Row] = {}

    @property
    def width(self) -> int:
        """D, the encoder's hidden size."""
        return int(self.model.config.hidden_size)

    def forward(self, instances: Sequence[Instance], *, labelled: bool) -> Tensor:
        """Span vectors [B, 3, D]; ``labelled`` for database instances, never for queries.

        Of more than `ENCODE_BATCH` instances activations are not kept for the gradient but computed again, so many
        instances at a time (gradient checkpointing: Chen et al. 2016, arXiv 1604.06174), under the same dropout.
        """
        rows = [self._row(i, labelled) for i in instances]
        groups = _of_similar_length([len(ids) for ids, _ in rows])
        many = len(rows) > ENCODE_BATCH
        if many:
            groups = [g[at : at + ENCODE_BATCH] for g in groups for at in range(0, len(g), ENCODE_BATCH)]
        with self._autocast():
            if len(groups) == 1:
                return self._encode(rows).float()
            parts = torch.cat([self._encode([rows[r] for r in group], again=many) for group in groups])
        back = torch.tensor([r for group in groups for r in group]).argsort()
        return parts[back.to(parts.device)].float()

    def encode_all(self, instances: Sequence[Instance], *, labelled: bool) -> Tensor:
        """The same in batches of similar length, without gradient or dropout."""
        training = self.training
        self.eval()
        order = sorted(range(len(instances)), key=lambda r: len(instances[r].tokens))
        batches = (order[at : at + ENCODE_BATCH] for at in range(0, len(order), ENCODE_BATCH))
        with torch.no_grad():
            parts = [self([instances[r] for r in batch], labelled=labelled) for batch in batches]
        self.train(training)
        return torch.cat(parts)[torch.tensor(order).argsort()]

    def _encode(self, rows: Sequence[Row], again: bool = False) -> Tensor:
        """[B, 3, D]; ``again``: with activations that are computed again where a gradient asks for them."""
        device = self.model.get_input_embeddings().weight.device
        width = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), width), int(self.tokenizer.pad_token_id))
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        pool = torch.zeros(len(rows), SPANS, width)
        for r, (tokens, spans) in enumerate(rows):
            ids[r, : len(tokens)] = torch.tensor(tokens)
            mask[r, : len(tokens)] = 1
            for s, positions in enumerate(spans):
                pool[r, s, positions] = 1.0 / len(positions)
        inputs = ids.to(device), mask.to(device), pool.to(device)  # on its device: whose random state is then kept
        return checkpoint(self._pooled, *inputs, use_reentrant=False) if again else self._pooled(*inputs)

    def _pooled(self, ids: Tensor, mask: Tensor, pool: Tensor) -> Tensor:
        """[B, T] and [B, T], share of each token in each span [B, 3, T] -> [B, 3, D]."""
        hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return torch.bmm(pool.to(hidden.dtype), hidden)

    def _row(self, instance: Instance, labelled: bool) -> Row:
        key = (instance.id, instance.relations if labelled else ())
        if key not in self._rows:
            self._rows[key] = self._tokenise(instance, labelled)
        return self._rows[key]

    def _tokenise(self, instance: Instance, labelled: bool) -> Row:
        lead = sure_lead(instance) if self.kind == "sure" else []
        label = self._ids(label_words(instance, self.schema)).input_ids if labelled else []
        tail = [*self._end, *label, *self._end] if labelled else self._end
        words = len(instance.tokens)
        while True:
            lo, hi = window(instance, words)
            coded = self._ids([*lead, *(t if t.strip() else "?" for t in instance.tokens[lo:hi])])
            ids = [*self._start, *coded.input_ids, *tail]
            if len(ids) <= self.max_tokens or (words <= 1 and not lead):
                break
            if words <= 1:  # the spans, and the label behind them, matter more than what the lead repeats of them
                lead, words = [], len(instance.tokens)
            else:
                words = min(words - 1, words * self.max_tokens // len(ids))
        ids = ids[: self.max_tokens]
        end = len(self._start) + len(coded.input_ids)
        origin = dict(enumerate(coded.word_ids(), start=len(self._start)))

        def positions(*spans: Span) -> list[int]:
            first = lo - len(lead)
            inside = {word - first for span in spans for word in range(max(lo, span.start), min(hi, span.end))}
            found = [p for p, word in origin.items() if word in inside and p < len(ids)]
            return found or [0]  # cut off, or nothing but characters that the tokenizer drops

        end += len(self._end)
        last = list(range(end, min(end + len(label), len(ids))))
        return ids, [positions(*instance.heads), positions(*instance.tails), last or [len(ids) - 1]]

    def _ids(self, words: Sequence[str]) -> Any:
        return self.tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)


def _of_similar_length(lengths: Sequence[int]) -> list[list[int]]:
    """Rows grouped by length, so that little is padded; a group has at least four where there are as many."""
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda r: lengths[r]):
        if groups and (len(groups[-1]) < 4 or lengths[row] <= STRETCH * lengths[groups[-1][0]]):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _load(models: Models, texts: Sequence[str]) -> tuple[Any, Any]:
    """Encoder and tokenizer. Raises MethodError."""
    check_lora(models, ("instance_encoder_lora",))
    name = models.instance_encoder
    if name == "tiny" or ALIASES.get(name, name) == MINILM:
        model, tokenizer = load_encoder(name, texts, models.dropout, models.layers)
    else:
        model, tokenizer = _load_pretrained(name, models.dropout)
    if models.instance_encoder_lora is not None:
        model = add_lora(model, models.instance_encoder_lora, "models.instance_encoder_lora")
    return model, tokenizer


def _load_pretrained(name: str, dropout: float) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    path = resolve(name).path
    try:
        with Quiet():
            model = AutoModel.from_pretrained(path, config=with_dropout(path, dropout), dtype=torch.float32)
        return model, AutoTokenizer.from_pretrained(path, add_prefix_space=True)  # RoBERTa needs it for given words
    except (OSError, ValueError) as error:
        raise MethodError(f"encoder {name!r} cannot be loaded: {error}") from error
