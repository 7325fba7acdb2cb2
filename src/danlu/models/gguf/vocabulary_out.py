"""A Hugging Face tokenizer as a GGUF file's vocabulary: the way back of `danlu.models.gguf.vocabulary`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from danlu.errors import UserError
from danlu.models.gguf.pre_tokenizers import name_of
from danlu.models.gguf.vocabulary import SPACE

NOTHING_PREPENDED = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
BLANK_PREPENDED = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, NOTHING_PREPENDED]}
"""Normalisers of SentencePiece tokenizers that llama.cpp repeats exactly, without and with ``add_space_prefix``."""


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file keeps of a tokenizer."""

    model: str
    """``tokenizer.ggml.model``."""
    pre: str
    """``tokenizer.ggml.pre``."""
    tokens: list[str]
    types: list[int]
    """A gguf.TokenType each."""
    merges: list[str] | None
    """Byte-level BPE: the two halves with a blank between."""
    scores: list[float] | None
    """SentencePiece BPE: pairs are joined in the order of the falling score of what they give."""
    adds_space_prefix: bool


def vocabulary_of(tokenizer: Any, num_embeddings: int) -> Vocabulary:
    """The vocabulary of a fast tokenizer, padded with unused tokens to the size of the embedding.

    Raises:
        UserError: the tokenizer is of a kind, or cuts text in a way, that llama.cpp does not know; or it has ids that
            the embedding has not.
    """
    if not tokenizer.is_fast:
        raise UserError(
            f"The tokenizer {type(tokenizer).__name__} has no tokenizer.json, which GGUF files are written from.",
            "Save the model with a fast tokenizer, or export it as a Hugging Face directory (formats: [hf]).",
        )
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    if content["model"]["type"] != "BPE":
        raise UserError(
            f"The tokenizer is of kind {content['model']['type']!r}, which cannot be written to GGUF.",
            "Only BPE tokenizers can. Export it as a Hugging Face directory (formats: [hf]).",
        )
    tokens, types = _tokens(content, num_embeddings)
    merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in content["model"]["merges"]]
    if content["model"].get("byte_fallback"):
        return _sentencepiece(content, tokens, types, merges)
    _refuse_normalizer(content["normalizer"])
    return Vocabulary(
        model="gpt2",
        pre=name_of(content),
        tokens=tokens,
        types=types,
        merges=[" ".join(merge) for merge in merges],
        scores=None,
        adds_space_prefix=False,
    )


def write_vocabulary(writer: Any, tokenizer: Any, vocabulary: Vocabulary, end_ids: list[int]) -> list[str]:
    """Write tokens, special ids and the chat template as GGUF metadata.

    Args:
        writer: A gguf.GGUFWriter.
        tokenizer: The transformers tokenizer the vocabulary was taken from.
        vocabulary: From `vocabulary_of`.
        end_ids: Every id at which generation ends.

    Returns:
        What llama.cpp will do differently, one line each.

    Raises:
        UserError: the tokenizer has no end-of-sequence token.
    """
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if vocabulary.merges is not None:
        writer.add_token_merges(vocabulary.merges)
    if vocabulary.scores is not None:
        writer.add_token_scores(vocabulary.scores)
    writer.add_add_space_prefix(vocabulary.adds_space_prefix)
    if tokenizer.eos_token_id is None:
        raise UserError(
            "The tokenizer has no end-of-sequence token; llama.cpp would take an arbitrary one.",
            "Set eos_token in tokenizer_config.json.",
        )
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for index in end_ids:
        if index != tokenizer.eos_token_id:
            writer.add_eot_token_id(index)
            break
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    if tokenizer.unk_token_id is not None:
        writer.add_unk_token_id(tokenizer.unk_token_id)
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(tokenizer.pad_token_id)
    adds_bos, adds_eos = _ends_added(tokenizer)
    writer.add_add_bos_token(adds_bos)
    writer.add_add_eos_token(adds_eos)
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if template:
        writer.add_chat_template(template)
    return _differences(tokenizer, end_ids)


