"""Greedy answers to the same questions, for reading side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from danlu.evaluation.rows import Question


def answer_all(model: Any, tokenizer: Any, questions: Sequence[Question], *, max_new_tokens: int) -> list[str]:
    """What the model answers to each conversation, or how it goes on with each text: the likeliest token each time.

    Args:
        model: A transformers causal language model, PEFT-wrapped or not, in eval mode.
        questions: All conversations, up to the turn that is to be answered, or all texts.
        max_new_tokens: An answer is cut here.
    """
    import torch
    from transformers import GenerationConfig

    from danlu.hardware.threads import workers_of_one_thread
    from danlu.models.chat import end_of_turn_ids
    from danlu.models.frame import Frame

    if not questions:
        return []
    prompts = [_prompt(tokenizer, question) for question in questions]
    ends = Frame.of(tokenizer).end if isinstance(questions[0], str) else end_of_turn_ids(tokenizer)
    longest = max(map(len, prompts))
    pad = ends[0]  # any token will do: padding is masked
    # Padded on the left, so that every answer begins at the same position.
    input_ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    config = GenerationConfig(
        do_sample=False, num_beams=1, max_new_tokens=max_new_tokens, eos_token_id=ends, pad_token_id=pad, use_cache=True
    )
    with workers_of_one_thread() as pool:  # a token of a small model is too little work to be split
        (output,) = pool.map(lambda prompts: _generate(model, prompts, mask, config), [input_ids])
    return [str(text).strip() for text in tokenizer.batch_decode(output[:, longest:], skip_special_tokens=True)]


def _prompt(tokenizer: Any, question: Question) -> list[int]:
    """Token ids after which the model is to go on."""
    from danlu.models.chat import ensure_chat_template, prompt_ids
    from danlu.models.frame import Frame

    if isinstance(question, str):
        return [*Frame.of(tokenizer).start, *tokenizer(question, add_special_tokens=False).input_ids]
    ensure_chat_template(tokenizer)
    return list(prompt_ids(tokenizer, question))


def _generate(model: Any, input_ids: Any, mask: Any, config: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model.generate(input_ids=input_ids, attention_mask=mask, generation_config=config)
