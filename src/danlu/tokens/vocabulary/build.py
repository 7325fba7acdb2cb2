"""A vocabulary as a transformers tokenizer."""

from __future__ import annotations

from typing import Any

from danlu.models.gguf.pre_tokenizers import PreTokenizer, build
from danlu.tokens.vocabulary.byte_letters import BYTE_LETTERS
from danlu.tokens.vocabulary.config import SpecialTokens
from danlu.tokens.vocabulary.merges import Merges


def build_tokenizer(merges: Merges, pre_tokenizer: PreTokenizer, special_tokens: SpecialTokens) -> Any:
    """A fast tokenizer: special tokens first, then bytes, then merged tokens, each in the order it was learnt.

    It puts the begin of text in front of a text, and nothing behind it. It has no chat template: a model that has not
    been trained on conversations holds none (`danlu.models.chat.ensure_chat_template` gives it one then).
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    tokens = [*special_tokens.all, *sorted(BYTE_LETTERS), *(left + right for left, right in merges)]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=pre_tokenizer.ignore_merges))
    backend.pre_tokenizer = build(pre_tokenizer)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special_tokens.all])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        bos_token=special_tokens.begin_of_text,
        eos_token=special_tokens.end_of_text,
        pad_token=special_tokens.end_of_text,
        add_bos_token=True,
    )
