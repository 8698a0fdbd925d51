"""The card of a corpus as text, Markdown, JSON and plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.findings import Finding
from bench.data.quality import DataCard
from bench.drawing.histogram import drawn, relation_histogram
from bench.drawing.style import figure_bytes, legend
from bench.names import visible
from bench.records.files import write_file
from bench.report.tabular import Table, escape_markdown, to_console, to_markdown

_ORDER = ("leak", "warning", "note")


def render_card(card: DataCard) -> str:
    """The card for a terminal. Corpora are untrusted: what does not print is shown as its code point."""
    lines = [_title(card), *_counted(card), "", to_console(_splits(card)), to_console(_subsets(card))]
    for finding in _sorted(card):
        lines += [f"{finding.severity}: {_statement(finding)}", *(f"    {line}" for line in _examples(finding))]
    lines += [f"remark: {remark}" for remark in _remarks(card)]
    return "\n".join([*lines, *_unnamed(card), _conclusion(card)])


def write_card(card: DataCard, out: Path) -> list[Path]:
    """Write card.json, card.md and relations.png / .pdf into ``out``, each replaced as a whole; the paths."""
    figure = relation_histogram(card.dataset, _counts(card))
    content = card.plain() | {"digest": card.digest}
    files = {
        "card.json": json.dumps(content, indent=1, allow_nan=False).encode() + b"\n",
        "card.md": _markdown(card).encode(),
        "relations.png": figure_bytes(figure, "png"),
        "relations.pdf": figure_bytes(figure, "pdf"),
    }
    for name, data in files.items():
        write_file(out / name, data)
    return [out / name for name in files]


def _markdown(card: DataCard) -> str:
    sections = [f"# {escape_markdown(visible(card.dataset))}\n", f"{escape_markdown(_conclusion(card))}\n"]
    sections += [f"- content {card.content_hash}\n- card {card.digest}\n"]
    sections += [f"- {escape_markdown(line)}\n" for line in _counted(card)]
    sections += [to_markdown(_splits(card)), to_markdown(_subsets(card)), "## Findings\n"]
    for finding in _sorted(card):
        examples = "".join(f"  - {escape_markdown(line)}\n" for line in _examples(finding))
        sections.append(f"- **{finding.severity}**: {escape_markdown(_statement(finding))}\n{examples}")
    sections += [f"- remark: {escape_markdown(remark)}\n" for remark in _remarks(card)]
    sections += ["## Relations\n", to_markdown(_relations(card)), "![Share of each relation](relations.png)\n"]
    sections += [f"{escape_markdown(line)}\n" for line in _unnamed(card)]
    return "\n".join(sections)


def _unnamed(card: DataCard) -> list[str]:
    """What the numbers in the plot stand for, where it has any."""
    return legend(drawn(_counts(card)))


def _counts(card: DataCard) -> dict[str, dict[str, int]]:
    return {split: part["relations"] for split, part in card.splits.items()}


def _title(card: DataCard) -> str:
    return f"{visible(card.dataset)}  content {card.content_hash[:16]}  card {card.digest[:16]}"


def _conclusion(card: DataCard) -> str:
    leaking = sum(finding.count for finding in card.leaks)
    return f"{leaking} leaks" if leaking != 1 else "1 leak"


def _counted(card: DataCard) -> list[str]:
    """What the loader read and left out, in its own words."""
    lines = []
    for key in ("read", "dropped"):
        found: Any = card.counted.get(key)
        if isinstance(found, Mapping):
            found = ", ".join(f"{name} {count}" for name, count in found.items())
        if found not in (None, ""):
            lines.append(visible(f"{key}: {found}", 300))
    return lines


def _remarks(card: DataCard) -> list[str]:
    remarks: Any = card.counted.get("remarks", ())
    return [visible(str(remark), 300) for remark in remarks]


def _sorted(card: DataCard) -> list[Finding]:
    return sorted(card.findings, key=lambda finding: _ORDER.index(finding.severity))


def _statement(finding: Finding) -> str:
    return f"{finding.message}: {finding.count} of {finding.total}"


def _examples(finding: Finding) -> list[str]:
    return [f"{', '.join(example.ids)}  {example.text}".strip() for example in finding.examples]


def _splits(card: DataCard) -> Table:
    lengths = list(next(iter(card.splits.values()))["tokens"])
    rows = tuple(
        (
            split,
            str(numbers["instances"]),
            f"{100 * numbers['negative_share']:.1f}%" if card.negative is not None else "–",
            str(sum(count > 0 for count in numbers["relations"].values())),
            *(str(numbers["tokens"][name]) for name in lengths),
        )
        for split, numbers in card.splits.items()
    )
    return Table(("split", "instances", "negative", "relations", *(f"tokens {name}" for name in lengths)), rows, ())


def _subsets(card: DataCard) -> Table:
    rows = tuple(
        (ratio, str(numbers["train"]), str(numbers["dev"]), str(len(numbers["once_in_train"])))
        for ratio, numbers in card.subsets.items()
    )
    return Table(("ratio", "train", "dev", "relations with one instance"), rows, ())


def _relations(card: DataCard) -> Table:
    names = next(iter(card.splits.values()))["relations"]
    rows = tuple(
        (visible(name), *(str(numbers["relations"][name]) for numbers in card.splits.values())) for name in names
    )
    return Table(("relation", *card.splits), rows, ())
