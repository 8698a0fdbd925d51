"""Any Hugging Face encoder-decoder as a scorer of label tokens: encode once, splice an optional soft prefix, decode
label prefixes; of the vocabulary only the rows that are asked for are computed."""

from __future__ import annotations

from collections.abc import Sequence
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
    """``start``: the token before the first. An offline pair may have a ``vocabulary`` of its own, the tokens in the
    order of its rows: the token ids that are decoded and scored are then places in it. ``longest``: tokens that the
    new decoder of a pair can place."""

    memory_ids: Tensor

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        start: int,
        *,
        pair: bool = False,
        vocabulary: Sequence[int] | None = None,
        longest: int = 64,
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
        self.rows = None if vocabulary is None else {token: row for row, token in enumerate(vocabulary)}
        self.start = start if self.rows is None else self.rows[start]
        kept = [tokenizer.cls_token_id] if tokenizer.cls_token_id is not None else []
        kept += tokenizer.convert_tokens_to_ids([HEAD_OPEN, TAIL_OPEN, NEIGHBOUR])
        self.register_buffer("memory_ids", torch.tensor(kept), persistent=False)
        self.sentence_memory = not pair
        if pair:
            self.model = build_pair(model, vocabulary, self.start, model.config.hidden_dropout_prob, longest)
        self.output = _open(self.model)

    @property
    def vocabulary_size(self) -> int:
        """V, tokens that can be scored."""
        return len(self.output.weight)

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

    def tokenise(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """What is decoded and scored of each text: token ids, closed by the end token."""
        if not texts:
            return []
        found = self.tokenizer(list(texts), add_special_tokens=not self.pair, verbose=False).input_ids
        if self.pair:
            found = [[*ids, self.tokenizer.sep_token_id] for ids in found]
        rows = self.rows
        return [tuple(ids) if rows is None else tuple(rows[token] for token in ids) for ids in found]

    def decode(self, memory: Memory, prefixes: Tensor) -> Tensor:
        """``prefixes`` [B, T] (-1 pads), one per row of the memory -> what the output layer reads [B, T + 1, width];
        position p follows p tokens."""
        start = prefixes.new_full((prefixes.shape[0], 1), self.start)
        # Causal: pads at the end harm nothing.
        ids = torch.cat([start, prefixes.masked_fill(prefixes < 0, self.start)], 1)
        hidden: Tensor = self.model(
            encoder_outputs=(memory.states,),
            attention_mask=memory.mask.long(),
            decoder_input_ids=ids,
            use_cache=False,
        ).logits
        return hidden

    def logits(self, hidden: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Scores of the next token after `decode`: [..., width] -> [..., U] of ``tokens`` [U], or of all V."""
        weight, bias = self.output.weight, self.output.bias
        if tokens is not None:
            weight, bias = weight[tokens], None if bias is None else bias[tokens]
        return nn.functional.linear(hidden, weight, bias)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters: 'pretrained' (their own, lower learning rate) and 'new'."""
        groups: dict[str, list[nn.Parameter]] = {"pretrained": [], "new": []}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                new = name.startswith("markers") or (self.pair and not name.startswith("model.encoder."))
                groups["new" if new or not self.words_frozen else "pretrained"].append(parameter)
        return groups


class _OutputLayer(nn.Module):
    """In the place of a model's output layer: hands on what that reads, and keeps its weights [V, width]."""

    def __init__(self, layer: nn.Linear, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = layer.weight
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden


def _open(model: Any) -> _OutputLayer:
    """Make a model return what its output layer reads; that layer."""
    layer, bias = model.get_output_embeddings(), None
    if hasattr(model, "final_logits_bias"):  # the BART family adds a bias of the vocabulary's size
        bias = model.final_logits_bias[0]
        model.final_logits_bias = model.final_logits_bias.new_zeros(1, 1)
    opened = _OutputLayer(layer, layer.bias if bias is None else bias)
    model.set_output_embeddings(opened)
    return opened


def build_generator(
    models: Models, labels: Sequence[str], texts: Sequence[str], *, open_vocabulary: bool = False
) -> Generator:
    """The generator that ``models`` names. ``texts`` give 'tiny' its words. An offline pair can write the tokens of
    ``labels`` and no others, or with ``open_vocabulary`` all that it can read. Raises MethodError for a missing model
    and for an unusable adapter.
    """
    check_lora(models, ("lora",))
    pair = models.generator in PAIRS
    vocabulary = None
    if pair:
        model, tokenizer = load_encoder(models.generator, [*texts, *labels], models.dropout, models.layers)
        start = tokenizer.cls_token_id
        if not open_vocabulary:
            known = {token for ids in tokenizer(list(labels), add_special_tokens=False).input_ids for token in ids}
            vocabulary = sorted(known | {start, tokenizer.sep_token_id})
    else:
        model, tokenizer = _load_seq2seq(models)
        start = model.config.decoder_start_token_id
    if models.generator != "tiny":
        model.get_input_embeddings().weight.requires_grad_(False)
    generator = Generator(
        model, tokenizer, start, pair=pair, vocabulary=vocabulary, longest=max(64, models.max_target_tokens)
    )
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
