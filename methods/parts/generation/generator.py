"""Any Hugging Face encoder-decoder as a scorer of label tokens: encode once, splice an optional soft prefix,
decode label prefixes, return only the vocabulary rows that the label trie needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from methods.base import MethodError
from methods.parts.generation.offline import Quiet, build_pair, load_encoder, with_dropout
from methods.parts.lora import add_lora, check_lora
from methods.parts.model_files import resolve
from methods.parts.verbalize import HEAD_OPEN, MARKERS, NEIGHBOUR, TAIL_OPEN
from methods.settings import Models

PAIRS = ("minilm", "tiny")


@dataclass(frozen=True)
class EncoderInput:
    """``ids`` and ``mask`` [B, L] (mask True on real tokens); ``prefix`` [B, P, width] or None, to be inserted after
    the first input embedding (ETRAG)."""

    ids: Tensor
    mask: Tensor
    prefix: Tensor | None = None


@dataclass(frozen=True)
class Memory:
    """What the decoder attends to: ``states`` [B, L, width], ``mask`` [B, L]."""

    states: Tensor
    mask: Tensor

    def rows(self, index: Tensor) -> Memory:
        """The rows that ``index`` [N] (long) names, in its order; a row may be named several times."""
        return Memory(self.states[index], self.mask[index])


class Generator(nn.Module):
    """``labels``: relation -> label token ids in *rows*, the generator's own short vocabulary of V tokens.

    For pretrained seq2seq models ``vocabulary`` maps rows to token ids; the offline pairs have no other rows.
    """

    vocabulary: Tensor
    memory_ids: Tensor

    def __init__(
        self, model: Any, tokenizer: Any, labels: Mapping[str, Sequence[int]], start: int, *, pair: bool, whole: bool
    ) -> None:
        super().__init__()
        self.model, self.tokenizer, self.pair = model, tokenizer, pair
        words = model.get_input_embeddings()
        self.words_frozen = not words.weight.requires_grad
        self.markers = nn.Embedding(len(MARKERS), words.weight.shape[1])
        self.marker_base = len(tokenizer)
        tokenizer.add_tokens(list(MARKERS), special_tokens=True)
        with torch.no_grad():  # a marker starts near the middle of the known words
            centre, spread = words.weight[: self.marker_base].mean(0), words.weight[: self.marker_base].std()
            self.markers.weight.normal_(std=float(spread)).add_(centre)
        tokens = sorted({t for ids in labels.values() for t in ids} | {start})
        rows = {token: row for row, token in enumerate(tokens)} if not whole else {t: t for t in tokens}
        self.labels = {name: tuple(rows[t] for t in ids) for name, ids in labels.items()}
        self.start = rows[start]
        self.register_buffer("vocabulary", torch.tensor(tokens), persistent=False)
        kept = [tokenizer.cls_token_id] if tokenizer.cls_token_id is not None else []
        kept += tokenizer.convert_tokens_to_ids([HEAD_OPEN, TAIL_OPEN, NEIGHBOUR])
        self.register_buffer("memory_ids", torch.tensor(kept), persistent=False)
        self.sentence_memory = not pair
        self.whole = whole
        if pair:
            self.model = build_pair(model, tokens, self.start, model.config.hidden_dropout_prob)
        elif not whole:
            _restrict_head(model, tokens)

    @property
    def width(self) -> int:
        """Width of the input embeddings, which a soft prefix must have."""
        return int(self.markers.weight.shape[1])

    def embed(self, ids: Tensor) -> Tensor:
        """Input embeddings [B, L, width]; markers have their own small trainable table."""
        is_marker = ids >= self.marker_base
        words = self.model.get_encoder().get_input_embeddings()(ids.masked_fill(is_marker, 0))
        marks = self.markers((ids - self.marker_base).clamp(min=0))
        return torch.where(is_marker.unsqueeze(2), marks, words)

    def encode(self, inputs: EncoderInput) -> Memory:
        """Run the encoder once; the soft prefix, where there is one, is spliced in."""
        embedded, mask = self.embed(inputs.ids), inputs.mask
        keep = torch.isin(inputs.ids, self.memory_ids) & mask
        if inputs.prefix is not None:
            ones = mask.new_ones(inputs.prefix.shape[:2])
            embedded = torch.cat([embedded[:, :1], inputs.prefix.to(embedded.dtype), embedded[:, 1:]], 1)
            mask = torch.cat([mask[:, :1], ones, mask[:, 1:]], 1)
            keep = torch.cat([keep[:, :1], ~ones, keep[:, 1:]], 1)
        states = self.model.get_encoder()(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
        if self.sentence_memory:
            return Memory(states, mask)
        order = (~keep).long().argsort(dim=1, stable=True)[:, : int(keep.sum(1).max())]  # kept positions first
        return Memory(states.gather(1, order.unsqueeze(2).expand(-1, -1, states.shape[2])), keep.gather(1, order))

    def decode(self, memory: Memory, rows: Tensor) -> Tensor:
        """``rows`` [M, T] (-1 pads), the same for every instance -> logits [B, M, T + 1, V]."""
        batch, count = memory.states.shape[0], rows.shape[0]
        wide = Memory(memory.states.repeat_interleave(count, 0), memory.mask.repeat_interleave(count, 0))
        return self.decode_each(wide, rows.repeat(batch, 1)).unflatten(0, (batch, count))

    def decode_each(self, memory: Memory, rows: Tensor) -> Tensor:
        """``rows`` [B, T] (-1 pads), one per instance -> logits [B, T + 1, V]; position p follows p tokens."""
        start = rows.new_full((rows.shape[0], 1), self.start)
        ids = torch.cat([start, rows.masked_fill(rows < 0, self.start)], 1)  # causal: pads at the end harm nothing
        if not (self.pair or self.whole):
            ids = self.vocabulary[ids]
        return self.model(
            encoder_outputs=(memory.states,),
            attention_mask=memory.mask.long(),
            decoder_input_ids=ids,
            use_cache=False,
        ).logits

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters: 'pretrained' (their own, lower learning rate) and 'new'."""
        groups: dict[str, list[nn.Parameter]] = {"pretrained": [], "new": []}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                new = name.startswith("markers") or (self.pair and not name.startswith("model.encoder."))
                groups["new" if new or not self.words_frozen else "pretrained"].append(parameter)
        return groups


