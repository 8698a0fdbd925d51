"""Adapters: where they go by default, what is said of names that fit nothing, and that nothing else is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    DistilBertConfig,
    DistilBertModel,
    EncoderDecoderConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from methods.base import Context, MethodError
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.no_retrieval import NoRetrieval
from methods.parts.generation.generator import PAIRS
from methods.parts.lora import ADAPTED, FAMILIES, add_lora, check_lora, default_targets
from methods.parts.model_files import MINILM
from methods.parts.options import NoOptions
from methods.settings import Lora, Models
from methods.types import Instance

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
SMALL = {"vocab_size": 50, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}


def t5(feed_forward: str) -> nn.Module:
    size = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(feed_forward_proj=feed_forward, **size))


def adapted(model: nn.Module) -> set[str]:
    """Names of the layers with adapters. Nothing else is trained."""
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert all(".lora_A." in name or ".lora_B." in name for name in trained)
    return {name.partition(".lora_")[0].rpartition(".")[2] for name in trained}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda seq2seq: t5("relu"), {"q", "k", "v", "o", "wi", "wo"}),
        (lambda seq2seq: t5("gated-gelu"), {"q", "k", "v", "o", "wi_0", "wi_1", "wo"}),
        (
            lambda seq2seq: AutoModel.from_pretrained(seq2seq["bart"]),
            {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"},
        ),
        (lambda seq2seq: AutoModel.from_pretrained(seq2seq["roberta"]), {"query", "key", "value", "dense"}),
        (
            lambda seq2seq: DistilBertModel(
                DistilBertConfig(vocab_size=50, dim=16, hidden_dim=32, n_layers=1, n_heads=2)
            ),
            {"q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"},
        ),
        (
            lambda seq2seq: LlamaForCausalLM(LlamaConfig(**SMALL)),
            {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
        ),
        (
            lambda seq2seq: GPT2LMHeadModel(
                GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1)
            ),
            {"c_attn", "c_proj", "c_fc"},
        ),
    ],
    ids=["t5", "gated t5", "bart", "roberta", "distilbert", "llama", "gpt2"],
)
def test_each_family_has_its_layers_and_says_nothing(
    model: Callable[[Any], nn.Module], expected: set[str], seq2seq: dict[str, Path], recwarn: pytest.WarningsRecorder
) -> None:
    assert adapted(add_lora(model(seq2seq), Lora(r=2), "models.lora")) == expected
    assert not [warning for warning in recwarn if "target_modules" in str(warning.message)]


def test_every_family_is_one_that_the_library_knows() -> None:
    for name in FAMILIES:
        assert AutoConfig.for_model(name).model_type == name


def test_a_pair_has_the_layers_of_both_halves() -> None:
    pair = EncoderDecoderConfig(encoder=BertConfig().to_dict(), decoder=GPT2Config().to_dict())
    assert default_targets(pair, "models.lora") == ["query", "key", "value", "dense", "c_attn", "c_proj", "c_fc"]


def test_an_unknown_family_asks_for_its_layers() -> None:
    class Config:
        model_type = "whatever"

    model = nn.Sequential(nn.Linear(3, 5))
    model.config = Config()
    with pytest.raises(
        MethodError, match=r"type 'whatever'; name the layers to adapt with models\.lora\.target_modules"
    ):
        add_lora(model, Lora(), "models.lora")
    assert adapted(add_lora(model, Lora(target_modules=("0",)), "models.lora")) == {"0"}


def test_a_given_name_that_fits_no_layer_is_named() -> None:
    with pytest.warns(UserWarning, match=r"^models\.lora\.target_modules: no layer is called v_proj, typo$"):
        model = add_lora(t5("relu"), Lora(r=2, target_modules=("q", "v_proj", "typo")), "models.lora")
    assert adapted(model) == {"q"}


@pytest.mark.parametrize("names", [("typo",), ("i", "SelfAttention.")])
def test_names_that_fit_no_layer_at_all_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(MethodError, match=r"models\.lora\.target_modules fits no layer of the model: "):
        add_lora(t5("relu"), Lora(target_modules=names), "models.lora")


def test_a_layer_that_cannot_be_adapted_is_refused() -> None:
    with pytest.raises(MethodError, match=r"not all of them are layers that can be adapted: .{1,200}$"):
        add_lora(t5("relu"), Lora(target_modules=("dropout",)), "models.lora")


def test_a_layer_may_be_named_by_the_end_of_its_path() -> None:
    model = add_lora(t5("relu"), Lora(r=2, target_modules=("SelfAttention.q",)), "models.lora")
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert names
    assert all("SelfAttention.q.lora_" in name for name in names)


@pytest.mark.parametrize("name", PAIRS)
def test_the_offline_generators_take_no_adapters(name: str, context: MakeContext, corpus: Corpus) -> None:
    method = NoRetrieval(NoOptions(), context(models=Models(generator=name, lora=Lora())))
    with pytest.raises(MethodError, match=f"^models.lora is for pretrained models; generator '{name}'"):
        method.fit(*corpus[:2])


def test_an_encoder_from_scratch_takes_no_adapters(context: MakeContext, corpus: Corpus) -> None:
    models = Models(generator="tiny", instance_encoder="tiny", instance_encoder_lora=Lora())
    with pytest.raises(MethodError, match=r"^models.instance_encoder_lora .*; instance_encoder 'tiny'"):
        Etrag(EtragOptions(), context(models=models)).fit(*corpus[:2])


def test_adapters_of_a_model_that_is_not_read_are_no_mistake() -> None:
    models = Models(generator="tiny", lora=Lora(), instance_encoder_lora=Lora())
    check_lora(models, ())
    check_lora(models, ("instance_encoder_lora",))  # of MiniLM
    assert ADAPTED["lora"][1] == PAIRS


@pytest.mark.parametrize("encoder", [MINILM, "roberta"])
def test_adapters_of_the_instance_encoder_are_trained_and_its_weights_are_not(
    encoder: str, context: MakeContext, corpus: Corpus, seq2seq: dict[str, Path]
) -> None:
    name = str(seq2seq.get(encoder, encoder))
    models = Models(generator="tiny", instance_encoder=name, instance_encoder_lora=Lora(r=2), layers=1)
    method = Etrag(EtragOptions(candidate_count=13, temperature=0.1, learning_rate=1e-2), context(models=models))
    method.start(corpus[0])
    (retriever,) = [group for group in method.groups() if group.name == "retriever"]
    adapters = {name for name, p in method.conditioner.retriever.named_parameters() if p.requires_grad}
    assert len(retriever.parameters) == len(adapters) > 0
    assert all(".lora_A." in name or ".lora_B." in name for name in adapters)
    method.fit(*corpus[:2])  # from the start again
    fresh = method.retriever(corpus[0]).state_dict()
    for name, value in method.conditioner.retriever.state_dict().items():
        if ".lora_B." in name and "pooler" not in name:
            assert not torch.equal(value, fresh[name]), name
        elif ".lora_" not in name:
            assert torch.equal(value, fresh[name]), name
