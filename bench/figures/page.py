"""Contracts with their cells -> `figures.md`, CSVs and drawings. From the records alone: same records, same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.drawing.style import figure_bytes, legend
from bench.errors import StoreError
from bench.figures.cells import Cell, Wanted
from bench.figures.contract import Contract, Value
from bench.figures.draw import axis_names, draw
from bench.figures.numbers import numbers, shown, summary, values_of
from bench.figures.readings import readings_table
from bench.figures.rules import Estimate, Verdict, verdicts
from bench.names import MISSING, ratio_name
from bench.records.files import file_names, write_file
from bench.records.identity import completed
from bench.records.record import Record
from bench.report.tabular import Table, escape_markdown, to_markdown

HEAD = """# Figures and claims

Made by `python -m bench figures` from stored records. A claim is decided on each corpus apart, from draws of the
training subset: intervals are 95% Student's t over draws, seeds averaged first. Where cells are missing or draws too
few, it is not testable here; "not supported" says that these runs do not show it, not that its opposite is true.
"""


def write_page(out: Path, figures: Sequence[tuple[Contract, Sequence[Cell]]]) -> tuple[list[Path], list[Verdict]]:
    """Write OUT/figures.md, OUT/claims.csv and per contract NAME.csv, NAME-DATASET.png and .pdf (no drawing where no
    cell has what it shows). Returns the paths and the verdicts. Raises StoreError where the disk does not take them.
    """
    contents: dict[str, bytes] = {}
    sections, decided = [], list[tuple[Contract, Verdict]]()
    for contract, cells in figures:
        found = verdicts(contract, cells)
        decided += [(contract, verdict) for verdict in found]
        contents[f"{contract.name}.csv"] = _csv(cells_table(contract, cells))
        drawn = dict[str, str]()
        datasets = list(dict.fromkeys(cell.wanted.dataset for cell in cells))
        for dataset, name in file_names(datasets).items():
            figure = draw(contract, [cell for cell in cells if cell.wanted.dataset == dataset])
            if figure is not None:
                drawn[dataset] = f"{contract.name}-{name}"
                for form in ("png", "pdf"):
                    contents[f"{drawn[dataset]}.{form}"] = figure_bytes(figure, form)
        sections.append(_section(contract, cells, found, drawn))
    contents["claims.csv"] = _csv(claims_table(decided))
    contents["figures.md"] = "\n".join([HEAD, to_markdown(_overview(decided)), *sections]).encode()
    try:
        for name, content in contents.items():
            write_file(out / name, content)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from error
    return [out / name for name in contents], [verdict for _, verdict in decided]


def cells_table(contract: Contract, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row per wanted cell: what it is, where its record lies or why there is none, its values as recorded."""
    rows = []
    for cell in cells:
        wish, found = cell.wanted, numbers(cell)
        row = {"dataset": wish.dataset, "series": wish.series, "ratio": wish.ratio, "draw": wish.draw}
        row |= {"seed": wish.seed, "run": cell.store.out.name if cell.store else ""}
        row |= {"cell_id": cell.record.cell_id if cell.record else "", "missing": cell.missing}
        rows.append(row | {path: found.get(path) for path in contract.paths})
    return pd.DataFrame(rows)


def claims_table(decided: Sequence[tuple[Contract, Verdict]]) -> pd.DataFrame:
    """One row per number that a claim rests on, as recorded."""
    return pd.DataFrame(
        {
            "figure": contract.name,
            "dataset": verdict.dataset,
            "claim": verdict.says,
            "whose": verdict.whose,
            "decision": verdict.decision,
            "comparison": estimate.says,
            "value": estimate.value,
            "ratio": estimate.ratio,
            "mean": estimate.interval.mean if estimate.interval else None,
            "low": estimate.interval.low if estimate.interval else None,
            "high": estimate.interval.high if estimate.interval else None,
            "bound": estimate.bound,
            "draws": estimate.n_draws,
            "runs": estimate.interval.n if estimate.interval else 0,
            "unmatched": estimate.apart,
        }
        for contract, verdict in decided
        for estimate in verdict.estimates
    )


def _overview(decided: Sequence[tuple[Contract, Verdict]]) -> Table:
    rows = [
        (f"{verdict.says} ({verdict.whose})", verdict.dataset, verdict.decision, verdict.because, contract.name)
        for contract, verdict in decided
    ]
    return Table(("claim", "corpus", "decision", "because", "figure"), tuple(rows))


