"""Where the project's own files lie, in a checkout and beside an installed package alike."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
PRESETS = CONFIGS / "presets"
CONTRACTS = CONFIGS / "figures"
