"""`bench inspect RUN`: one instance with its neighbours, instances that retrieval fixed or broke, errors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.cli import a_path, say_broken, show
from bench.errors import ConfigError, StoreError
from bench.names import visible
from bench.records.record import Record
from methods.types import Instance

TOP = 3  # scores shown of one prediction


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="one instance with its neighbours, what retrieval fixed or broke, errors",
        description="One cell per method, all of one ratio, draw and seed. Without --id and --list: errors in numbers.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("folder", metavar="RUN", type=a_path, help="folder of the run, such as results/default-synthetic")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--id", metavar="X", help="show this test instance with its neighbours")
    what.add_argument("--list", choices=("fixed", "broken", "wrong"), help="ids of instances that are right and were "
        "wrong with --against, the reverse, or wrong")  # fmt: skip
    add("--method", metavar="M", nargs="+", default=[], help="methods to show (default: all)")
    add("--against", metavar="M", default="no_retrieval", help="what --list compares with (default: no_retrieval)")
    add("--ratio", metavar="R", type=float, help="default: the largest")
    add("--draw", metavar="D", type=int, help="default: the lowest")
    add("--seed", metavar="S", type=int, help="default: the lowest")
    add(
        "--test-set", metavar="KEY", help="one of `bench run --test-sets` instead of the corpus's own, such as A or A@B"
    )
    add(
        "--data-dir",
        metavar="DIR",
        type=a_path,
        help="folder of the corpus's files, where it is not that of the run",
    )
    add("--as-run", action="store_true", help="open the corpus's folder, files or hub id that the run names")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError for what the run does not have, StoreError for broken files."""
    from bench.records.run import Run, cells_of_one_setting, predictions_on

    found = Run.open(args.folder)
    compared = args.list in ("fixed", "broken")
    methods = [*args.method, args.against] if compared and args.method else args.method
    cells = cells_of_one_setting(found, methods, args.ratio, args.draw, args.seed)
    cells = {method: record for method, record in cells.items() if found.store.sound(record)}
    if not cells:
        raise StoreError("; ".join(found.store.broken.values()))
    lines = predictions_on(found.store, cells, args.test_set)
    if compared and args.against not in lines:
        raise ConfigError(
            f"{args.folder} has no finished cell of {args.against} beside {', '.join(lines)}; see --against"
        )
    if args.list:
        _list(lines, args.list, args.against)
        return say_broken(found.store)
    dataset, why = found.corpus(args.data_dir, as_run=args.as_run)
    instances = None if dataset is None else dataset.by_id
    if instances is None:
        show(f"ids alone, the corpus is not at hand: {why}\n")
    headings = {method: _heading(cells[method], args.test_set) for method in lines}
    if args.id is not None:
        _show(args.id, headings, lines, instances)
        return say_broken(found.store)
    for method, heading in headings.items():
        show(f"{heading}\n")
        before = lines.get(args.against) if method != args.against else None
        _summarise(lines[method], before, cells[method].negative, instances)
    return say_broken(found.store)


def _list(lines: Mapping[str, Sequence[Mapping[str, Any]]], which: str, against: str) -> None:
    """One line per instance: id, method, gold, what was predicted."""
    from bench.scoring.answers import label_text, moves, right

    for method, predicted in lines.items():
        if which == "wrong":
            for line in predicted:
                if not right(line):
                    labels = label_text(line["gold"]), label_text(line["predicted"])
                    show(f"{line['id']}  {method}  gold {labels[0]}: {labels[1]}")
        elif method != against:
            turned = "broke" if which == "broken" else "fixed"
            for move in moves(lines[against], predicted):
                if move.turned == turned:
                    show(f"{move.id}  {method}  gold {move.gold}: {move.before} -> {move.after}")


def _summarise(
    lines: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]] | None,
    negative: str | None,
    instances: Mapping[str, Instance] | None,
) -> None:
    from bench.report.answer_tables import error_tables, move_tables
    from bench.report.tabular import to_console
    from bench.scoring.answers import moves

    tables = error_tables(lines, negative, instances)
    tables += [] if before is None else move_tables(moves(before, lines))
    for title, table in tables:
        show(f"{title}\n{to_console(table)}")


def _show(
    name: str,
    headings: Mapping[str, str],
    lines: Mapping[str, Sequence[Mapping[str, Any]]],
    instances: Mapping[str, Instance] | None,
) -> None:
    """Raises ConfigError where no method predicted the instance."""
    from bench.scoring.answers import label_text

    chosen = {method: next((line for line in rows if line["id"] == name), None) for method, rows in lines.items()}
    known = next((line for line in chosen.values() if line is not None), None)
    if known is None:
        example = next((line["id"] for rows in lines.values() for line in rows), "none")
        raise ConfigError(
            f"--id {visible(name, 60)}: no test instance of this run; ids look like {visible(example, 60)}"
        )
    query = None if instances is None else instances.get(name)
    show(visible(name))
    if query is not None:
        show(f"  {_text(query)}")
    show(f"  gold: {label_text(known['gold'])}")
    for method, line in chosen.items():
        if line is not None:
            show(f"\n{headings[method]}")
            for row in _answer(line, query, instances or {}):
                show(f"  {row}")


def _answer(line: Mapping[str, Any], query: Instance | None, instances: Mapping[str, Instance]) -> Iterator[str]:
    """A prediction, its best scores and the gold ones, its probes, its neighbours."""
    from bench.scoring.answers import label_text, names, right
    from bench.scoring.neighbours import named, shared, traits

    yield f"predicted: {label_text(line['predicted'])} ({'right' if right(line) else 'wrong'})"
    best = sorted(line["scores"].items(), key=lambda item: (-item[1], item[0]))
    shown = [item for rank, item in enumerate(best) if rank < TOP or item[0] in names(line["gold"])]
    yield "scores: " + ", ".join(f"{relation} {score:.2f}" for relation, score in shown)
    if probes := line.get("probes"):
        yield "probes: " + ", ".join(f"{name} {label_text(label)}" for name, label in probes.items())
    for rank, (name, weight) in enumerate(line["neighbours"] or (), 1):
        near = instances.get(name)
        if near is None or query is None:
            yield f"{rank}. {weight:.3g}  {name}"
            continue
        common = named(shared(traits(query), traits(near)))
        yield f"{rank}. {weight:.3g}  {name}  {label_text(near.relations)}  shares {', '.join(common) or 'nothing'}"
        yield f"   {_text(near)}"


def _heading(record: Record, test_set: str | None) -> str:
    metrics = record.metrics if test_set is None else (record.test_sets or {})[test_set]["metrics"]
    return (
        f"{record.method}  ratio {record.ratio:g}  draw {record.draw}  seed {record.seed}  "
        f"({record.cell_id}{f', {test_set}' if test_set else ''}, F1 {100 * metrics['f1']:.1f})"
    )


def _text(instance: Instance) -> str:
    """The sentence with the head between <e1> and </e1>, the tail between <e2> and </e2>."""
    from methods.parts.verbalize import marked_words

    return visible(" ".join(marked_words(instance)))