def _section(contract: Contract, cells: Sequence[Cell], found: Sequence[Verdict], drawn: Mapping[str, str]) -> str:
    parts = [f"## {escape_markdown(contract.title)}\n"]
    parts.append(f"The paper reports: {escape_markdown(' '.join(contract.paper.reports.split()))}\n")
    if contract.paper.numbers:
        rows = tuple((number.what, f"{number.value:g}", number.source) for number in contract.paper.numbers)
        parts.append(to_markdown(Table(("published, not measured here", "value", "source"), rows)))
    rules = dict.fromkeys((verdict.says, verdict.whose, verdict.rule) for verdict in found)
    parts.append(_listed([f"claim ({whose}): {says}. Decided by {rule}." for says, whose, rule in rules]))
    for dataset in dict.fromkeys(cell.wanted.dataset for cell in cells):
        own = [cell for cell in cells if cell.wanted.dataset == dataset]
        parts.append(f"### {escape_markdown(dataset)}\n")
        if dataset in drawn:
            parts.append(f"![{escape_markdown(f'{contract.title}, {dataset}')}]({drawn[dataset]}.png)\n")
            parts += [f"{escape_markdown(line)}\n" for line in legend(axis_names(contract, own))]
        if any(cell.record for cell in own):
            parts.append(to_markdown(_values(contract, own)))
        decided = [verdict for verdict in found if verdict.dataset == dataset]
        for claim, verdict in zip(contract.claims, decided, strict=True):
            parts.append(_claim(contract, verdict))
            if (readings := readings_table(contract, claim, own)) is not None:
                parts += ["That number by several definitions; the claim's own decides:\n", to_markdown(readings)]
        parts.append(_listed(_missing(own) + _notes(own)))
    return "\n".join(part for part in parts if part)


def _values(contract: Contract, cells: Sequence[Cell]) -> Table:
    groups = defaultdict[tuple[str, float], list[Cell]](list)
    for cell in cells:
        groups[cell.wanted.series, cell.wanted.ratio].append(cell)
    rows = []
    for (series, ratio), group in groups.items():
        if any(cell.record for cell in group):
            texts = [shown(summary(values_of(group, value.path), value.path), value) for value in contract.values]
            rows.append((series, ratio_name(ratio), _count(group), *texts))
    return Table(("series", "ratio", "draws×seeds", *(value.label for value in contract.values)), tuple(rows))


def _count(cells: Sequence[Cell]) -> str:
    """'2×1', or '3 runs' where draws and seeds are no full grid."""
    runs = [cell.wanted for cell in cells if cell.record]
    draws, seeds = len({run.draw for run in runs}), len({run.seed for run in runs})
    return f"{draws}×{seeds}" if draws * seeds == len(runs) else f"{len(runs)} runs"


def _claim(contract: Contract, verdict: Verdict) -> str:
    says = f"**{verdict.decision}**: {escape_markdown(verdict.says)} ({verdict.because}).\n"
    if not any(estimate.interval for estimate in verdict.estimates):
        return says
    rows = tuple(_estimate(contract.value(estimate.value), estimate) for estimate in verdict.estimates)
    return (
        says
        + "\n"
        + to_markdown(Table(("comparison", "of", "ratio", "mean [interval]", "draws", "runs", "holds"), rows))
    )


def _estimate(value: Value, estimate: Estimate) -> tuple[str, ...]:
    runs = str(estimate.interval.n) if estimate.interval else "0"
    apart = f" ({estimate.apart} unmatched left out)" if estimate.apart else ""
    mean = shown(estimate.interval, value, "+" if estimate.lead else "")
    holds = MISSING if estimate.n_draws < 2 else "yes" if estimate.exceeds else "no"
    return estimate.says, value.label, estimate.ratio, mean, str(estimate.n_draws), runs + apart, holds


def _missing(cells: Sequence[Cell]) -> list[str]:
    """What is missing, one line per series, ratio and reason; it names the draws and seeds."""
    groups = defaultdict[tuple[str, float, str], list[str]](list)
    for cell in cells:
        if cell.missing:
            wish = cell.wanted
            groups[wish.series, wish.ratio, cell.missing].append(f"{wish.draw}/{wish.seed}")
    return [
        f"missing: {series} at {ratio_name(ratio)}, draw/seed {', '.join(names)}: {' '.join(why.split())}"
        for (series, ratio, why), names in groups.items()
    ]


def _notes(cells: Sequence[Cell]) -> list[str]:
    """The setting of the records that stand side by side, and in what they differ beyond what was asked."""
    notes = list(dict.fromkeys(_setting(cell.wanted, cell.record) for cell in cells if cell.record))
    records = [cell.record for cell in cells if cell.record]
    for method in dict.fromkeys(record.method for record in records):
        versions = {str(record.identity.get("method_version")) for record in records if record.method == method}
        if len(versions) > 1:
            notes.append(f"{method}: records of {len(versions)} versions of its code")
    per_record: Mapping[str, Callable[[Record], object]] = {
        "contents of the corpus": lambda record: record.identity.get("dataset_hash"),
        "processors": lambda record: record.environment.get("cpu"),
        "thread counts (seconds do not compare)": lambda record: record.environment.get("threads"),
        "kinds of device": lambda record: record.identity.get("device_type"),
    }
    for what, of in per_record.items():
        if (count := len({str(of(record)) for record in records})) > 1:
            notes.append(f"records of {count} {what}")
    return notes


def _setting(wish: Wanted, record: Record) -> str:
    """Which ETRAG, and which baselines, these are."""
    models, scoring = wish.config.models, wish.config.scoring
    etrag = wish.config.options.get("etrag", {})
    texts = completed(record.identity)["verbalisation"]
    staged = "in stages" if etrag.get("stages") or etrag.get("retriever_steps") else "without stages"
    return (
        f"made with: generator {models.generator}, ETRAG's retriever {models.instance_encoder}, {staged}, input "
        f"{models.input}, {texts}s, trained by {scoring.train or scoring.rule} scores"
    )


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"- {escape_markdown(line)}\n" for line in lines)


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()
