"""How small a difference a test set can show, before anything is run."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

DISCORDANCE = 0.2  # assumed share of test instances that exactly one of two methods gets right


def minimum_detectable_difference(
    instances: int, discordance: float = DISCORDANCE, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Smallest difference in accuracy that a two-sided paired test finds with this power; None if none is possible.

    McNemar's test, Connor 1987 (Biometrics 43:207-211): with discordance c, difference d, a = z(1 - alpha/2) and
    b = z(power), n = (a sqrt(c) + b sqrt(c - d^2))^2 / d^2; solved for d it is

        d = sqrt(c) (a sqrt(n) + b sqrt(n + b^2 - a^2)) / (n + b^2),   possible where d <= c.

    Card et al. 2020 (arXiv 2010.06595) recommend it for classifiers. F1 weighs instances unequally, so for it the
    number is a guide; it holds for one trained model per method. Raises ValueError for impossible arguments.
    """
    if instances < 1 or not 0 < discordance <= 1 or not 0 < alpha < 1 or not 0.5 <= power < 1:
        raise ValueError(
            f"impossible: {instances} instances, discordance {discordance}, alpha {alpha}, power {power}"
            " (a power is at least 0.5)"
        )
    a, b = float(ndtri(1 - alpha / 2)), float(ndtri(power))
    inside = instances + b * b - a * a
    if inside < 0:
        return None
    found = math.sqrt(discordance) * (a * math.sqrt(instances) + b * math.sqrt(inside)) / (instances + b * b)
    return found if found <= discordance else None


def power_of(difference: float, instances: int, discordance: float, alpha: float = 0.05) -> float:
    """Power of the same test for a given difference: Phi((|d| sqrt(n) - a sqrt(c)) / sqrt(c - d^2)) and the
    negligible other tail. Raises ValueError where the difference exceeds the discordance."""
    if abs(difference) >= discordance:
        raise ValueError(f"a difference of {difference} needs a discordance above it, got {discordance}")
    a, spread = float(ndtri(1 - alpha / 2)), math.sqrt(discordance - difference**2)
    tails = [(sign * difference * math.sqrt(instances) - a * math.sqrt(discordance)) / spread for sign in (1, -1)]
    return float(ndtr(tails[0]) + ndtr(tails[1]))


def plan_lines(instances: int, draws: int, seeds: int) -> list[str]:
    """What a planned comparison can show, one line per assumed discordance."""
    lines = [
        f"minimum detectable difference on {instances} test instances (two-sided 5%, power 80%; in accuracy, a guide "
        f"for F1; one model of each method, and the mean over {draws} draws x {seeds} seeds varies no more):"
    ]
    for assumed in (0.1, DISCORDANCE, 0.3):
        found = minimum_detectable_difference(instances, assumed) if instances else None
        shown = "none, too few instances" if found is None else f"{100 * found:.1f} points"
        lines.append(f"  {shown} if exactly one of two methods is right on {100 * assumed:.0f}% of the instances")
    return lines
