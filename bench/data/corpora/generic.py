"""Corpora that bring no loader of their own (`jsonl`, `hub`): the options they share, and splits -> Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.reading import Reading, Several
from bench.data.corpora.unusable import OnError, Unusable
from bench.data.groups import group_names
from bench.data.relation_names import negative_remarks, spelling_remarks
from bench.data.split import hold_out, relation_counts
from bench.data.texts import Texts
from bench.data.verbalise import Verbalised, verbalise
from bench.errors import DataError
from methods.types import Instance

NO_THRESHOLD = "name it by dataset.negative, or keep the first of each list by dataset.several_relations=first"
DEV_NAMES = ("dev", "validation", "valid", "val")
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"  # what may become part of a path


class CorpusOptions(Verbalised):
    """Options of every corpus without a loader of its own."""

    corpus: str | None = Field(None, pattern=f"^{NAME}$", description="what tables call the corpus")
    negative: str | None = Field(None, description="name of the class that the metric leaves out")
    metric: str | None = Field(None, description="tacred_micro_f1 with a negative class, else macro_f1_accuracy; "
                               "docred_f1 (micro-F1 over facts) where instances have several relations")  # fmt: skip
    on_error: OnError = Field("refuse", description="unusable lines: refuse names them all, drop leaves them out")
    inclusive: bool = Field(False, description="a span's end is its last token or character, not the one after it")
    several_relations: Several = Field("all", description="of a list of relations: all of them count (multi-label), or "
                                       "the first one given")  # fmt: skip
    check_names: bool = Field(True, description="refuse a corpus most of whose entities have another name than "
                              "the words at their position")  # fmt: skip
    one_pair: bool = Field(False, description="sentences were collected for one pair of entities each: equal ones are "
                           "different records, no group")  # fmt: skip
    dev_share: float = Field(0.1, gt=0, lt=1, description="share of train held out where there is no dev set")
    dev_salt: str = Field("dev", description="salt of that choice (`semeval-dev` repeats the choice of `semeval`)")
    test_share: float | None = Field(
        None, gt=0, lt=1, description="share of train held out as test set where there is none; never by itself"
    )

    def reading(self) -> Reading:
        return Reading(self.inclusive, self.several_relations, Unusable(self.on_error))


def split_up(
    splits: Mapping[str, tuple[Instance, ...]], options: CorpusOptions, missing_test: str
) -> tuple[dict[str, tuple[Instance, ...]], list[str]]:
    """Hold out what is missing of train, dev and test, stratified, by group (bench.data.groups) and fixed by
    ``dev_salt``; with sentences about it.

    Raises DataError for a missing test set (``missing_test`` says where to put one) unless ``test_share`` asks for
    one, for shares that would have no effect, and for a split without instances.
    """
    train, said = splits["train"], []
    parts = dict(splits)
    for name in ("train", "test"):
        if name in splits and not splits[name]:
            raise DataError(f"the split {name!r} is empty")
    for name, share in (("test", options.test_share), ("dev", options.dev_share)):
        if name in splits:
            if f"{name}_share" in options.model_fields_set and share is not None:
                raise DataError(f"option {name}_share = {share:g} has no effect: there is a {name} set; leave it out")
            continue
        if share is None:
            raise DataError(f"{missing_test}, or set test_share to hold out a share of the training instances")
        salt = options.dev_salt if name == "dev" else f"{options.dev_salt}/test"
        train, parts[name] = hold_out(train, share, salt, None if options.one_pair else group_names(train))
        if name == "test" and not parts[name]:
            whole = "" if options.one_pair else " (sentences and documents go as a whole)"
            raise DataError(f"test_share = {share:g} holds out no instance{whole}; raise it or bring a test set")
        said.append(f"{name}: {share:g} of train, stratified by relation, fixed by the salt {salt!r}")
    return {**parts, "train": train}, said


def _verbalised(names: Sequence[str], elsewhere: set[str], options: CorpusOptions, file: Path | None) -> Texts:
    negative = options.negative
    if negative is not None and negative not in names:
        raise DataError(f"the negative class {negative!r} is no relation of the corpus; it has {', '.join(names)}")
    # Instances of another corpus may carry relations that are never predicted; as neighbours they need a text.
    return verbalise(options, file, [*names, *sorted(elsewhere - set(names))], negative)


def in_order(part: Sequence[Instance], names: Sequence[str], negative: str | None) -> tuple[Instance, ...]:
    """Every instance with its relations in the order of the schema; the negative class only where it stands alone."""
    place = {name: number for number, name in enumerate(names)}

    def ordered(i: Instance) -> Instance:
        kept = [name for name in i.relations if name != negative] or [i.relation]
        first, *more = sorted(kept, key=lambda name: (place.get(name, len(place)), name))
        return replace(i, relation=first, more_relations=tuple(more))

    return tuple(ordered(i) if i.more_relations else i for i in part)


def _counted(
    splits: Mapping[str, tuple[Instance, ...]], names: Sequence[str], reading: Reading, multi_label: bool
) -> dict[str, object]:
    parts = {part: splits[part] for part in ("train", "dev", "test")}
    several = {part: sum(bool(i.more_relations) for i in found) for part, found in parts.items()}
    return {
        "blank_tokens": reading.notes["blank_tokens"],
        "sizes": {part: len(found) for part, found in parts.items()},
        **({"several_relations": several} if multi_label else {}),
        "relations": {part: relation_counts(found, names) for part, found in parts.items()},
    }


def _remarks(
    splits: Mapping[str, tuple[Instance, ...]],
    names: Sequence[str],
    texts: Texts,
    negative: str | None,
    multi_label: bool,
) -> list[str]:
    """What a user should know: odd names of relations, a negative class that is missing, texts that were made from
    names, an empty dev set, relations that nobody learns."""
    remarks = [*negative_remarks(names, negative), *spelling_remarks(names), *texts.remarks]
    if multi_label and negative is None:
        remarks.append(f"instances have several relations, which needs a negative class: {NO_THRESHOLD}")
    if texts.made:
        first = texts.made[0]
        remarks.append(
            f"{len(texts.made)} of {len(texts.by_relation)} verbalisations were generated from relation names "
            f"(such as {first!r}: {texts.by_relation[first]!r}); give better ones with the option verbalisations=FILE"
        )
    if not splits["dev"]:
        remarks.append("the dev set is empty")
    trained = {name for i in splits["train"] for name in i.relations}
    if untrained := [relation for relation in names if relation not in trained]:
        remarks.append(f"{len(untrained)} relations have no training instance: {', '.join(untrained[:10])}")
    return remarks


@dataclass(frozen=True)
class Besides:
    """What a corpus says beside its splits. ``relations``: the schema in its order, by default every relation that
    occurs, sorted; ``texts``: a file of verbalisations for when the options name none; ``multi_label``: also where no
    instance has several relations."""

    relations: Sequence[str] | None = None
    texts: Path | None = None
    constraints: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    multi_label: bool = False
    extra_tests: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    datastores: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    test_name: str = "test"


def assemble(
    name: str,
    splits: Mapping[str, tuple[Instance, ...]],
    options: CorpusOptions,
    reading: Reading,
    *,
    missing_test: str,
    card: Mapping[str, object],
    besides: Besides = Besides(),
) -> Dataset:
    """A Dataset from what was read. Raises DataError as `split_up`, `verbalise` and `Names.settle`, and for a negative
    class that is no relation."""
    reading.names.settle(options.check_names)
    main, others = list(chain(*splits.values())), (besides.extra_tests, besides.datastores)
    elsewhere = [i for found in others for part in found.values() for i in part]
    names = tuple(besides.relations or sorted({r for i in main for r in i.relations}))
    texts = _verbalised(names, {r for i in elsewhere for r in i.relations}, options, besides.texts)
    multi_label = besides.multi_label or any(i.more_relations for i in (*main, *elsewhere))
    ordered, tests, stores = (
        {name: in_order(part, names, options.negative) for name, part in found.items()} for found in (splits, *others)
    )
    parts, said = split_up(ordered, options, missing_test)
    remarks = [
        *reading.remarks(len(main) + len(elsewhere)),
        *_remarks(parts, names, texts, options.negative, multi_label),
    ]
    counted = _counted(parts, names, reading, multi_label) | texts.counted | reading.names.counted
    return Dataset(
        name,
        texts.schema(names, options.negative, besides.constraints),
        options.metric or _metric(options.negative, multi_label),
        *(parts["train"], parts["dev"], parts["test"]),
        {**card, "held_out": said, **counted, "remarks": remarks},
        multi_label=multi_label,
        one_pair=options.one_pair,
        misplaced=tuple(reading.names.examples),
        test_name=besides.test_name,
        extra_tests=tests,
        datastores=stores,
    )


def _metric(negative: str | None, multi_label: bool) -> str:
    if multi_label:
        return "docred_f1"
    return "macro_f1_accuracy" if negative is None else "tacred_micro_f1"
