"""``do: train_tokenizer`` as a whole: what transformers and llama.cpp read from it, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corpus_files import write_corpus
from danlu.artifacts.examples import write_examples
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.errors import UserError
from danlu.models.chat import ChatRenderer, end_of_turn_ids, ensure_chat_template, prompt_ids
from danlu.models.files import save_tokenizer
from danlu.models.frame import Frame
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS
from danlu.models.load import load_tokenizer
from danlu.settings import Workspace
from danlu.tokens.vocabulary import stage
from danlu.tokens.vocabulary.config import TrainTokenizerConfig
from vocabulary_texts import LINES, SPECIAL

Train = Callable[..., tuple[dict[str, Any], Path]]
FILES = ("tokenizer.json", "tokenizer_config.json")


@pytest.fixture
def train(tmp_path: Path, workspace: Workspace, reporter: Any) -> Train:
    """Run the stage on a corpus with these texts for training and validation."""

    def run(
        texts: list[str],
        held_out: list[str] | None = None,
        *,
        kind: str = "corpus",
        part: str | None = None,
        **settings: Any,
    ) -> tuple[dict[str, Any], Path]:
        data, out = tmp_path / "data", tmp_path / "out"
        for directory in (data, out):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        for split, rows in (("train", texts), ("validation", held_out or [])):
            if kind == "corpus" and rows:
                write_corpus(data, rows, split)
            elif kind == "examples":
                write_examples(data, split, [example(text) for text in rows])
        config = TrainTokenizerConfig.model_validate(
            {"do": "train_tokenizer", "data": "poems", "vocabulary_size": 400, **settings}
        )
        artifact: Any = SimpleNamespace(path=data)
        given = Input(name="poems", kind=kind, part=part, artifact=artifact, facts={"num_characters": 10_000})
        context = StageContext(
            name="words",
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=reporter,
            directory=tmp_path,
            inputs={"data": [given]},
            sources={},
        )
        assert stage.plan(config, context).facts == {"vocabulary_size": config.vocabulary_size}
        return stage.run(config, context, out), out

    return run


def example(text: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": text}, {"role": "assistant", "content": text[::-1]}]
    return {"id": "0" * 16, "messages": turns, "source": "file:x", "row": 0}


def right_tokenizer(texts: list[str], name: str, size: int) -> dict[str, Any]:
    """The model part of ``tokenizer.json`` as the tokenizers library alone trains it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from danlu.models.gguf.pre_tokenizers import build

    backend = Tokenizer(models.BPE(ignore_merges=PRE_TOKENIZERS[name].ignore_merges))
    backend.pre_tokenizer = build(PRE_TOKENIZERS[name])
    trainer: Any = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    content: dict[str, Any] = json.loads(backend.to_str())["model"]
    return content


@pytest.mark.parametrize("name", ["gpt-2", "llama-bpe", "qwen2"])
def test_tokenizer_is_the_one_the_library_trains(train: Train, name: str) -> None:
    _, out = train(LINES, pre_tokenizer=name, vocabulary_size=420)
    content = json.loads((out / "tokenizer.json").read_text())
    assert content["model"] == right_tokenizer(LINES, name, 420)
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)


def test_facts_agree_with_the_tokenizer(train: Train) -> None:
    held_out = ["明月何时照我还？", "The moon is far away."]
    facts, out = train(LINES, held_out)
    tokenizer = load_tokenizer(out)
    count = sum(len(tokenizer(text, add_special_tokens=False).input_ids) for text in held_out)
    assert facts["vocabulary_size"] == len(tokenizer) == 400
    assert facts["num_merges"] == len(json.loads((out / "tokenizer.json").read_text())["model"]["merges"])
    assert facts["measured_on"] == "validation"
    assert facts["bytes_per_token"] == sum(len(text.encode()) for text in held_out) / count
    assert facts["characters_per_token"] == sum(map(len, held_out)) / count
    assert (facts["pre_tokenizer"], facts["special_tokens"]) == ("qwen2", SPECIAL)
    assert facts["num_characters"] == sum(map(len, LINES))
    assert json.loads(json.dumps(facts)) == facts
    assert train(LINES)[0]["measured_on"] == "train"


