r"""The table of pre-tokenizers: how text is cut into words before byte-level BPE merges are applied.

GGUF keeps only a name for this (``tokenizer.ggml.pre``); ``tokenizer.json`` keeps the rules themselves. The table maps
one to the other in both directions. Rules are regular expressions applied one after the other; every match, and every
stretch between matches, becomes a piece.

The rules are facts about the models' tokenizers, checked against llama.cpp's own test vectors for these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from danlu.errors import UserError

DIGIT = r"\p{N}"
DIGITS = r"\p{N}+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What `ByteLevel` of the tokenizers library applies when its ``use_regex`` is on."""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
QWEN2 = rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
QWEN35 = (
    rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
)


@dataclass(frozen=True)
class PreTokenizer:
    """One way of cutting text."""

    rules: tuple[str, ...]
    """Regular expressions in Oniguruma's syntax, applied in this order."""
    ignore_merges: bool = False
    """Whether a piece that is a token as a whole is taken whole, whatever the merges say."""
    adds_bos: bool = False
    """Whether llama.cpp puts the beginning-of-sequence token in front where the file does not say."""


PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    # The first name with the wanted rules is the one that is written.
    "gpt-2": PreTokenizer((GPT2,)),
    "smollm": PreTokenizer((DIGIT, GPT2)),
    "llama-bpe": PreTokenizer((LLAMA3,), ignore_merges=True, adds_bos=True),
    "smaug-bpe": PreTokenizer((LLAMA3,)),
    "qwen2": PreTokenizer((QWEN2,)),
    "qwen35": PreTokenizer((QWEN35,)),
    # Other names for the same.
    "phi-2": PreTokenizer((GPT2,)),
    "mpt": PreTokenizer((GPT2,)),
    "olmo": PreTokenizer((GPT2,)),
    "starcoder": PreTokenizer((DIGIT, GPT2)),
    "refact": PreTokenizer((DIGIT, GPT2)),
    "command-r": PreTokenizer((DIGIT, GPT2)),
    "llama3": PreTokenizer((LLAMA3,), ignore_merges=True, adds_bos=True),
    "llama-v3": PreTokenizer((LLAMA3,), ignore_merges=True, adds_bos=True),
    "dbrx": PreTokenizer((LLAMA3,)),
    "deepseek-r1-qwen": PreTokenizer((QWEN2,)),
}


def pre_tokenizer_to_read(name: str | None) -> PreTokenizer:
    """The entry of the table for a GGUF file's ``tokenizer.ggml.pre``.

    Raises:
        UserError: the name is not in the table, or the file has none.
    """
    if name in PRE_TOKENIZERS:
        return PRE_TOKENIZERS[name]
    raise UserError(
        f"The GGUF file's pre-tokenizer is {name!r}, which is not known.",
        "Its text would be cut wrongly. Import the model's Hugging Face directory instead. "
        f"Known: {', '.join(PRE_TOKENIZERS)}.",
    )


def build(pre_tokenizer: PreTokenizer) -> Any:
    """The pre-tokenizer as an object of the tokenizers library."""
    from tokenizers import Regex, pre_tokenizers

    *first_rules, last_rule = pre_tokenizer.rules
    steps = [_split(rule) for rule in first_rules]
    if last_rule == GPT2:
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))
    else:
        steps.append(pre_tokenizers.Split(Regex(last_rule), behavior="isolated"))
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)


def name_of(tokenizer_json: dict[str, Any]) -> str:
    """The name under which llama.cpp cuts text exactly as this ``tokenizer.json`` does.

    Raises:
        UserError: no name in the table has these rules.
    """
    rules = _rules_of(tokenizer_json.get("pre_tokenizer"))
    ignore_merges = bool(tokenizer_json["model"].get("ignore_merges", False))
    for name, entry in PRE_TOKENIZERS.items():
        if (entry.rules, entry.ignore_merges) == (rules, ignore_merges):
            return name
    raise UserError(
        f"The tokenizer cuts text in a way GGUF has no known name for: {list(rules)}, ignore_merges={ignore_merges}.",
        "Export it as a Hugging Face directory (formats: [hf]); a guess would make the model talk gibberish.",
    )


def _split(rule: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    if rule == DIGIT:
        return pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Split(Regex(rule), behavior="isolated")


def _rules_of(node: dict[str, Any] | None) -> tuple[str, ...]:
    """The rules of a serialised pre-tokenizer that ends in bytes; a step that is no such rule is named as itself."""
    steps = _flatten(node)
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return tuple(str(step["type"]) for step in steps) or ("none",)
    *first_steps, byte_level = steps
    rules = [_rule_of(step) for step in first_steps]
    if byte_level.get("use_regex", True):
        rules.append(GPT2)
    return tuple(rules)


def _flatten(node: dict[str, Any] | None) -> list[dict[str, Any]]:
    if node is None:
        return []
    if node["type"] == "Sequence":
        return [step for child in node["pretokenizers"] for step in _flatten(child)]
    return [node]


def _rule_of(step: dict[str, Any]) -> str:
    match step:
        case {"type": "Digits", "individual_digits": individual}:
            return DIGIT if individual else DIGITS
        case {"type": "Split", "pattern": {"Regex": rule}, "behavior": "Isolated", "invert": False}:
            return str(rule)
        case {"type": "Split", "pattern": {"Regex": rule}, "behavior": "Removed", "invert": True}:
            # Keeps the matches only; the rules of this table leave nothing between them.
            return str(rule)
        case _:
            return str(step["type"])
