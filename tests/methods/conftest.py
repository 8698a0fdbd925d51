"""A tiny corpus and tiny real Hugging Face models, made by the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    PegasusConfig,
    PegasusForConditionalGeneration,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
)

from methods.base import Context
from methods.parts.generation.offline import train_tokenizer
from methods.settings import Budget, Models, Optimisation, Scoring
from methods.testing.corpus import SCHEMA
from methods.testing.corpus import instances as make_instances
from methods.types import Instance, RelationSchema


@pytest.fixture(scope="session")
def schema() -> RelationSchema:
    """That of the contract's corpus, without the relation that only datastores have."""
    return replace(SCHEMA, verbalisations={name: SCHEMA.verbalisations[name] for name in SCHEMA.names})


@pytest.fixture(scope="session")
def corpus() -> tuple[list[Instance], list[Instance], list[Instance]]:
    """train (23), dev (5), test (11)."""
    return make_instances("train", 23), make_instances("dev", 5), make_instances("test", 11)


@pytest.fixture
def context(schema: RelationSchema) -> Callable[..., Context]:
    """`context(seed=.., budget=.., models=..)` with small defaults."""

    def make(**changes: object) -> Context:
        settings: dict[str, object] = {
            "seed": 3,
            "budget": Budget(max_steps=4, batch_size=7),
            "models": Models(generator="tiny", max_input_tokens=96),
            "optimisation": Optimisation(),
            "scoring": Scoring(),
        }
        return Context(schema=schema, **(settings | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def seq2seq(tmp_path_factory: pytest.TempPathFactory, schema: RelationSchema) -> dict[str, Path]:
    """Directories of tiny random T5, BART and Pegasus models and a RoBERTa encoder with a tokenizer of this corpus."""
    texts = [" ".join(i.tokens) for i in make_instances("train", 23)] + list(schema.verbalisations.values())
    tokenizer = train_tokenizer(texts)
    tokenizer.eos_token = tokenizer.sep_token
    size = len(tokenizer)
    torch.manual_seed(0)
    pad, start, end = (tokenizer.convert_tokens_to_ids(t) for t in ("[PAD]", "[CLS]", "[SEP]"))
    special = {"pad_token_id": pad, "eos_token_id": end, "bos_token_id": start}
    t5 = {"vocab_size": size, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2,
          "decoder_start_token_id": pad}  # fmt: skip
    sides = ("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads")
    bart = {"vocab_size": size, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
            "max_position_embeddings": 128, **dict.fromkeys(sides, 2)}  # fmt: skip
    models = {
        "t5": T5ForConditionalGeneration(
            T5Config(
                **t5,
                **special,
            )
        ),
        # As Flan-T5: gated feed-forward, an output layer of its own.
        "gated_t5": T5ForConditionalGeneration(
            T5Config(
                **t5,
                feed_forward_proj="gated-gelu",
                tie_word_embeddings=False,
                **special,
            )
        ),
        "pegasus": PegasusForConditionalGeneration(
            PegasusConfig(
                **bart,
                decoder_start_token_id=pad,
                forced_eos_token_id=None,
                **special,
            )
        ),
        "bart": BartForConditionalGeneration(
            BartConfig(
                **bart,
                decoder_start_token_id=end,
                forced_eos_token_id=None,
                **special,
            )
        ),
        "roberta": RobertaModel(
            RobertaConfig(
                vocab_size=size,
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=130,
                **special,
            ),
            add_pooling_layer=False,
        ),
    }
    for family in ("bart", "pegasus"):
        models[family].final_logits_bias.normal_()  # so that a forgotten bias is seen
    folders = {}
    for name, model in models.items():
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
        tokenizer.save_pretrained(folders[name])
        AutoTokenizer.from_pretrained(folders[name])
    return folders