class _RestrictedHead(nn.Module):
    """The output layer cut to the rows that the label trie needs."""

    rows: Tensor

    def __init__(self, head: nn.Linear, rows: Sequence[int]) -> None:
        super().__init__()
        self.weight, self.bias = head.weight, head.bias
        self.register_buffer("rows", torch.tensor(rows), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias[self.rows]
        return nn.functional.linear(hidden, self.weight[self.rows], bias)


def _restrict_head(model: Any, rows: Sequence[int]) -> None:
    model.set_output_embeddings(_RestrictedHead(model.get_output_embeddings(), rows))
    if hasattr(model, "final_logits_bias"):  # the BART family adds a bias of the vocabulary's size
        model.final_logits_bias = model.final_logits_bias[:, list(rows)]


def build_generator(
    models: Models, verbalisations: Mapping[str, str], texts: Sequence[str], *, whole_vocabulary: bool
) -> Generator:
    """The generator that ``models`` names. ``texts`` give 'tiny' its vocabulary; ``whole_vocabulary`` keeps every
    output row of a pretrained model (the `likelihood` rule normalises over them).

    Raises MethodError for a missing model, an unusable adapter, or a label longer than ``max_target_tokens``.
    """
    check_lora(models, ("lora",))
    pair = models.generator in PAIRS
    if pair:
        model, tokenizer = load_encoder(
            models.generator, [*texts, *verbalisations.values()], models.dropout, models.layers
        )
        start = tokenizer.cls_token_id
    else:
        model, tokenizer = _load_seq2seq(models)
        start = model.config.decoder_start_token_id
    labels = {}
    for name, text in verbalisations.items():
        ids = tokenizer(text, add_special_tokens=not pair).input_ids + ([tokenizer.sep_token_id] if pair else [])
        if len(ids) > models.max_target_tokens:
            raise MethodError(
                f"the verbalisation of {name!r} has {len(ids)} tokens, more than models.max_target_tokens = "
                f"{models.max_target_tokens}; shorten it or raise the limit"
            )
        labels[name] = ids
    if models.generator != "tiny":
        model.get_input_embeddings().weight.requires_grad_(False)
    whole = whole_vocabulary and not pair
    generator = Generator(model, tokenizer, labels, start, pair=pair, whole=whole)
    generator.sentence_memory = not pair or models.memory == "sentence"
    return generator


def _load_seq2seq(models: Models) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    path = resolve(models.generator).path
    try:
        with Quiet():
            config = with_dropout(path, models.dropout)
            model = AutoModelForSeq2SeqLM.from_pretrained(path, config=config, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise MethodError(f"generator {models.generator!r} is no usable encoder-decoder: {error}") from error
    if models.lora is not None:
        model = add_lora(model, models.lora, "models.lora")
    return model, tokenizer
