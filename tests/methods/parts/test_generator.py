"""The generator against plain Hugging Face calls, for T5, BART and the offline pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from methods.base import MethodError
from methods.parts.generation.generator import EncoderInput, Generator, Memory, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.targets import Targets
from methods.settings import Lora, Models, Scoring
from methods.testing.corpus import instances
from methods.types import RelationSchema

TEXTS = ["ann was born in oslo in the year 1900 .", "bob works for acme"]


def build(name: object, schema: RelationSchema, *, whole: bool = False, **models: object) -> Generator:
    settings = Models(generator=str(name), **models)  # type: ignore[arg-type]
    return build_generator(settings, list(schema.verbalisations.values()), TEXTS, open_vocabulary=whole).eval()


def label(generator: Generator, schema: RelationSchema, name: str) -> tuple[int, ...]:
    return generator.tokenise([schema.verbalisations[name]])[0]


def inputs(generator: Generator) -> EncoderInput:
    coded = generator.tokenizer(
        ["<e1> ann </e1> was born in <e2> oslo </e2>", "bob"], padding=True, return_tensors="pt"
    )
    return EncoderInput(coded.input_ids, coded.attention_mask.bool())


@pytest.mark.parametrize("family", ["t5", "gated_t5", "bart", "pegasus"])
@pytest.mark.parametrize("whole", [True, False])
def test_logits_equal_the_plain_model(
    family: str, whole: bool, seq2seq: dict[str, Path], schema: RelationSchema
) -> None:
    generator = build(seq2seq[family], schema)
    plain = AutoModelForSeq2SeqLM.from_pretrained(seq2seq[family]).eval()
    coded = generator.tokenizer(TEXTS, padding=True, return_tensors="pt")  # no markers: the plain model knows none
    memory = generator.encode(EncoderInput(coded.input_ids, coded.attention_mask.bool()))
    ids = label(generator, schema, "born_in")[:-1]
    chosen = None if whole else torch.tensor([7, 3, 11])
    found = generator.logits(generator.decode(memory, torch.tensor([ids] * 2)), chosen)
    expected = plain(
        input_ids=coded.input_ids,
        attention_mask=coded.attention_mask,
        decoder_input_ids=torch.tensor([[plain.config.decoder_start_token_id, *ids]] * 2),
    ).logits
    assert torch.allclose(found, expected if chosen is None else expected[:, :, chosen], atol=1e-5)


@pytest.mark.parametrize("family", ["t5", "bart", "tiny", "minilm"])
def test_soft_prefix_is_spliced_where_asked(family: str, seq2seq: dict[str, Path], schema: RelationSchema) -> None:
    """Splicing the embeddings of real tokens equals having written those tokens."""
    torch.manual_seed(0)
    generator = build(seq2seq.get(family, family), schema, memory="sentence")
    written = inputs(generator)
    cut = EncoderInput(
        torch.cat([written.ids[:, :1], written.ids[:, 3:]], 1),
        torch.cat([written.mask[:, :1], written.mask[:, 3:]], 1),
        generator.embed(written.ids[:, 1:3]),
    )
    whole, spliced = generator.encode(written), generator.encode(cut)
    kept = written.mask[:, :3].all(1) & written.mask.all(1)  # rows without padding: masks must agree there
    assert torch.allclose(whole.states[kept], spliced.states[kept], atol=1e-5)
    assert kept.any()


def test_marker_memory_keeps_cls_and_opening_markers_in_order(schema: RelationSchema) -> None:
    generator = build("tiny", schema)
    prompts = inputs(generator)
    memory = generator.encode(prompts)
    generator.sentence_memory = True
    whole = generator.encode(prompts)
    spots = [int((prompts.ids[0] == generator.tokenizer.convert_tokens_to_ids(m)).nonzero()) for m in ("<e1>", "<e2>")]
    assert memory.mask.tolist() == [[True, True, True], [True, False, False]]  # the second has no markers
    assert torch.equal(memory.states[0], whole.states[0, [0, *spots]])


def test_instances_do_not_see_each_other(schema: RelationSchema) -> None:
    generator = build("tiny", schema)
    prompts = inputs(generator)
    both = generator.encode(prompts)
    rows = torch.tensor([[label(generator, schema, name)[0]] for name in ("born_in", "none")])
    together = generator.decode(both, rows)
    for i in range(2):
        alone = generator.encode(EncoderInput(prompts.ids[i : i + 1], prompts.mask[i : i + 1]))
        alone = Memory(alone.states[:, : int(alone.mask.sum())], alone.mask[:, : int(alone.mask.sum())])
        assert torch.allclose(generator.decode(alone, rows[i : i + 1])[0], together[i], atol=1e-5)


def test_an_open_pair_writes_with_the_words_that_it_reads(schema: RelationSchema) -> None:
    generator = build("minilm", schema, whole=True)
    words = generator.model.get_encoder().get_input_embeddings().weight
    assert generator.output.weight is words
    assert generator.model.decoder.get_input_embeddings().weight is words
    assert not words.requires_grad


def test_word_embeddings_are_frozen_and_markers_are_not(schema: RelationSchema) -> None:
    generator = build("minilm", schema)
    groups = generator.parameter_groups()
    trained = {id(p) for group in groups.values() for p in group}
    assert id(generator.model.get_encoder().get_input_embeddings().weight) not in trained
    assert any(p is generator.markers.weight for p in groups["new"])
    assert generator.output.weight is generator.model.decoder.get_input_embeddings().weight
    words = generator.model.get_encoder().get_input_embeddings().weight
    assert torch.equal(generator.output.weight, words[list(generator.rows or ())])
    assert len(groups["pretrained"]) > 50


def test_lora_trains_adapters_and_markers_only(seq2seq: dict[str, Path], schema: RelationSchema) -> None:
    generator = build(seq2seq["t5"], schema, lora=Lora(r=2, alpha=4, target_modules=("q", "v")))
    trained = [n for n, p in generator.named_parameters() if p.requires_grad]
    assert "markers.weight" in trained
    assert all("lora_" in n or n == "markers.weight" for n in trained)
    assert sum("lora_" in n for n in trained) == 2 * 2 * (2 + 4)  # A and B, q and v, encoder and both decoder kinds
    with pytest.raises(MethodError, match=r"lora\.target_modules fits no layer"):
        build(seq2seq["t5"], schema, lora=Lora(target_modules=("nothing",)))


def test_likelihood_normalises_over_the_whole_vocabulary(seq2seq: dict[str, Path], schema: RelationSchema) -> None:
    generator = build(seq2seq["t5"], schema)
    coded = generator.tokenizer(TEXTS, padding=True, return_tensors="pt")
    memory = generator.encode(EncoderInput(coded.input_ids, coded.attention_mask.bool()))
    targets = Targets(generator.tokenise, schema, 64, "t5")
    scorer = LabelScorer(generator, targets, Scoring(rule="likelihood"))
    scores = scorer.scores(memory, instances("test", 2), np.ones((2, 4), dtype=bool))
    plain = AutoModelForSeq2SeqLM.from_pretrained(seq2seq["t5"]).eval()
    for column, ids in enumerate(targets(instances("test", 1)[0])):
        labels = torch.tensor([list(ids)] * 2)
        logits = plain(input_ids=coded.input_ids, attention_mask=coded.attention_mask, labels=labels).logits
        expected = logits.log_softmax(2).gather(2, labels.unsqueeze(2)).sum((1, 2))
        assert torch.allclose(scores[:, column], expected, atol=1e-4), column


def test_what_a_user_can_mend_is_said_in_one_line(tmp_path: Path, schema: RelationSchema) -> None:
    with pytest.raises(MethodError, match=r"no config\.json"):
        build(tmp_path, schema)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MethodError, match="safetensors"):
        build(tmp_path, schema)
    with pytest.raises(MethodError, match="neither a directory nor in the hub cache"):
        build("nobody/no-such-model", schema)


@pytest.mark.parametrize("family", ["t5", "bart", "minilm", "tiny"])
def test_dropout_reaches_every_family(family: str, seq2seq: dict[str, Path], schema: RelationSchema) -> None:
    torch.manual_seed(0)
    for rate, same in ((0.0, True), (0.5, False)):
        generator = build(seq2seq.get(family, family), schema, dropout=rate).train()
        prompts = inputs(generator)
        one, two = (generator.decode(generator.encode(prompts), torch.tensor([[0], [0]])) for _ in range(2))
        assert torch.equal(one, two) == same
