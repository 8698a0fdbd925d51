"""What lies beside the checkout: real corpora and outputs of official scorers, absent from the project itself."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
DATA, ORACLES = SHARED / "data", SHARED / "oracles"


def needs(path: Path) -> pytest.MarkDecorator:
    """Skips where ``path`` is absent, and says so."""
    return pytest.mark.skipif(not path.exists(), reason=f"needs ../shared/{path.relative_to(SHARED)}")
