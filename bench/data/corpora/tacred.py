"""TACRED (Zhang et al. 2017, https://aclanthology.org/D17-1004; LDC2018T24), TACRED Revisited and Re-TACRED.

The data directory holds the LDC's train.json, dev.json and test.json, and for a variant the files of its release:

- `tacrev` (https://github.com/DFKI-NLP/tacrev): dev_rev.json and test_rev.json, whole records or changed labels only;
  or else dev_patch.json and test_patch.json. Train is TACRED's. Whole records need no dev.json and test.json.
- `retacred` (https://github.com/gstoica27/Re-TACRED): {train,dev,test}_id2label.json. As in the release, an instance
  without a new label is removed; the card says how many.

The option `revisions` names other files; `{split}.json` reads records to which the release was applied already. Ids
are the LDC's, so that published subsets fit (bench.data.split_ids).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from bench.data.base import Dataset
from bench.data.cache import Contents, Parsed, cached
from bench.data.constraints import read_constraints
from bench.data.corpora import tacred_format
from bench.data.corpora.tacred_format import (
    BRACKETS,
    Numbered,
    instance,
    parse_json,
    records_by_id,
    revised_labels,
    whole_records,
)
from bench.data.split import relation_counts
from bench.data.verbalise import Verbalised, known_texts
from bench.errors import DataError
from methods.types import Instance

NEGATIVE = "no_relation"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BOTH = _words(
    "org:alternate_names org:dissolved org:founded org:founded_by org:member_of org:members "
    "org:number_of_employees/members org:political/religious_affiliation org:shareholders org:top_members/employees "
    "org:website per:age per:cause_of_death per:charges per:children per:cities_of_residence per:city_of_birth "
    "per:city_of_death per:countries_of_residence per:country_of_birth per:country_of_death per:date_of_birth "
    "per:date_of_death per:employee_of per:origin per:other_family per:parents per:religion per:schools_attended "
    "per:siblings per:spouse per:stateorprovince_of_birth per:stateorprovince_of_death "
    "per:stateorprovinces_of_residence per:title"
)
_TACRED_ONLY = _words(
    "org:city_of_headquarters org:country_of_headquarters org:parents org:stateorprovince_of_headquarters "
    "org:subsidiaries per:alternate_names"
)
_RETACRED_ONLY = _words("org:city_of_branch org:country_of_branch org:stateorprovince_of_branch per:identity")
TACRED = (NEGATIVE, *sorted(_BOTH + _TACRED_ONLY))
RETACRED = (NEGATIVE, *sorted(_BOTH + _RETACRED_ONLY))
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Variant:
    """``revised`` splits get their labels from the first of the files ``patterns``; with ``complete`` an instance
    without a new label is removed, otherwise it keeps the old one. ``sizes`` are the official ones."""

    relations: tuple[str, ...]
    verbalisations: str
    sizes: tuple[int, int, int]
    revised: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    complete: bool = False


VARIANTS = {
    "tacred": Variant(TACRED, "tacred", (68124, 22631, 15509)),
    "tacrev": Variant(
        TACRED, "tacred", (68124, 22631, 15509), SPLITS[1:], ("{split}_rev.json", "{split}_patch.json")
    ),
    "retacred": Variant(RETACRED, "retacred", (58465, 19584, 13418), SPLITS, ("{split}_id2label.json",), True),
}  # fmt: skip


class Options(Verbalised):
    """Options of the dataset `tacred`."""

    variant: Literal["tacred", "tacrev", "retacred"] = Field("tacred", description="whose labels")
    revisions: str = Field("", description="files of revised labels below the data directory, such as my/{split}.json")
    brackets: bool = Field(True, description="turn -LRB-, -RSB- and their like back into brackets")
    type_constraints: str | None = Field(
        None, description='YAML or JSON file {"PERSON|TITLE": [relations]}: what types admit, in the form of SuRE'
    )

    @field_validator("revisions")
    @classmethod
    def _a_name_below(cls, value: str) -> str:
        if value and not re.fullmatch(r"(\w[\w.-]*/)*[\w.-]*\{split\}[\w.-]*", value):
            raise ValueError("expected a relative file name with {split} in its last part, such as my/{split}.json")
        return value


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read a member of the TACRED family from ``data_dir``; parsed instances are kept in the user's cache.

    Raises DataError for a missing directory or file and for the first malformed record.
    """
    if data_dir is None:
        raise DataError("dataset 'tacred' needs --data-dir, a directory with train.json, dev.json and test.json (LDC)")
    if not data_dir.is_dir():
        raise DataError(f"{data_dir} is not a directory: --data-dir must hold train.json, dev.json and test.json (LDC)")
    variant = VARIANTS[options.variant]
    texts = known_texts(options, variant.verbalisations, variant.relations)
    revisions = _revision_files(data_dir, options)
    ldc = {split: data_dir / f"{split}.json" for split in SPLITS}
    inputs = _inputs(data_dir, ldc, revisions)
    parse = partial(_parse, ldc=ldc, revisions=revisions, options=options)
    parsed = cached(
        parse,
        [*inputs, *revisions.values()],
        sources=(__file__, str(tacred_format.__file__)),
        # What is kept has no texts and no constraints.
        options=options.model_dump(mode="json", exclude={*Verbalised.model_fields, "type_constraints"}),
    )
    train, dev, test = (parsed.splits[split] for split in SPLITS)
    sizes = {split: len(parsed.splits[split]) for split in SPLITS}
    card: dict[str, object] = {
        "variant": options.variant,
        "brackets": options.brackets,
        **parsed.counts,
        "sizes": sizes,
        "remarks": [*_remarks(options.variant, sizes, parsed), *texts.remarks],
    }
    given = options.type_constraints
    admitted = {} if given is None else read_constraints(Path(given), variant.relations)
    schema = texts.schema(variant.relations, NEGATIVE, admitted)
    # Under its own name: the scores of two variants are not comparable and must not share a table.
    return Dataset(options.variant, schema, "tacred_micro_f1", train, dev, test, card)