def _tokens(content: dict[str, Any], num_embeddings: int) -> tuple[list[str], list[int]]:
    from gguf import TokenType

    added = {token["id"]: token for token in content["added_tokens"]}
    by_id = {index: token for token, index in content["model"]["vocab"].items()}
    by_id.update({index: token["content"] for index, token in added.items()})
    if by_id and max(by_id) >= num_embeddings:
        raise UserError(
            f"The tokenizer has the id {max(by_id)}, but the model has only {num_embeddings} embeddings.",
            "Check that the tokenizer belongs to this model.",
        )
    unknown = content["model"].get("unk_token")
    tokens: list[str] = []
    types: list[int] = []
    for index in range(num_embeddings):
        token = by_id.get(index)
        tokens.append(f"[PAD{index}]" if token is None else token)
        if token is None:
            types.append(TokenType.UNUSED)
        elif index in added:
            types.append(_added_type(added[index]))
        elif token == unknown:
            types.append(TokenType.UNKNOWN)
        elif content["model"].get("byte_fallback") and token.startswith("<0x") and len(token) == 6:
            types.append(TokenType.BYTE)
        else:
            types.append(TokenType.NORMAL)
    return tokens, [int(kind) for kind in types]


def _added_type(token: dict[str, Any]) -> int:
    """Control tokens are only recognised in templates, user-defined ones in any text."""
    from gguf import TokenType

    return int(TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED)


def _sentencepiece(
    content: dict[str, Any], tokens: list[str], types: list[int], merges: list[tuple[str, ...]]
) -> Vocabulary:
    if content["normalizer"] not in (NOTHING_PREPENDED, BLANK_PREPENDED) or content["pre_tokenizer"] is not None:
        raise UserError(
            "The SentencePiece tokenizer treats blanks in a way that llama.cpp cannot repeat.",
            "Export it as a Hugging Face directory (formats: [hf]).",
        )
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        ranks.setdefault(left + right, rank)
    return Vocabulary(
        model="llama",
        pre="default",
        tokens=tokens,
        types=types,
        merges=None,
        # Only the order counts; tokens that nothing is joined into come last.
        scores=[-float(ranks.get(token, len(merges))) for token in tokens],
        adds_space_prefix=content["normalizer"] == BLANK_PREPENDED,
    )


def _refuse_normalizer(normalizer: dict[str, Any] | None) -> None:
    """Byte-level BPE in llama.cpp takes text as it is. NFC is let pass (`_differences` says so): most text is NFC."""
    kinds = {step["type"] for step in _steps(normalizer)}
    if kinds - {"NFC"}:
        raise UserError(
            f"The tokenizer changes text beforehand ({', '.join(sorted(kinds))}), which llama.cpp cannot repeat.",
            "Export it as a Hugging Face directory (formats: [hf]).",
        )


def _steps(normalizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normalizer is None:
        return []
    if normalizer["type"] == "Sequence":
        return [step for child in normalizer["normalizers"] for step in _steps(child)]
    return [normalizer]


def _ends_added(tokenizer: Any) -> tuple[bool, bool]:
    """Whether the tokenizer puts its begin and end tokens around a text by itself."""
    ids = tokenizer("a").input_ids
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    plain = tokenizer("a", add_special_tokens=False).input_ids
    adds_bos = bos is not None and len(ids) > len(plain) and ids[0] == bos
    adds_eos = len(ids) > len(plain) and ids[-1] == eos
    return adds_bos, adds_eos


def _differences(tokenizer: Any, end_ids: list[int]) -> list[str]:
    notes = []
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    if content["normalizer"] and not content["model"].get("byte_fallback"):
        notes.append("llama.cpp does not bring text into Unicode's composed form (NFC) as the tokenizer does")
    stripping = [token["content"] for token in content["added_tokens"] if token["lstrip"] or token["rstrip"]]
    if stripping:
        notes.append(f"llama.cpp does not strip blanks around {', '.join(stripping[:3])} as the tokenizer does")
    if len(set(end_ids) | {tokenizer.eos_token_id}) > 2:
        notes.append(f"GGUF names two tokens that end generation; of {end_ids} only the first other one was kept")
    return notes
