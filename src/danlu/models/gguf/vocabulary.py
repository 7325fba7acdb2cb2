"""A GGUF file's vocabulary as a Hugging Face tokenizer.

Two kinds of vocabulary exist: byte-level BPE with merges (``tokenizer.ggml.model`` is ``gpt2``) and SentencePiece BPE
with scores (``llama``). The tokenizers made here give llama.cpp's token ids; in particular no Unicode normalisation is
applied, because llama.cpp applies none.
"""

from __future__ import annotations

from typing import Any

from danlu.errors import UserError
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.pre_tokenizers import build, pre_tokenizer_to_read

SPACE = "▁"
"""Stands for a blank in SentencePiece vocabularies (U+2581)."""

SPECIAL_TOKENS = {
    "bos_token": "tokenizer.ggml.bos_token_id",
    "eos_token": "tokenizer.ggml.eos_token_id",
    "unk_token": "tokenizer.ggml.unknown_token_id",
    "pad_token": "tokenizer.ggml.padding_token_id",
}

END_OF_TURN = "tokenizer.ggml.eot_token_id"


def read_tokenizer(file: GgufFile) -> Any:
    """The tokenizer of a GGUF file, as a transformers fast tokenizer with its chat template, if it has one.

    Raises:
        UserError: the kind of vocabulary or its pre-tokenizer is not known.
    """
    from transformers import PreTrainedTokenizerFast

    tokens: list[str] = file.require("tokenizer.ggml.tokens")
    backend = _backend(file, tokens)
    special = {}
    for name, key in SPECIAL_TOKENS.items():
        index = file.get(key)
        if index is not None and index < len(tokens):
            special[name] = tokens[index]
    backend.post_processor = _post_processor(file, tokens)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        model_max_length=int(file.require(f"{file.architecture}.context_length")),
        chat_template=file.get("tokenizer.chat_template"),
        **special,
    )


def end_token_ids(file: GgufFile) -> list[int]:
    """Ids at which generation ends: end of sequence and, where the file names one, end of turn."""
    ids = [file.get(SPECIAL_TOKENS["eos_token"]), file.get(END_OF_TURN)]
    return list(dict.fromkeys(index for index in ids if index is not None))


def _backend(file: GgufFile, tokens: list[str]) -> Any:
    """A tokenizer of the tokenizers library, special tokens included, without a post-processor."""
    from gguf import TokenType
    from tokenizers import AddedToken

    types: list[int] = file.get("tokenizer.ggml.token_type") or [TokenType.NORMAL] * len(tokens)
    kind = file.require("tokenizer.ggml.model")
    used = {token: index for index, token in enumerate(tokens) if types[index] != TokenType.UNUSED}
    match kind:
        case "gpt2":
            backend = _byte_level_bpe(file, used)
        case "llama":
            backend = _sentencepiece_bpe(file, used, tokens)
        case _:
            raise UserError(
                f"{file.path.name} has a vocabulary of kind {kind!r}, which cannot be read.",
                "Known: gpt2 (byte-level BPE) and llama (SentencePiece). Import its Hugging Face directory instead.",
            )
    for index, token in enumerate(tokens):
        # Each is added by itself: one call takes either special tokens or others.
        if types[index] == TokenType.USER_DEFINED:
            backend.add_tokens([AddedToken(token, normalized=False, special=False)])
        elif types[index] in (TokenType.CONTROL, TokenType.UNKNOWN):
            backend.add_special_tokens([AddedToken(token, normalized=False, special=True)])
    return backend


def _byte_level_bpe(file: GgufFile, vocabulary: dict[str, int]) -> Any:
    from tokenizers import Tokenizer, decoders, models

    pre_tokenizer = pre_tokenizer_to_read(file.get("tokenizer.ggml.pre"))
    # The blank between the two halves is never the first character: a half may begin with one.
    pairs = [line.split(" ") for line in file.require("tokenizer.ggml.merges")]
    merges = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] + pair[1] in vocabulary]
    if len(merges) < len(pairs):
        raise UserError(
            f"{file.path.name} has {len(pairs) - len(merges)} merges whose result is not in its vocabulary.",
            "The file is inconsistent; take another conversion of the model.",
        )
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=pre_tokenizer.ignore_merges))
    backend.pre_tokenizer = build(pre_tokenizer)
    backend.decoder = decoders.ByteLevel()
    return backend


def _sentencepiece_bpe(file: GgufFile, vocabulary: dict[str, int], tokens: list[str]) -> Any:
    """SentencePiece BPE joins the two neighbours whose union has the highest score, whatever the two are.

    As merges that is: every way to cut a token into two tokens, in the order of the scores.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers

    scores: list[float] = file.require("tokenizer.ggml.scores")
    merges = []
    for token, index in vocabulary.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in vocabulary and right in vocabulary:
                merges.append((-scores[index], vocabulary[left], vocabulary[right], left, right))
    merges.sort()
    unknown = tokens[file.get(SPECIAL_TOKENS["unk_token"], 0)]
    backend = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=[(left, right) for *_, left, right in merges],
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    blanks = normalizers.Replace(" ", SPACE)
    undo = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if file.get("tokenizer.ggml.add_space_prefix", True):
        backend.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), blanks])
        undo.append(decoders.Strip(" ", 1, 0))
    else:
        backend.normalizer = blanks
    backend.decoder = decoders.Sequence(undo)
    return backend


def _post_processor(file: GgufFile, tokens: list[str]) -> Any:
    """Adds the tokens that begin and end a text, if the file says so or its kind of vocabulary implies it."""
    from tokenizers import processors

    if file.require("tokenizer.ggml.model") == "llama":
        adds_bos = True
    else:
        adds_bos = pre_tokenizer_to_read(file.get("tokenizer.ggml.pre")).adds_bos
    ends = {}
    for place, key, default in (("bos", "add_bos_token", adds_bos), ("eos", "add_eos_token", False)):
        index = file.get(f"tokenizer.ggml.{place}_token_id")
        if file.get(f"tokenizer.ggml.{key}", default) and index is not None:
            ends[place] = (tokens[index], int(index))
    before = f"{ends['bos'][0]} " if "bos" in ends else ""
    after = f" {ends['eos'][0]}" if "eos" in ends else ""
    return processors.TemplateProcessing(
        single=f"{before}$A{after}",
        pair=f"{before}$A{after} {before}$B:1{after}".replace("  ", " "),
        special_tokens=list(ends.values()),
    )
