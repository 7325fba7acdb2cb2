"""A vocabulary as a transformers tokenizer."""

from __future__ import annotations

from typing import Any

from danlu.models.gguf.pre_tokenizers import PreTokenizer, build
from danlu.tokens.byte_letters import BYTE_LETTERS
from danlu.tokens.vocabulary.config import EncoderTokens, SpecialTokens
from danlu.tokens.vocabulary.merges import Merges


def build_tokenizer(merges: Merges, pre_tokenizer: PreTokenizer, special_tokens: SpecialTokens | EncoderTokens) -> Any:
    """A fast tokenizer: special tokens first, then bytes, then merged tokens, each in the order it was learnt.

    A decoder's puts the begin of text in front of a text, and nothing behind it; an encoder's puts its own around texts
    and pairs of texts. It has no chat template: a model that has not been trained on conversations holds none
    (`danlu.models.chat.ensure_chat_template` gives it one then).
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    tokens = [*special_tokens.all, *sorted(BYTE_LETTERS), *(left + right for left, right in merges)]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=pre_tokenizer.ignore_merges))
    backend.pre_tokenizer = build(pre_tokenizer)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special_tokens.all])
    if isinstance(special_tokens, EncoderTokens):
        backend.post_processor = _around_texts(special_tokens, vocabulary)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        **_roles(special_tokens),
    )


def _roles(special_tokens: SpecialTokens | EncoderTokens) -> dict[str, Any]:
    """What transformers calls the special tokens, and what else it has to know of them."""
    if isinstance(special_tokens, EncoderTokens):
        return {
            "pad_token": special_tokens.padding,
            "cls_token": special_tokens.begin,
            "sep_token": special_tokens.end,
            "mask_token": special_tokens.mask,
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        }
    return {
        "bos_token": special_tokens.begin_of_text,
        "eos_token": special_tokens.end_of_text,
        "pad_token": special_tokens.end_of_text,
        "add_bos_token": True,
    }


def _around_texts(tokens: EncoderTokens, vocabulary: dict[str, int]) -> Any:
    """Puts an encoder's tokens around a text, and between and around the texts of a pair."""
    from tokenizers import processors

    return processors.TemplateProcessing(
        single=f"{tokens.begin}:0 $A:0 {tokens.end}:0",
        pair=f"{tokens.begin}:0 $A:0 {tokens.end}:0 $B:1 {tokens.end}:1",
        special_tokens=[(token, vocabulary[token]) for token in (tokens.begin, tokens.end)],
    )
