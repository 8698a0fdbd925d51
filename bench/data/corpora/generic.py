"""Corpora that bring no loader of their own (`jsonl`, `hub`): the options they share, and splits -> Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.rows import Notes, note_remarks
from bench.data.split import hold_out, relation_counts
from bench.data.texts import Texts
from bench.data.verbalise import Verbalised, verbalise
from bench.errors import DataError
from methods.types import Instance

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"  # what may become part of a path


class CorpusOptions(Verbalised):
    """Options of every corpus without a loader of its own."""

    corpus: str | None = Field(None, pattern=f"^{NAME}$", description="what tables call the corpus")
    negative: str | None = Field(None, description="name of the class that the metric leaves out")
    metric: str | None = Field(None, description="tacred_micro_f1 with a negative class, else macro_f1_accuracy")
    dev_share: float = Field(0.1, gt=0, lt=1, description="share of train held out where there is no dev set")
    dev_salt: str = Field("dev", description="salt of that choice (`semeval-dev` repeats the choice of `semeval`)")
    test_share: float | None = Field(
        None, gt=0, lt=1, description="share of train held out as test set where there is none; never by itself"
    )


def split_up(
    splits: Mapping[str, tuple[Instance, ...]], options: CorpusOptions, missing_test: str
) -> tuple[dict[str, tuple[Instance, ...]], list[str]]:
    """Hold out what is missing of train, dev and test, stratified and fixed by ``dev_salt``; with sentences about it.

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
        train, parts[name] = hold_out(train, share, salt)
        if name == "test" and not parts[name]:
            raise DataError(f"test_share = {share:g} holds out no instance; raise it or bring a test set")
        said.append(f"{name}: {share:g} of train, stratified by relation, fixed by the salt {salt!r}")
    return {**parts, "train": train}, said


def _verbalised(names: Sequence[str], elsewhere: set[str], options: CorpusOptions, file: Path | None) -> Texts:
    negative = options.negative
    if negative is not None and negative not in names:
        raise DataError(f"the negative class {negative!r} is no relation of the corpus; it has {', '.join(names)}")
    # Instances of another corpus may carry relations that are never predicted; as neighbours they need a text.
    return verbalise(options, file, [*names, *sorted(elsewhere - set(names))], negative)


def _counted(splits: Mapping[str, tuple[Instance, ...]], names: Sequence[str], notes: Notes) -> dict[str, object]:
    parts = {part: splits[part] for part in ("train", "dev", "test")}
    return {
        "dropped": 0,
        "blank_tokens": notes["blank_tokens"],
        "sizes": {part: len(found) for part, found in parts.items()},
        "relations": {part: relation_counts(found, names) for part, found in parts.items()},
    }


def _remarks(splits: Mapping[str, tuple[Instance, ...]], names: Sequence[str], texts: Texts) -> list[str]:
    """What a user should know: texts that were made from names, an empty dev set, relations that nobody learns."""
    remarks = texts.remarks
    if texts.made:
        first = texts.made[0]
        remarks.append(
            f"{len(texts.made)} of {len(texts.by_relation)} verbalisations were generated from relation names "
            f"(such as {first!r}: {texts.by_relation[first]!r}); give better ones with the option verbalisations=FILE"
        )
    if not splits["dev"]:
        remarks.append("the dev set is empty")
    trained = {i.relation for i in splits["train"]}
    if untrained := [relation for relation in names if relation not in trained]:
        remarks.append(f"{len(untrained)} relations have no training instance: {', '.join(untrained[:10])}")
    return remarks


def assemble(
    name: str,
    splits: Mapping[str, tuple[Instance, ...]],
    options: CorpusOptions,
    *,
    relations: Sequence[str] | None = None,
    file: Path | None = None,
    constraints: Mapping[tuple[str, str], frozenset[str]] | None = None,
    card: Mapping[str, object],
    notes: Notes,
    extra_tests: Mapping[str, tuple[Instance, ...]] | None = None,
    datastores: Mapping[str, tuple[Instance, ...]] | None = None,
    test_name: str = "test",
) -> Dataset:
    """A Dataset from train, dev and test. ``relations``: the schema in its order, by default every relation that
    occurs, sorted. ``file``: a file of verbalisations for when the options name none. Raises DataError for a negative
    class that is no relation, and as `verbalise`.
    """
    main = [i for part in ("train", "dev", "test") for i in splits[part]]
    elsewhere = [i for part in (extra_tests or {}, datastores or {}) for found in part.values() for i in found]
    names = tuple(relations) if relations is not None else tuple(sorted({i.relation for i in main}))
    texts = _verbalised(names, {i.relation for i in elsewhere}, options, file)
    remarks = note_remarks(notes, len(main) + len(elsewhere)) + _remarks(splits, names, texts)
    return Dataset(
        name,
        texts.schema(names, options.negative, constraints),
        options.metric or ("tacred_micro_f1" if options.negative else "macro_f1_accuracy"),
        splits["train"],
        splits["dev"],
        splits["test"],
        {
            **card,
            **_counted(splits, names, notes),
            "generated_verbalisations": {relation: texts.by_relation[relation] for relation in texts.made},
            "remarks": remarks,
        },
        test_name=test_name,
        extra_tests=extra_tests or {},
        datastores=datastores or {},
    )
