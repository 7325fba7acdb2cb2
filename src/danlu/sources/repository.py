"""What hubs have in common: how a repository is named, and which of its files make up a model."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from danlu.errors import UserError
from danlu.sources.address import Address, split_member
from danlu.sources.archive import nearest
from danlu.sources.errors import MemberMissingError

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "*.tiktoken",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "LICENSE*",
)
"""Files at the top of a repository that a model is loaded from. Pickled weights are never fetched."""
DUPLICATES = ("consolidated*.safetensors",)
"""The same weights again, in their maker's own layout."""

_REPOSITORY = re.compile(r"(datasets/)?[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def parse_repository(uri: str, form: str) -> Address:
    """Take ``SCHEME:ORG/NAME[@REVISION][#path]`` apart.

    Raises:
        UserError: it is not of that form.
    """
    repository, member = split_member(uri, form)
    name, mark, revision = repository.partition("@")
    if not _REPOSITORY.fullmatch(name) or ".." in name:
        raise UserError(f"{uri!r} does not name a repository.", f"Write {form}.")
    if mark and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise UserError(f"{uri!r} does not name a revision after '@'.", "Give a branch, a tag or a commit.")
    if name.startswith("datasets/") and member is None:
        raise UserError(f"{uri!r} does not say which file of the data set is meant.", f"Add its path: {uri}#path.")
    return Address(uri, uri.partition(":")[0], name, revision or None, member)


def choose_files(address: Address, known: list[str]) -> list[str]:
    """The files of a repository to fetch: the one asked for, those in the folder asked for, or those of a model.

    Raises:
        MemberMissingError: the path is not in the repository.
        UserError: a model was asked for and the repository has no safetensors.
    """
    if address.member is not None:
        chosen = [name for name in known if name == address.member or name.startswith(address.member + "/")]
        if not chosen:
            raise MemberMissingError(f"{address.name} has no {address.member!r}.", nearest(address.member, known))
        return chosen
    chosen = [name for name in known if _matches(name, MODEL_FILES) and not _matches(name, DUPLICATES)]
    if not any(name.endswith(".safetensors") for name in chosen):
        ggufs = [name for name in known if name.endswith(".gguf")]
        raise UserError(
            f"{address.name} has no weights in safetensors at its top.",
            f"Name one of its GGUF files: {address.uri}#{ggufs[0]}." if ggufs else "Name another source.",
        )
    return chosen


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return "/" not in name and any(fnmatch(name, pattern) for pattern in patterns)
