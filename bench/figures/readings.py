"""The number of a claim by other definitions, each with its chance: printed beside the verdict, never decided."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures.cells import Cell
from bench.figures.contract import Claim, Contract
from bench.figures.numbers import shown, summary, values_of
from bench.names import ratio_name
from bench.report.tabular import Table

NOT_DERIVED = "not derived"


def readings_table(contract: Contract, claim: Claim, cells: Sequence[Cell]) -> Table | None:
    """A reading a row, each ratio of the claim's series two columns; None without readings or any record."""
    value = contract.value(claim.of.value)
    groups: dict[float, list[Cell]] = {}
    for cell in cells:
        if cell.record and cell.wanted.series == claim.of.series:
            groups.setdefault(cell.wanted.ratio, []).append(cell)
    if not (claim.readings and groups):
        return None
    header = [value.label, *(text for ratio in groups for text in (ratio_name(ratio), "by chance"))]
    rows = []
    for reading in claim.readings:
        row = [reading.says]
        for group in groups.values():
            for path in (reading.value, reading.chance):
                found = summary(values_of(group, path), path) if path else None
                row.append(shown(found, value) if found or not path else NOT_DERIVED)
        rows.append(tuple(row))
    ks = {cell.neighbours["k"] for group in groups.values() for cell in group if cell.neighbours}
    return Table(tuple(header), tuple(rows), (f"k = {', '.join(map(str, sorted(ks)))}.",) if ks else ())
