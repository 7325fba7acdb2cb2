"""The transformers engine against transformers' own generate, on a tiny random model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from danlu.errors import UserError
from danlu.serving.engines.engine import Finish, InputRefused, Piece, Sampling
from danlu.serving.engines.transformers import PREFILL_TOKENS, TransformersEngine

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def engine(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersEngine]:
    with pytest.MonkeyPatch.context() as patch:
        # Equality with the reference is asked for to the bit, so both compute in float32.
        patch.setattr("danlu.hardware.machine.supports_fast_bfloat16", lambda: False)
        engine = TransformersEngine(tiny_model_dir, max_context=8192, parallel=4)
    yield engine
    engine.close()


def run(engine: TransformersEngine, prompt: list[int], sampling: Sampling) -> tuple[str, list[Piece], Finish]:
    pieces: list[Piece] = []

    def emit(piece: Piece) -> bool:
        pieces.append(piece)
        return True

    finish = engine.generate(prompt, sampling, emit)
    return "".join(piece.text for piece in pieces), pieces, finish


def reference(model: Any, prompt: list[int], num_tokens: int) -> list[int]:
    output = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=num_tokens,
        do_sample=False,
    )
    token_ids: list[int] = output[0, len(prompt) :].tolist()
    return token_ids


def test_chat_prompt_is_training_prompt(engine: TransformersEngine, tiny_tokenizer: Any) -> None:
    expected = tiny_tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, return_dict=False)
    assert engine.encode_chat(CHAT) == expected


@pytest.mark.parametrize("question", ["What is the capital of France?", "def add(a, b):", "丹炉", "x"])
def test_greedy_is_generate(engine: TransformersEngine, tiny_model: Any, tiny_tokenizer: Any, question: str) -> None:
    prompt = engine.encode_chat([{"role": "user", "content": question}])
    expected = reference(tiny_model, prompt, 40)
    text, _, finish = run(engine, prompt, Sampling(max_tokens=40, temperature=0))
    ended = expected[-1] == tiny_tokenizer.eos_token_id
    assert text == tiny_tokenizer.decode(expected, skip_special_tokens=True)
    assert finish == Finish("stop" if ended else "length", len(expected))


def test_long_prompt_is_read_in_chunks(
    engine: TransformersEngine, tiny_model: Any, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.serving.engines.transformers.PREFILL_TOKENS", 64)
    assert PREFILL_TOKENS > 64
    prompt = [(7 * index) % 390 + 5 for index in range(300)]
    text, _, _ = run(engine, prompt, Sampling(max_tokens=10, temperature=0))
    expected = reference(tiny_model, prompt, 10)
    assert text == tiny_tokenizer.decode(expected, skip_special_tokens=True)


def test_end_of_turn_stops_and_does_not_show(engine: TransformersEngine, tiny_tokenizer: Any) -> None:
    """A model that wants nothing but to end its turn."""
    end = tiny_tokenizer.eos_token_id
    bias = torch.zeros(engine._model.lm_head.weight.shape[0])
    bias[end] = 1e9
    handle = engine._model.lm_head.register_forward_hook(lambda module, inputs, output: output + bias)
    try:
        text, _, finish = run(engine, engine.encode_chat(CHAT), Sampling(max_tokens=20))
    finally:
        handle.remove()
    assert (text, finish) == ("", Finish("stop", 1))


def test_same_seed_same_text(engine: TransformersEngine) -> None:
    prompt = engine.encode_chat(CHAT)
    texts = [run(engine, prompt, Sampling(max_tokens=20, temperature=1.5, seed=seed))[0] for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_top_k_and_tiny_top_p_are_greedy(engine: TransformersEngine) -> None:
    prompt = engine.encode_chat(CHAT)
    greedy = run(engine, prompt, Sampling(max_tokens=15, temperature=0))[0]
    assert run(engine, prompt, Sampling(max_tokens=15, temperature=2, top_k=1))[0] == greedy
    assert run(engine, prompt, Sampling(max_tokens=15, temperature=2, top_p=0))[0] == greedy


def test_stop_text(engine: TransformersEngine) -> None:
    prompt = engine.encode_chat(CHAT)
    whole = run(engine, prompt, Sampling(max_tokens=30, temperature=0))[0]
    stop = whole[len(whole) // 2 :][:3]
    text, _, finish = run(engine, prompt, Sampling(max_tokens=30, temperature=0, stop=(stop,)))
    assert text == whole[: whole.index(stop)]
    assert finish.reason == "stop"


def test_frequency_penalty_spreads_tokens(engine: TransformersEngine) -> None:
    prompt = engine.encode_chat(CHAT)
    _, pieces, _ = run(engine, prompt, Sampling(max_tokens=60, temperature=0, frequency_penalty=1e6, logprobs=0))
    tokens = [piece.logprobs[0].chosen.token for piece in pieces if piece.logprobs]
    assert len(tokens) == 60
    distinct_texts = {token for token in tokens if "\ufffd" not in token}
    assert len(distinct_texts) == sum("\ufffd" not in token for token in tokens)


def test_logprobs_are_the_models_own(engine: TransformersEngine, tiny_model: Any, tiny_tokenizer: Any) -> None:
    prompt = engine.encode_chat(CHAT)
    _, pieces, _ = run(engine, prompt, Sampling(max_tokens=5, temperature=0, logprobs=3))
    token_ids = prompt
    entries = [piece.logprobs[0] for piece in pieces if piece.logprobs]
    assert len(entries) == 5
    for entry in entries:
        with torch.no_grad():
            expected = torch.log_softmax(tiny_model(torch.tensor([token_ids])).logits[0, -1], -1)
        best = int(expected.argmax())
        assert entry.chosen.token == tiny_tokenizer.decode([best])
        assert entry.chosen.logprob == pytest.approx(float(expected[best]), abs=1e-4)
        assert [other.logprob for other in entry.top] == pytest.approx(expected.topk(3).values.tolist(), abs=1e-4)
        token_ids = [*token_ids, best]


def test_leaving_stops_it(engine: TransformersEngine) -> None:
    seen: list[Piece] = []

    def emit(piece: Piece) -> bool:
        seen.append(piece)
        return len(seen) < 4

    finish = engine.generate(engine.encode_chat(CHAT), Sampling(max_tokens=300, temperature=0), emit)
    assert finish.reason == "cancelled"
    assert len(seen) == 4


def test_context_bounds_the_answer(engine: TransformersEngine) -> None:
    assert engine.context_length == 512
    prompt = [5] * 500
    finish = run(engine, prompt, Sampling(max_tokens=100, temperature=0, frequency_penalty=1e6))[2]
    assert finish == Finish("length", 12)


def test_template_that_refuses(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine._tokenizer, "chat_template", "{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InputRefused, match="roles must alternate"):
        engine.encode_chat(CHAT)
    monkeypatch.setattr(engine, "has_chat_template", False)
    with pytest.raises(InputRefused, match="no chat template"):
        engine.encode_chat(CHAT)


def test_recommended_sampling_of_the_directory_does_not_leak_in(tiny_model_dir: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(tiny_model_dir, directory)
    (directory / "generation_config.json").write_text('{"do_sample": true, "repetition_penalty": 5.0, "top_k": 3}')
    engine = TransformersEngine(directory, max_context=128, parallel=1)
    assert engine.context_length == 128
    assert engine._model.generation_config.repetition_penalty in (None, 1.0)
    engine.close()


def test_directories_that_are_no_model(tmp_path: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        TransformersEngine(tmp_path, max_context=64, parallel=1)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="adapter without its base"):
        TransformersEngine(tmp_path, max_context=64, parallel=1)
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_model_dir, damaged)
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be loaded"):
        TransformersEngine(damaged, max_context=64, parallel=1)
    weights.unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        TransformersEngine(damaged, max_context=64, parallel=1)
    (damaged / "config.json").write_text("{")
    with pytest.raises(UserError, match="cannot be loaded"):
        TransformersEngine(damaged, max_context=64, parallel=1)