def test_same_text_gives_the_same_bytes(train: Train) -> None:
    first = [(train(LINES)[1] / name).read_bytes() for name in FILES]
    assert [(train(LINES)[1] / name).read_bytes() for name in FILES] == first


def test_it_is_ready_for_conversations(train: Train) -> None:
    _, out = train(LINES)
    tokenizer = load_tokenizer(out)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 1)
    assert tokenizer.chat_template is None
    assert "ChatML" in (ensure_chat_template(tokenizer) or "")
    assert end_of_turn_ids(tokenizer) == [3, 1]
    renderer = ChatRenderer(tokenizer)
    messages = [{"role": "user", "content": "明月？"}, {"role": "assistant", "content": "地上霜。"}]
    (rendered,) = renderer.encode([renderer.text(messages)])
    text = "<|begin_of_text|><|im_start|>user\n明月？<|im_end|>\n<|im_start|>assistant\n地上霜。<|im_end|>\n"
    assert tokenizer.decode(rendered.input_ids) == text
    assert rendered.end_of_turn_trained
    assert tokenizer.decode(rendered.input_ids[rendered.supervised]) == "地上霜。<|im_end|>"


def test_begin_of_text_stands_in_front_once(train: Train, tmp_path: Path) -> None:
    """Of a text, of a document as a model reads it, and of a chat; also of a begin of text by another name."""
    for name in ("<|begin_of_text|>", "<s>"):
        _, out = train(LINES, special_tokens={"begin_of_text": name})
        save_tokenizer(load_tokenizer(out), tmp_path)
        assert (tmp_path / "tokenizer.json").read_text() == (out / "tokenizer.json").read_text()
        assert json.loads((out / "tokenizer_config.json").read_text())["add_bos_token"] is True
        for tokenizer in (load_tokenizer(out), load_tokenizer(tmp_path)):
            ensure_chat_template(tokenizer)
            plain = tokenizer("明月", add_special_tokens=False).input_ids
            assert tokenizer("明月").input_ids == [0, *plain]
            assert Frame.of(tokenizer).ids(tokenizer, "明月") == [0, *plain, 1]
            messages = [{"role": "user", "content": "明月？"}]
            chat = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
            assert chat == prompt_ids(tokenizer, messages)
            assert chat[:2] == [0, 2]
            assert chat.count(0) == 1


def test_any_text_comes_back(train: Train) -> None:
    tokenizer = load_tokenizer(train(LINES)[1])
    for text in [*LINES, "never seen: ẞ 𠮷 😀 \x00\ufffd", " a  b ", "\n\n"]:
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_messages_of_examples_are_text_too(train: Train) -> None:
    facts, out = train(LINES, LINES[:2], kind="examples")
    texts = [text for line in LINES for text in (line, line[::-1])]
    assert json.loads((out / "tokenizer.json").read_text())["model"] == right_tokenizer(texts, "qwen2", 400)
    assert facts["num_texts"] == len(texts)


