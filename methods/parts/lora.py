"""Low-rank adapters (Hu et al. 2022, arXiv 2106.09685) by peft. No torch here: planning checks settings without it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Any

from methods.base import MethodError
from methods.settings import Lora, Models

# What is adapted unless `target_modules` says else: attention and feed-forward layers of each family, as ETRAG's
# authors have them. Of the T5 family a gated model has wi_0 and wi_1, the others wi.
T5 = ("q", "k", "v", "o", "wi", "wo", "wi_0", "wi_1")
BART = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
BERT = ("query", "key", "value", "dense")
DISTILBERT = ("q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2")
LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
GPT2 = ("c_attn", "c_proj", "c_fc")
FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("t5", "mt5", "umt5", "longt5"), T5),
    **dict.fromkeys(("bart", "mbart", "pegasus", "pegasus_x", "marian", "m2m_100", "blenderbot", "plbart"), BART),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "electra"), BERT),
    "distilbert": DISTILBERT,
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gemma3_text"), LLAMA),
    "gpt2": GPT2,
}
# Setting -> the model that it adapts, and names of it that stand for new weights, all of which are trained.
ADAPTED = {"lora": ("generator", ("minilm", "tiny")), "instance_encoder_lora": ("instance_encoder", ("tiny",))}


def check_lora(models: Models, uses: Collection[str]) -> None:
    """Raises MethodError for adapters of a model that cannot have them. ``uses``: the fields of ``models`` that are
    read."""
    for setting, (model, whole) in ADAPTED.items():
        if setting in uses and getattr(models, setting) is not None and (name := getattr(models, model)) in whole:
            raise MethodError(
                f"models.{setting} is for pretrained models; {model} {name!r} has new weights and is trained whole: "
                f"leave it out, or name another model with models.{model}"
            )


def add_lora(model: Any, lora: Lora, setting: str) -> Any:
    """``model`` with adapters, which alone are trained from now on. ``setting``: what messages call ``lora``.

    Warns of given target modules that are no layer of the model. Raises MethodError without peft, where no target
    module is a layer that can be adapted, and for a family without known targets.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MethodError(f"{setting} needs the package peft: pip install peft") from error
    given = lora.target_modules
    targets = default_targets(model.config, setting) if given is None else given
    layers = [name for name, _ in model.named_modules()]
    missing = [name for name in targets if not any(f".{layer}".endswith(f".{name}") for layer in layers)]
    if len(missing) == len(targets):
        raise MethodError(f"{setting}.target_modules fits no layer of the model: {', '.join(targets)}")
    if given is not None and missing:
        warnings.warn(f"{setting}.target_modules: no layer is called {', '.join(missing)}", stacklevel=2)
    found = [name for name in targets if name not in missing]
    transposed = model.config.model_type == "gpt2"  # its layers keep their weights so
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=found, fan_in_fan_out=transposed
    )
    try:
        return inject_adapter_in_model(config, model)
    except ValueError as error:
        said = str(error).partition("\n")[0][:200]  # peft prints the whole module
        message = f"{setting}.target_modules: not all of them are layers that can be adapted: {said}"
        raise MethodError(message) from error


def default_targets(config: Any, setting: str) -> Sequence[str]:
    """Of the model's family, or of those of both halves of an encoder-decoder pair. Raises MethodError."""
    halves = [config.encoder, config.decoder] if config.model_type == "encoder-decoder" else [config]
    for half in halves:
        if half.model_type not in FAMILIES:
            raise MethodError(
                f"{setting}: no default target modules for a model of type {half.model_type!r}; name the layers to "
                f"adapt with {setting}.target_modules"
            )
    return list(dict.fromkeys(name for half in halves for name in FAMILIES[half.model_type]))
