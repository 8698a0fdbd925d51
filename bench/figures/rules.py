"""Claims, decided from the numbers of cells: supported, not supported, or not testable here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.figures.cells import Cell
from bench.figures.contract import AtLeast, Contract, Lead, MoreAtLow, Term
from bench.figures.numbers import numbers, summary
from bench.statistics.intervals import MeanInterval, mean_interval

Decision = Literal["supported", "not supported", "not testable here"]
# {draw: {seed: (value, what the cell learnt from)}}
Values = dict[int, dict[int, tuple[float, object]]]


@dataclass(frozen=True)
class Estimate:
    """One number that a claim rests on; ``interval`` is None without any run. ``lead``: whether it is a difference;
    ``apart``: pairs of runs that had other training instances, and were left out."""

    says: str
    value: str
    ratio: str
    interval: MeanInterval | None
    bound: float
    lead: bool = False
    apart: int = 0

    @property
    def n_draws(self) -> int:
        return self.interval.n_draws if self.interval else 0

    @property
    def exceeds(self) -> bool:
        """Whether the whole interval lies above the bound."""
        return self.interval is not None and self.interval.low is not None and self.interval.low > self.bound


@dataclass(frozen=True)
class Verdict:
    """What became of a claim on a dataset; ``because`` is one sentence."""

    dataset: str
    says: str
    whose: str
    rule: str
    decision: Decision
    because: str
    estimates: tuple[Estimate, ...]


def verdicts(contract: Contract, cells: Sequence[Cell]) -> list[Verdict]:
    """Every claim on every dataset, in the contract's order."""
    datasets = dict.fromkeys(cell.wanted.dataset for cell in cells)
    return [
        _verdict(name, claim, [cell for cell in cells if cell.wanted.dataset == name])
        for claim in contract.claims
        for name in datasets
    ]


def _verdict(dataset: str, claim: Lead | AtLeast, cells: Sequence[Cell]) -> Verdict:
    asked = sorted({cell.wanted.ratio for cell in cells})
    ratios = [ratio for ratio in asked if not claim.ratios or ratio in claim.ratios]
    if isinstance(claim, AtLeast):
        rule = f"the 95% interval over draws, above {claim.threshold:g} at every ratio"
        found = [_level(claim, cells, ratio) for ratio in ratios]
    elif isinstance(claim, MoreAtLow):
        rule = (
            f"the lead at {claim.low:g} minus that at {claim.high:g}, draw by draw: its 95% interval, above "
            f"{claim.margin:g} over each of the others"
        )
        found = [_more_at_low(claim, cells, over) for over in claim.over]
    else:
        rule = (
            "differences of the same draw and seed: their 95% interval over draws, above "
            f"{claim.margin:g} over each of the others and at every ratio"
        )
        found = [_lead(claim, cells, over, ratio) for ratio in ratios for over in claim.over]
    decision, because = decide(found, claim.min_draws)
    return Verdict(dataset, claim.says, claim.whose, rule, decision, because, tuple(found))


def decide(estimates: Sequence[Estimate], min_draws: int) -> tuple[Decision, str]:
    """All estimates must hold (an intersection-union test: no correction for their number is needed, Berger 1982),
    so one that has draws enough and does not hold refutes; otherwise every one needs ``min_draws`` draws."""
    decided = [estimate for estimate in estimates if estimate.n_draws >= min_draws]
    failing = [estimate for estimate in decided if not estimate.exceeds]
    if failing:
        below = [e for e in failing if e.interval and e.interval.high is not None and e.interval.high <= e.bound]
        reversed_ = f"; in {len(below)} the whole interval lies below" if below else ""
        return "not supported", f"{len(failing)} of {len(estimates)} comparisons do not hold{reversed_}"
    lacking = [estimate for estimate in estimates if estimate.n_draws < min_draws]
    if lacking or not estimates:
        n = min((estimate.n_draws for estimate in lacking), default=0)
        return "not testable here", f"n = {n} draws, {min_draws} are needed"
    return "supported", f"all {len(estimates)} comparisons hold"


def _level(claim: AtLeast, cells: Sequence[Cell], ratio: float) -> Estimate:
    runs = collect(cells, claim.of, ratio)
    values = [(draw, value) for draw, row in runs.items() for value, _ in row.values()]
    interval = summary(values, claim.of.value)
    return Estimate(claim.of.series, claim.of.value, f"{ratio:g}", interval, claim.threshold)


def _lead(claim: Lead, cells: Sequence[Cell], over: Term, ratio: float) -> Estimate:
    rows, apart = _differences(collect(cells, claim.of, ratio), collect(cells, over, ratio))
    interval = _interval(rows.values())
    return Estimate(_says(claim.of, over), claim.of.value, f"{ratio:g}", interval, claim.margin, True, apart)


def _more_at_low(claim: MoreAtLow, cells: Sequence[Cell], over: Term) -> Estimate:
    """Differences of differences, draw by draw: the subset of the low ratio lies within that of the high one."""
    at_low = _differences(collect(cells, claim.of, claim.low), collect(cells, over, claim.low))
    at_high = _differences(collect(cells, claim.of, claim.high), collect(cells, over, claim.high))
    rows = []
    for draw in sorted(at_low[0].keys() & at_high[0].keys()):
        low, high = at_low[0][draw], at_high[0][draw]
        rows.append([sum(low) / len(low) - sum(high) / len(high)])
    ratio = f"{claim.low:g} against {claim.high:g}"
    says = f"lead of {_says(claim.of, over)}"
    return Estimate(says, claim.of.value, ratio, _interval(rows), claim.margin, True, at_low[1] + at_high[1])


def collect(cells: Sequence[Cell], term: Term, ratio: float) -> Values:
    """The values of a series at a ratio, as far as there are any."""
    values: Values = defaultdict(dict)
    for cell in cells:
        if cell.wanted.series == term.series and cell.wanted.ratio == ratio:
            number = numbers(cell).get(term.value)
            if number is not None:
                values[cell.wanted.draw][cell.wanted.seed] = number, cell.pair
    return values


def _differences(of: Values, over: Values) -> tuple[dict[int, list[float]], int]:
    """{draw: differences of its seeds}, and how many pairs learnt from different instances and are left out."""
    rows: defaultdict[int, list[float]] = defaultdict(list)
    apart = 0
    for draw in sorted(of.keys() & over.keys()):
        for seed in sorted(of[draw].keys() & over[draw].keys()):
            (one, learnt), (other, from_) = of[draw][seed], over[draw][seed]
            if learnt == from_:
                rows[draw].append(one - other)
            else:
                apart += 1
    return dict(rows), apart


def _interval(rows: Iterable[list[float]]) -> MeanInterval | None:
    found = list(rows)
    return mean_interval(found) if found else None


def _says(of: Term, over: Term) -> str:
    """What is subtracted from what."""
    if of.series == over.series:
        return f"{of.series}, minus {over.value}"
    return f"{of.series} minus {over.series}"
