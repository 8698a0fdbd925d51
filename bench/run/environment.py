"""Where a result was made: versions, commit, processor, determinism. Goes into every record."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from bench.paths import ROOT

# What can change a number. Those that are not installed are left out.
PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "faiss-cpu", "rank-bm25", "numpy", "scipy")


def resolve_device(wanted: str) -> str:
    """'auto' -> the first GPU if there is one, else the CPU; other names are checked. A torch that was built for CPUs
    alone is asked without importing it.

    Raises ConfigError for a GPU that is not there.
    """
    if wanted == "cpu":
        return wanted
    found = _gpus()
    if wanted == "auto":
        return "cuda" if found else "cpu"
    index = int(wanted.partition(":")[2] or 0)
    if index >= found:
        raise ConfigError(f"--device {wanted}: torch sees {found} GPUs; use --device cpu, or install torch with CUDA")
    return wanted


def _gpus() -> int:
    if "torch" not in sys.modules and not _built_for_gpus():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _built_for_gpus() -> bool:
    """What `torch/version.py` says of CUDA and ROCm; True where it does not say."""
    spec = find_spec("torch")
    try:
        text = Path(spec.origin if spec and spec.origin else "").with_name("version.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return True
    values = dict(re.findall(r"^(cuda|hip)\b[^=\n]*= *(\S+)$", text, re.MULTILINE))
    return values.get("cuda") != "None" or values.get("hip", "None") != "None"


def describe(device: str) -> dict[str, Any]:
    """The `environment` of a record, after `seeds.seed_everything`. Loads torch."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        **_checkout(),
        "determinism": {
            "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
            "tf32": torch.backends.cuda.matmul.allow_tf32,
        },
        "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "packages": dict(_packages()),
    }


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


@cache
def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _checkout() -> dict[str, Any]:
    """Commit and whether tracked files differ from it; both None outside a checkout of this project."""
    top, commit, status = (
        _git("rev-parse", "--show-toplevel"),
        _git("rev-parse", "HEAD"),
        _git("status", "--porcelain", "--untracked-files=no"),
    )
    # Installed into an environment inside somebody else's checkout, that commit would say nothing of this code.
    if top is None or commit is None or Path(top).resolve() != ROOT:
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(status)}


@cache
def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
