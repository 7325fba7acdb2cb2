"""Settings of ``do: train_tokenizer``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, StageConfig
from danlu.errors import did_you_mean
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS

NUM_BYTES = 256


class NamedTokens(Strict):
    """Tokens that no text is merged into. They have the first ids, in the order of `all`."""

    more: tuple[str, ...] = ()
    """Any others, for example ``<tool_call>``."""

    @property
    def all(self) -> list[str]:
        """In the order of their ids: in the order in which the class names them."""
        named = [getattr(self, name) for name in type(self).model_fields if name not in ("kind", "more")]
        return [*named, *self.more]

    @model_validator(mode="after")
    def _different(self) -> Self:
        for token in self.all:
            if not token or not token.isascii() or token != token.strip():
                raise ValueError(f"{token!r} is no special token: ASCII without blanks around it is")
            if self.all.count(token) > 1:
                raise ValueError(f"{token!r} is named twice")
        return self


class SpecialTokens(NamedTokens):
    """For models that predict the next token."""

    kind: Literal["decoder"] = "decoder"
    begin_of_text: str = "<|begin_of_text|>"
    """The bos token. The tokenizer puts it in front of every text, and GGUF files say so too (``add_bos_token``), so
    that every program feeds a model what documents begin with when it is trained."""
    end_of_text: str = "<|end_of_text|>"
    """The eos token, which is also what sequences are filled up with."""
    begin_of_turn: str = "<|im_start|>"
    """Begins a turn of a conversation, so that fine-tuning later needs no new token: a tokenizer that has these two
    tokens, by these names, is given the chat template ChatML when a model is trained on conversations."""
    end_of_turn: str = "<|im_end|>"
    """Ends a turn of a conversation."""


class EncoderTokens(NamedTokens):
    """For encoders, which guess hidden tokens and put texts into classes. The tokenizer puts `begin` before every text,
    and `end` behind it and between the two texts of a pair."""

    kind: Literal["encoder"]
    padding: str = "[PAD]"
    """What sequences are filled up with."""
    begin: str = "[CLS]"
    """The cls token: what the model makes of it stands for the whole text."""
    end: str = "[SEP]"
    """The sep token."""
    mask: str = "[MASK]"
    """Stands for a hidden token."""


def _decoder_unless_said(settings: Any) -> Any:
    return {"kind": "decoder", **settings} if isinstance(settings, dict) else settings


AnySpecialTokens = Annotated[
    Annotated[SpecialTokens | EncoderTokens, Field(discriminator="kind")], BeforeValidator(_decoder_unless_said)
]


class TrainTokenizerConfig(StageConfig):
    """Text -> a byte-level BPE tokenizer that transformers and llama.cpp read alike."""

    KIND: ClassVar[str] = "tokenizer"

    do: Literal["train_tokenizer"] = "train_tokenizer"
    data: Annotated[str, Reference(("corpus", "examples"))]
    """Documents, or examples, whose messages are then the text. The training split is learnt from; how well the
    vocabulary fits is measured on the validation split if there is one."""
    algorithm: Literal["bpe"] = "bpe"
    """bpe: byte-level byte-pair encoding. Any text can be written with it; nothing is unknown."""
    vocabulary_size: int = 32_000
    """Tokens in all: 256 bytes, the special tokens, and what merging gives."""
    pre_tokenizer: str = "qwen2"
    """How text is cut into words before merging, by llama.cpp's name. qwen2: digits one by one, punctuation may begin
    a word; for Chinese and English. Others: gpt-2, smollm, llama-bpe, smaug-bpe, qwen35."""
    special_tokens: AnySpecialTokens = SpecialTokens()
    """Tokens with a meaning of their own. ``kind: encoder`` for a model like BERT."""
    sample_characters: int = Field(default=200_000_000, ge=1)
    """Text to learn from, at most. Of more, whole documents are chosen at random."""
    seed: int = Field(default=0, ge=0)
    """Decides which documents are chosen."""

    @field_validator("pre_tokenizer")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in PRE_TOKENIZERS:
            raise ValueError(
                f"{name!r} is no pre-tokenizer that llama.cpp knows. {did_you_mean(name, list(PRE_TOKENIZERS))}"
            )
        return name

    @model_validator(mode="after")
    def _large_enough(self) -> TrainTokenizerConfig:
        least = NUM_BYTES + len(self.special_tokens.all)
        if self.vocabulary_size < least:
            raise ValueError(
                f"vocabulary_size: {self.vocabulary_size} is less than the {NUM_BYTES} bytes and "
                f"{len(self.special_tokens.all)} special tokens that every vocabulary has; set it to {least} or more"
            )
        return self

    @property
    def num_new_tokens(self) -> int:
        """Tokens that merging has to give."""
        return self.vocabulary_size - NUM_BYTES - len(self.special_tokens.all)
