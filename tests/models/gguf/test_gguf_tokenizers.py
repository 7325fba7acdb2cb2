"""Token ids are the same in the tokenizers library, in what is read back from GGUF, and in llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf_texts import CORPUS, TEXTS

from danlu.errors import UserError
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.pre_tokenizers import GPT2, PRE_TOKENIZERS, PreTokenizer, build, name_of
from danlu.models.gguf.vocabulary import read_tokenizer
from danlu.models.gguf.write import write_gguf

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train_byte_level(pre_tokenizer: PreTokenizer, *, vocabulary: int = 700) -> Any:
    """A transformers tokenizer with these rules."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(ignore_merges=pre_tokenizer.ignore_merges))
    backend.pre_tokenizer = build(pre_tokenizer)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    backend.add_tokens([AddedToken("<tool>", normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=SPECIAL[1], eos_token=SPECIAL[2], pad_token=SPECIAL[0]
    )


def sentencepiece(*, add_space_prefix: bool) -> Any:
    """A transformers tokenizer as SentencePiece BPE models have it."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Replace(" ", "▁")
    learner.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
    learner.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, show_progress=False))
    pieces = sorted(learner.get_vocab(), key=learner.get_vocab().__getitem__)
    singles, longer = [p for p in pieces if len(p) == 1], [p for p in pieces if len(p) > 1]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *longer, *singles]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in longer
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    blanks = normalizers.Replace(" ", "▁")
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), blanks]) if add_space_prefix else blanks
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )


def compare_three_ways(tokenizer: Any, path: Path, llama_cpp: Callable[..., Any], texts: list[str]) -> None:
    read = read_tokenizer(GgufFile(path))
    engine = llama_cpp(path, context=256)
    for text in texts:
        expected = tokenizer(text, add_special_tokens=False).input_ids
        assert read(text, add_special_tokens=False).input_ids == expected, f"read back: {text!r}"
        assert engine.tokenise(text) == expected, f"llama.cpp: {text!r}"
    assert read("abc").input_ids == tokenizer("abc").input_ids


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35"])
def test_byte_level_ids_agree(
    name: str, make_model: Callable[..., tuple[Any, Path]], llama_cpp: Callable[..., Any], tmp_path: Path
) -> None:
    tokenizer = train_byte_level(PRE_TOKENIZERS[name])
    _, directory = make_model("llama", tokenizer)
    path = tmp_path / "m.gguf"
    assert write_gguf(directory, path, file_type="f16", name="tiny") == []
    assert GgufFile(path).get("tokenizer.ggml.pre") == name
    compare_three_ways(tokenizer, path, llama_cpp, [*TEXTS, "a<tool>b <tool>"])


@pytest.mark.parametrize("add_space_prefix", [True, False])
def test_sentencepiece_ids_agree(
    add_space_prefix: bool,
    make_model: Callable[..., tuple[Any, Path]],
    llama_cpp: Callable[..., Any],
    tmp_path: Path,
) -> None:
    tokenizer = sentencepiece(add_space_prefix=add_space_prefix)
    _, directory = make_model("llama", tokenizer)
    path = tmp_path / "m.gguf"
    write_gguf(directory, path, file_type="f16", name="tiny")
    file = GgufFile(path)
    assert file.get("tokenizer.ggml.model") == "llama"
    assert file.get("tokenizer.ggml.add_bos_token") is True
    compare_three_ways(tokenizer, path, llama_cpp, [*TEXTS, "Hello</s> again <s>x"])


def test_embedding_rows_without_a_token_are_unused(
    make_model: Callable[..., tuple[Any, Path]], tiny_tokenizer: Any, tmp_path: Path
) -> None:
    _, directory = make_model("llama", vocab_size=416)
    write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    file = GgufFile(tmp_path / "m.gguf")
    assert file.get("tokenizer.ggml.tokens")[-1] == "[PAD415]"
    assert file.get("tokenizer.ggml.token_type")[-1] == 5
    read = read_tokenizer(file)
    assert len(read) == len(tiny_tokenizer)
    assert "[PAD415]" not in read.get_vocab()


def test_second_end_token_is_kept(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    from transformers import GenerationConfig

    from danlu.models.gguf.vocabulary import end_token_ids

    _, directory = make_model("llama")
    GenerationConfig(eos_token_id=[2, 0]).save_pretrained(directory)
    write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    assert end_token_ids(GgufFile(tmp_path / "m.gguf")) == [2, 0]


@pytest.mark.parametrize("name", sorted(PRE_TOKENIZERS))
def test_every_name_is_recognised_from_the_rules_it_builds(name: str) -> None:
    import json

    from tokenizers import Tokenizer, models

    entry = PRE_TOKENIZERS[name]
    backend = Tokenizer(models.BPE(ignore_merges=entry.ignore_merges))
    backend.pre_tokenizer = build(entry)
    recognised = name_of(json.loads(backend.to_str()))
    assert PRE_TOKENIZERS[recognised] == PreTokenizer(
        entry.rules, entry.ignore_merges, PRE_TOKENIZERS[recognised].adds_bos
    )


def test_original_spellings_are_recognised() -> None:
    def tokenizer_json(pre_tokenizer: Any, ignore_merges: bool = False) -> dict[str, Any]:
        return {"pre_tokenizer": pre_tokenizer, "model": {"ignore_merges": ignore_merges}}

    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    plain = {**byte_level, "use_regex": False}
    qwen = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = {"type": "Split", "pattern": {"Regex": qwen}, "behavior": "Isolated", "invert": False}
    digits = {"type": "Digits", "individual_digits": True}
    assert name_of(tokenizer_json(byte_level)) == "gpt-2"
    assert name_of(tokenizer_json({"type": "Sequence", "pretokenizers": [digits, byte_level]})) == "smollm"
    assert name_of(tokenizer_json({"type": "Sequence", "pretokenizers": [split, plain]})) == "qwen2"
    llama = {**split, "pattern": {"Regex": qwen.replace(r"|\p{N}|", r"|\p{N}{1,3}|")}}
    assert name_of(tokenizer_json({"type": "Sequence", "pretokenizers": [llama, plain]}, True)) == "llama-bpe"


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        None,
        {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
        {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        {"type": "Whitespace"},
        {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            ],
        },
    ],
)
def test_unknown_rules_are_refused_rather_than_guessed(pre_tokenizer: Any) -> None:
    with pytest.raises(UserError, match="no known name"):
        name_of({"pre_tokenizer": pre_tokenizer, "model": {"ignore_merges": False}})


def test_gpt2_rule_is_the_one_of_the_tokenizers_library() -> None:
    from tokenizers import Regex, pre_tokenizers

    ours = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(GPT2), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    theirs = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    for text in TEXTS:
        assert ours.pre_tokenize_str(text) == theirs.pre_tokenize_str(text)


@pytest.mark.parametrize("kind", ["wordpiece", "lowercase", "too many tokens", "no end"])
def test_tokenizers_gguf_cannot_hold_are_refused(
    kind: str, make_model: Callable[..., tuple[Any, Path]], tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models, normalizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = train_byte_level(PRE_TOKENIZERS["gpt-2"])
    settings = {}
    if kind == "wordpiece":
        backend = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "</s>": 2}, unk_token="[UNK]"))
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="</s>")
    elif kind == "lowercase":
        tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    elif kind == "too many tokens":
        settings["vocab_size"] = 64
    else:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    _, directory = make_model("llama", tokenizer, **settings)
    with pytest.raises(UserError):
        write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    assert not list(tmp_path.glob("m.gguf*"))
