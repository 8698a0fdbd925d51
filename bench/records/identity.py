"""What a result depends on, as plain JSON values: the id that follows from it, and in what two of them differ.

A record keeps the *whole* identity, defaults included, for its readers. Only the id leaves out:

- a setting that is at its default, so that a setting younger than a record does not change its id;
- settings of models that the method does not use (``Options.uses``): another encoder concerns those that read it.

"Default" means the value in `SETTLED`, not today's: what a setting was when it came in. Where a default changes, its
entry stays; cells at the new one get another id, cells that named the old one keep theirs. A setting that has no entry
yet counts by its class (a test asks for the entry). Options of a method count whole: a new one comes with new code,
hence with another `method_version`, which is part of every id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from bench.records.record import Record
from bench.settings.config import SECTIONS, canonical_json
from methods.settings import Settings

# What names a cell to a reader; the rest of its identity says how its result comes about.
NAMES = ("dataset", "method", "ratio", "draw", "seed")
MODEL_FILES = ("generator", "encoder", "instance_encoder")  # of an identity: where each was found, with its hash

# What an identity means that lacks a setting. An entry never changes.
SETTLED: Mapping[str, Any] = {
    "budget": {"max_steps": 300, "max_epochs": 30, "batch_size": 16, "evaluate_every": 100, "patience": 0,
               "restore_best": False, "patience_after": 0},
    "optimisation": {"learning_rate": 2e-4, "new_learning_rate": 5e-4, "weight_decay": 0.01, "warmup": 0.1,
                     "clip_norm": 1.0, "decay": "linear", "groups": {}},
    "models": {"generator": "minilm", "encoder": "sentence-transformers/all-MiniLM-L6-v2",
               "instance_encoder": "sentence-transformers/all-MiniLM-L6-v2", "layers": None, "max_input_tokens": 256,
               "max_target_tokens": 64, "memory": "markers", "dropout": 0.1, "precision": "auto", "lora": None,
               "input": "markers", "instance_encoder_lora": None},
    "scoring": {"rule": "constrained", "length_normalised": False, "train": None, "train_per_token": None,
                "predict": None, "predict_per_token": None},
    "type_constraints": "given", "probes": False, "test_sets": {}, "verbalisation": "phrase",
    "same_sentence": "none",
}  # fmt: skip


def cell_id(identity: Mapping[str, Any], options: type[Settings]) -> str:
    """The first 16 hex digits of the SHA-256 of what is neither unused nor at its default (see the module).
    ``options``: the options class of the method."""
    absent = _absent(options)
    kept: dict[str, Any] = {}
    for name, value in completed(identity, options).items():
        default = absent.get(name)
        if name == "options":  # whole: a plugin's defaults may come from where `method_version` does not look
            kept[name] = value
        elif isinstance(default, Mapping) and default:  # a section: field by field
            kept[name] = {key: one for key, one in value.items() if key not in default or default[key] != one}
        elif name not in absent or value != default:
            kept[name] = value
    return hashlib.sha256(canonical_json(kept).encode()).hexdigest()[:16]


def completed(identity: Mapping[str, Any], options: type[Settings] = Settings) -> dict[str, Any]:
    """An identity of any age with what it does not say (its defaults), and without models that are not used."""
    used = {name for name in MODEL_FILES if name in options.uses}
    whole = {name: value for name, value in identity.items() if name in used or name not in MODEL_FILES}
    for name, default in _absent(options).items():
        recorded = whole.get(name, default)
        whole[name] = {**default, **_section(recorded)} if isinstance(default, Mapping) else recorded
    whole["models"] = {name: value for name, value in whole["models"].items() if name in options.uses}
    return whole


def _section(recorded: Any) -> Mapping[str, Any]:
    """Empty for what is none: configurations of other versions, or edited ones, are compared too."""
    return recorded if isinstance(recorded, Mapping) else {}


def _absent(options: type[Settings]) -> dict[str, Any]:
    sections = {name: _defaults(model) | SETTLED[name] for name, model in SECTIONS.items()}
    return {**SETTLED, **sections, "options": _defaults(options)}


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_construct().model_dump(mode="json", warnings=False)


def key_of(record: Record) -> tuple[Any, ...]:
    """What names its cell: dataset, method, ratio, draw, seed."""
    return tuple(getattr(record, name) for name in NAMES)


def explain(
    cell_id: str, wanted: Mapping[str, Any], records: Sequence[Record], options: type[Settings] = Settings
) -> list[str]:
    """Why a cell is not cached: the identity fields in which it differs from the nearest record of the same
    dataset, method, ratio, draw and seed, as 'field: recorded -> now'. ``options``: as of `cell_id`."""
    best: list[str] | None = None
    for record in records:
        identity = record.identity
        if any(identity.get(name) != wanted[name] for name in NAMES):
            continue
        if record.cell_id == cell_id:
            return [f"failed: {record.error.message}"] if record.error else ["predictions are missing"]
        changes = differences(identity, wanted, options)
        if best is None or len(changes) < len(best):
            best = changes
    return ["never run"] if best is None else best


def differences(then: Mapping[str, Any], now: Mapping[str, Any], options: type[Settings] = Settings) -> list[str]:
    """'field: then -> now' for every field, nested ones by their path, in which two identities differ."""
    before, after = leaves(completed(then, options)), leaves(completed(now, options))
    keys = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [f"{key}: {short(before.get(key))} -> {short(after.get(key))}" for key in keys]


def leaves(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as a flat one: {'budget.max_steps': 300}."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= leaves(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {f"{prefix}{key}": inner}
    return flat


def short(value: object) -> str:
    """A value in a line of text; the middle of a long one is left out."""
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:19]}…{text[-19:]}"