def _remarks(variant: str, sizes: Mapping[str, int], parsed: Parsed) -> list[str]:
    remarks = [
        f"{split} has {sizes[split]} instances, the official {variant} {official}"
        for split, official in zip(SPLITS, VARIANTS[variant].sizes, strict=True)
        if sizes[split] != official
    ]
    if overlapping := sum(parsed.counts["overlapping"].values()):
        remarks.append(f"head and tail overlap in {overlapping} instances")
    return remarks


def _inputs(data_dir: Path, ldc: Mapping[str, Path], revisions: Mapping[str, Path]) -> list[Path]:
    """The LDC's files that are read: a split whose records all stand in its revision needs none."""
    inputs = [path for split, path in ldc.items() if path.is_file() or split not in revisions]
    missing = [path.name for path in inputs if not path.is_file()]
    if missing:
        raise DataError(f"{data_dir} has no {' and no '.join(missing)}: --data-dir must hold the LDC's files")
    return inputs


def _revision_files(data_dir: Path, options: Options) -> dict[str, Path]:
    """Split -> file with its revised labels. Raises DataError where a file is missing."""
    variant = VARIANTS[options.variant]
    if options.revisions and not variant.revised:
        raise DataError("option 'revisions' belongs to the variants tacrev and retacred; set variant, or leave it out")
    patterns = (options.revisions,) if options.revisions else variant.patterns
    found: dict[str, Path] = {}
    for split in variant.revised:
        names = [pattern.replace("{split}", split) for pattern in patterns]
        path = next((data_dir / name for name in names if (data_dir / name).is_file()), None)
        if path is None:
            raise DataError(
                f"{data_dir} has no {' and no '.join(names)}: variant {options.variant} needs the file of its "
                "release (or set the option revisions)"
            )
        found[split] = path
    return found


def _parse(contents: Contents, ldc: Mapping[str, Path], revisions: Mapping[str, Path], options: Options) -> Parsed:
    """All splits, and what was counted. Raises DataError."""
    variant = VARIANTS[options.variant]
    words = dict(BRACKETS) if options.brackets else {}
    splits: dict[str, tuple[Instance, ...]] = {}
    counts: dict[str, Any] = {"read": {}, "dropped": 0, "removed": {}, "relabelled": {}}
    owner: dict[str, str] = {}
    for split in SPLITS:
        file, records = _records(contents, split, ldc[split], revisions.get(split), variant, counts)
        for name, (number, _) in records.items():
            if name in owner:
                where = f"{file}: record {number}: field id"
                raise DataError(f"{where}: {name[:60]!r} stands in {owner[name]} too; an instance belongs to one split")
            owner[name] = file
        splits[split] = tuple(
            instance(file, number, record, variant.relations, words) for number, record in records.values()
        )
    counts["relations"] = {split: relation_counts(part, variant.relations) for split, part in splits.items()}
    counts["overlapping"] = {split: sum(map(_overlap, part)) for split, part in splits.items()}
    return Parsed(splits, counts)


def _records(
    contents: Contents, split: str, ldc: Path, revision: Path | None, variant: Variant, counts: dict[str, Any]
) -> tuple[str, Numbered]:
    """The file that holds the records of a split, and these with their revised labels; adds to ``counts``."""
    # Both may be called train.json, in different folders.
    file = (revision or ldc).relative_to(ldc.parent).as_posix()
    rows = parse_json(file, contents[revision or ldc])
    if revision is None or whole_records(rows):
        records = records_by_id(file, rows)
        counts["read"][split] = len(records)
        return file, records
    labels = revised_labels(file, rows, variant.relations)
    if ldc not in contents:
        raise DataError(f"{file} holds labels only: {ldc.name} of the LDC must lie in the data directory too")
    records = records_by_id(ldc.name, parse_json(ldc.name, contents[ldc]))
    unknown = [name for name in labels if name not in records]
    if unknown:
        raise DataError(
            f"{file}: {len(unknown)} of {len(labels)} ids are not in {ldc.name}, "
            f"the first is {unknown[0][:60]!r}; do the two files belong together?"
        )
    kept = {name: found for name, found in records.items() if name in labels or not variant.complete}
    counts["read"][split] = len(records)
    counts["removed"][split] = len(records) - len(kept)
    counts["dropped"] += len(records) - len(kept)
    counts["relabelled"][split] = sum(
        labels[name]["relation"] != record.get("relation") for name, (_, record) in kept.items() if name in labels
    )
    # All fields of a patch, as the release's own script does.
    return ldc.name, {name: (number, record | labels.get(name, {})) for name, (number, record) in kept.items()}


def _overlap(i: Instance) -> bool:
    return i.head.start < i.tail.end and i.tail.start < i.head.end