def test_part_of_the_text_is_chosen_by_the_seed(train: Train, reporter: Any) -> None:
    def learnt(seed: int) -> tuple[int, bytes]:
        facts, out = train(LINES * 3, sample_characters=500, seed=seed, vocabulary_size=300)
        return facts["num_characters"], (out / "tokenizer.json").read_bytes()

    characters, tokenizer = learnt(1)
    assert 300 < characters <= 500
    assert learnt(1) == (characters, tokenizer)
    assert learnt(2) != (characters, tokenizer)
    assert "('sample_characters')" in reporter.events[0]["message"]


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        ([], {}, "the training split of poems has no text"),
        (["", ""], {}, "the training split of poems has no text"),
        (["明月光"], {}, r"the text gives only \d merges, not the 140 that 400 tokens need"),
        (["明月光"], {"sample_characters": 2}, "no text of poems is as short as 2 characters"),
        (LINES, {"part": "train"}, r"poems\.train is one split"),
    ],
)
def test_too_little_text_is_refused(train: Train, texts: list[str], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(texts, **settings)


def test_the_smallest_vocabulary_can_be_made(train: Train) -> None:
    facts, out = train(["明月光"], vocabulary_size=260)
    assert (facts["num_merges"], facts["bytes_per_token"]) == (0, 1.0)
    assert load_tokenizer(out).decode(load_tokenizer(out)("明月光").input_ids[1:]) == "明月光"


def many_lines() -> list[str]:
    """A few hundred lines of Chinese and English: pieces of those learnt from, put together anew."""
    import numpy as np

    generator = np.random.default_rng(3)
    joined = "".join(LINES)
    lines = []
    for _ in range(300):
        begins = generator.integers(0, len(joined), 3)
        sizes = generator.integers(1, 25, 3)
        lines.append("".join(joined[begin : begin + size] for begin, size in zip(begins, sizes, strict=True)))
    return lines


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35"])
def test_llama_cpp_gives_the_same_ids(train: Train, tmp_path: Path, name: str) -> None:
    pytest.importorskip("xllamacpp")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from danlu.compression.llama_cpp import LlamaCpp
    from danlu.models.files import save_config
    from danlu.models.gguf.file import GgufFile
    from danlu.models.gguf.vocabulary import read_tokenizer
    from danlu.models.gguf.write import write_gguf

    _, out = train(LINES, pre_tokenizer=name, vocabulary_size=600)
    tokenizer = load_tokenizer(out)
    ensure_chat_template(tokenizer)
    save_tokenizer(tokenizer, out)
    config = LlamaConfig(
        vocab_size=600,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        LlamaForCausalLM(config).save_pretrained(out)
    save_config(config, out)
    write_gguf(out, tmp_path / "m.gguf", file_type="f16", name="tiny")
    file = GgufFile(tmp_path / "m.gguf")
    assert file.get("tokenizer.ggml.pre") == name
    assert file.get("tokenizer.ggml.add_bos_token") is True
    assert (file.get("tokenizer.ggml.bos_token_id"), file.get("tokenizer.ggml.eos_token_id")) == (0, 1)
    assert file.get("tokenizer.ggml.eot_token_id") in (None, 3)
    read = read_tokenizer(file)
    engine = LlamaCpp(tmp_path / "m.gguf", context=256)
    for line in many_lines():
        expected = tokenizer(line).input_ids
        assert engine.tokenise(line) == expected[1:]
        assert engine.tokenise(line, add_special=True) == expected
        assert read(line).input_ids == expected
    messages = [{"role": "user", "content": "明月？"}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    # llama.cpp takes off what it will add.
    assert "<|begin_of_text|>" + engine.rendered(messages) == prompt
    chat = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert engine.tokenise(engine.rendered(messages), add_special=True) == chat
    assert engine.tokenise(prompt) == chat


def test_an_encoders_tokenizer_frames_texts_and_pairs(train: Train) -> None:
    facts, out = train(LINES, special_tokens={"kind": "encoder"})
    tokenizer = load_tokenizer(out)
    assert facts["special_tokens"] == ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.convert_ids_to_tokens(range(4)) == facts["special_tokens"]
    named = (tokenizer.pad_token, tokenizer.cls_token, tokenizer.sep_token, tokenizer.mask_token)
    assert named == ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
    one, other = (tokenizer(text, add_special_tokens=False).input_ids for text in LINES[:2])
    assert tokenizer(LINES[0]).input_ids == [1, *one, 2]
    pair = tokenizer(*LINES[:2])
    assert pair.input_ids == [1, *one, 2, *other, 2]
    assert pair.token_type_ids == [0] * (len(one) + 2) + [1] * (len(other) + 1)
    assert tokenizer.decode(tokenizer(LINES[0]).input_ids, skip_special_tokens=True) == LINES[0]
    assert not tokenizer.chat_template
    assert Frame.of(tokenizer) == Frame([1], [2])
