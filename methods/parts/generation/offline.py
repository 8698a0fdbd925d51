"""The offline generators: a BERT encoder with a new pre-norm decoder, as a Hugging Face `EncoderDecoderModel`.

`minilm` starts from all-MiniLM-L6-v2 (Rothe et al. 2020 warm-start both sides; here the decoder borrows only its
word embeddings, see docs/recipes.md), `tiny` from random weights and a BPE vocabulary of the training subset.
The decoder's vocabulary is the label trie's: nothing else can ever be generated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertConfig,
    BertModel,
    EncoderDecoderModel,
    MBartConfig,
    MBartForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as hf_logging

from methods.parts.model_files import resolve

TINY_VOCABULARY = 4000


def load_encoder(name: str, texts: Sequence[str], dropout: float, layers: int | None = None) -> tuple[BertModel, Any]:
    """(encoder, tokenizer) of 'tiny' or of a BERT model directory such as MiniLM, cut to its first ``layers``.

    No dropout on attention weights: it forbids the fused attention kernel and made a step a fifth slower on CPU.
    """
    if name == "tiny":
        tokenizer = train_tokenizer(texts)
        size = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256}
        config = BertConfig(vocab_size=len(tokenizer), **size)
        config.hidden_dropout_prob, config.attention_probs_dropout_prob = dropout, 0.0
        return BertModel(config, add_pooling_layer=False), tokenizer
    path = resolve(name).path
    with Quiet():
        encoder = BertModel.from_pretrained(
            path, add_pooling_layer=False, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0.0
        )
    if layers is not None:
        encoder.encoder.layer = encoder.encoder.layer[:layers]
        encoder.config.num_hidden_layers = len(encoder.encoder.layer)
    return encoder, AutoTokenizer.from_pretrained(path)


def with_dropout(path: Path, dropout: float) -> Any:
    """The configuration of a pretrained model with its dropout set, whatever its family calls it."""
    config = AutoConfig.from_pretrained(path)
    for name in ("dropout", "dropout_rate", "hidden_dropout_prob"):
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def train_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Lower-cased BPE tokenizer learned from ``texts``, the same in every process.

    (The library's WordPiece trainer is not: its continuation pieces are numbered in the order of a hash map.)
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    core = Tokenizer(models.BPE(unk_token=special["unk_token"]))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=TINY_VOCABULARY, special_tokens=list(special.values()), show_progress=False
    )
    core.train_from_iterator(sorted(texts), trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(t, core.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, **special)


def build_pair(
    encoder: BertModel, vocabulary: Sequence[int] | None, start: int, dropout: float, longest: int
) -> EncoderDecoderModel:
    """Join ``encoder`` and a new one-layer pre-norm decoder over ``vocabulary`` (encoder token ids, in row order), or
    over all that the encoder reads (None).

    Input and output rows of the decoder are one matrix: a trained copy of the encoder's word embeddings, or these
    themselves where they are all of them.
    """
    width = encoder.config.hidden_size
    words = encoder.get_input_embeddings().weight
    config = MBartConfig(
        vocab_size=len(words if vocabulary is None else vocabulary),
        d_model=width,
        decoder_layers=1,
        decoder_attention_heads=encoder.config.num_attention_heads,
        decoder_ffn_dim=2 * width,
        max_position_embeddings=longest,
        dropout=dropout,
        attention_dropout=dropout,
        activation_function="gelu",
        pad_token_id=start,
        bos_token_id=start,
        eos_token_id=start,
        decoder_start_token_id=start,
        init_std=width**-0.5,  # MBart's own 0.02 leaves the new cross-attention nearly silent for 100 steps
        add_cross_attention=True,
        is_decoder=True,
        tie_word_embeddings=True,
    )
    decoder = MBartForCausalLM(config)
    if vocabulary is None:
        decoder.get_input_embeddings().weight = words
    else:
        with torch.no_grad():
            decoder.get_input_embeddings().weight.copy_(words[list(vocabulary)])
    decoder.get_output_embeddings().weight = decoder.get_input_embeddings().weight
    model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = start
    return model


class Quiet:
    """Hold back transformers' loading reports (unused pooler weights and the like), keep its errors."""

    def __enter__(self) -> None:
        self._level = hf_logging.get_verbosity()
        hf_logging.set_verbosity_error()
        hf_logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        hf_logging.set_verbosity(self._level)
