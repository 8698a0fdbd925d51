"""How metrics and ratios are written for a reader."""

MISSING = "–"  # what has not been run, or does not exist
_METRIC_NAMES = {"micro_f1": "micro-F1", "macro_f1": "macro-F1"}


def metric_name(key: str) -> str:
    """'macro_f1' -> 'macro-F1'; a key that this module does not know stays as it is."""
    return _METRIC_NAMES.get(key, key or "F1")


def ratio_name(ratio: float) -> str:
    """0.005 -> '0.5%'."""
    return f"{100 * ratio:.6g}%"
