"""Floating point operations by the formula, beside torch's own counter and the papers' formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM

from danlu.models.adapters import add_lora
from danlu.models.encoder import class_logits, encoder_states, next_sentence_logits, pooled, vocabulary_inputs
from danlu.models.flops import TrainingFlops
from encoder_toys import make_encoder

LENGTH = 64
IDS = torch.arange(LENGTH).view(1, LENGTH)


def llama(**changes: Any) -> Any:
    config = LlamaConfig(
        **{
            "vocab_size": 400,
            "hidden_size": 64,
            "intermediate_size": 160,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "attn_implementation": "eager",
            **changes,
        }
    )
    return LlamaForCausalLM(config).train()


def gpt2() -> Any:
    config = GPT2Config(vocab_size=400, n_embd=64, n_layer=2, n_head=4, n_positions=LENGTH, attn_implementation="eager")
    return GPT2LMHeadModel(config).train()


def counted_by_torch(model: Any) -> float:
    with FlopCounterMode(display=False) as counter:
        model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    return float(counter.get_total_flops())


@pytest.mark.parametrize(
    "make", [llama, lambda: llama(tie_word_embeddings=True), lambda: llama(head_dim=32), gpt2], ids=range(4)
)
def test_as_torch_counts_a_model_that_is_trained_whole(make: Any) -> None:
    # Plain attention multiplies all pairs, those that are masked too.
    said = TrainingFlops.of(make()).total(LENGTH, LENGTH, LENGTH**2)
    assert said == pytest.approx(counted_by_torch(make()), rel=0.002)  # rotary positions are a small product


def test_as_torch_counts_an_adapter() -> None:
    def adapted() -> Any:
        # With dropout PEFT's own layer runs, whose products torch counts; it does not count those done in place.
        model = add_lora(llama(num_hidden_layers=8), rank=4, alpha=8, dropout=0.1, targets="all-linear", seed=0)
        model.enable_input_require_grads()  # the gradient of the first layer's input, which the formula counts
        return model.train()

    with FlopCounterMode(display=False) as counter:
        adapted()(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    said = TrainingFlops.of(adapted()).total(LENGTH, LENGTH, LENGTH**2)
    assert said == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_as_torch_counts_encoders() -> None:
    """Each head works on what is predicted: here 32 hidden tokens, which need no filling, and one or no label."""
    for task, num_targets, num_labels in (("masked_lm", 32, 0), ("pretraining", 32, 1), ("classification", 0, 1)):
        model: Any = make_encoder(task, plain=True).train()
        with FlopCounterMode(display=False) as counter:
            loss = torch.zeros(())
            hidden_TD = encoder_states(model, input_ids=IDS % 60)
            if num_targets:
                states_ND = vocabulary_inputs(model, hidden_TD[:num_targets])
                loss = loss + model.get_output_embeddings()(states_ND).sum()
            if num_labels:
                logits = class_logits if task == "classification" else next_sentence_logits
                loss = loss + logits(model, pooled(model, hidden_TD[:1])).sum()
            loss.backward()
        said = TrainingFlops.of(model).total(LENGTH, num_targets, LENGTH**2, num_labels)
        # transformers also pools the first token of the whole sequence, which is forward only.
        assert said == pytest.approx(counter.get_total_flops(), rel=0.001)


def test_as_the_papers_say() -> None:
    """PaLM, appendix B: 6 N + 12 L H Q T per token, N without the embeddings' look-up; half the pairs if causal."""
    model = llama()
    flops = TrainingFlops.of(model)
    matrices = sum(p.numel() for p in model.parameters() if p.ndim == 2) - model.get_input_embeddings().weight.numel()
    assert flops.per_token + flops.per_target == 6 * matrices
    assert flops.per_pair * LENGTH == 12 * 3 * 4 * 16 * LENGTH


def test_a_token_goes_through_some_of_the_experts() -> None:
    def flops(chosen: int) -> TrainingFlops:
        config = MixtralConfig(
            vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=chosen,
        )  # fmt: skip
        with torch.device("meta"):
            return TrainingFlops.of(MixtralForCausalLM(config))

    assert flops(2).per_token - flops(1).per_token == 6 * 2 * (3 * 16 * 32)
