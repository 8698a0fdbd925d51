"""Seeds from named components, and one call that makes a process deterministic."""

from __future__ import annotations

import hashlib
import json
import os
import random

import numpy as np


def derive(*components: str | int | float) -> int:
    """A seed of 63 bits from named components: SHA-256 of their JSON, so ("a", 1) and ("a1",) differ."""
    digest = hashlib.sha256(json.dumps(components).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed random, numpy and torch, and let torch use deterministic algorithms only."""
    # cuBLAS reads this when its first handle is made; without it, deterministic matrix products raise.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # libraries draw from the global generator
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
