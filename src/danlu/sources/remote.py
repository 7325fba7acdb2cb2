"""``https:``, ``http:`` and ``s3:``: single files through fsspec, continued where an interrupted download stopped.

Beside the partial file lies the validator (entity tag, or date of change) of what is being fetched. Bytes are only
appended if the validator is still the same; without one, or from a server that cannot serve ranges, the download starts
again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from danlu.artifacts.manifest import Strict
from danlu.errors import UserError
from danlu.sources.address import Address
from danlu.sources.cache import Cache, shown
from danlu.sources.disk import check_space, show_bytes
from danlu.sources.errors import OTHER_WAYS, SourceUnavailableError, first_line
from danlu.telemetry.reporter import Reporter, Task

FORM = "https://HOST/FILE, s3://BUCKET/KEY"
RESUMABLE = True
CHUNK_BYTES = 4 * 2**20
"""Bytes asked for at a time; what a kill can cost."""
ANSWER_SECONDS = 14
"""A server that has not told of the file by then counts as unreachable."""
READ_SECONDS = 30
"""Without a single byte in this time the connection counts as dead."""
ATTEMPTS = 3


class _State(Strict):
    """``state.json``: what the partial file is the beginning of."""

    validator: str | None
    num_bytes: int | None


def parse(uri: str) -> Address:
    """See `Downloader.parse`."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError as error:
        raise UserError(f"{uri!r} is not a URL: {error}.", f"Write {FORM}.") from error
    if not host or not parts.path.strip("/") or not uri.partition(":")[2].startswith("//") or "\0" in uri:
        raise UserError(f"{shown(uri)!r} does not name a file.", f"Write {FORM}.")
    if parts.username is not None or parts.password is not None:
        raise UserError(
            f"The URL of the file on {host} has credentials in it, which would be recorded with what is made from it.",
            "Leave them out and put them into ~/.netrc.",
        )
    if parts.fragment:
        raise UserError(
            f"{shown(uri)!r} has a path after '#', but {parts.scheme}: names single files.",
            "Leave the path out, or unpack the file and use file:PATH.",
        )
    return Address(uri, parts.scheme, uri)


def download(address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
    """See `Downloader.download`."""
    filesystem = _open_filesystem(address)
    file_name = re.sub(r"[^\w.+-]", "_", unquote(urlsplit(address.uri).path).rpartition("/")[2])[-100:]
    # One directory for the file alone, so that it may have any name.
    partial = directory / "file" / (file_name.lstrip(".") or "download")
    partial.parent.mkdir(exist_ok=True)
    for attempts_left in reversed(range(ATTEMPTS)):
        state, ranges = _look(filesystem, address)
        start = _prepare(directory / "state.json", partial, state)
        if state.num_bytes is not None:
            check_space(directory, state.num_bytes - start, shown(address.uri))
        if start:
            reporter.say(f"Continuing {shown(address.uri)} after {show_bytes(start)}.")
        try:
            with reporter.progress(f"Downloading {partial.name}", state.num_bytes, "bytes") as task:
                _transfer(filesystem, address, state, partial, ranges=ranges, task=task)
            return partial
        except _BrokenTransferError as broken:
            have = partial.stat().st_size if partial.exists() else 0
            what = f"The connection for {shown(address.uri)} broke after {show_bytes(have)}: {broken}."
            if not attempts_left:
                raise SourceUnavailableError(what, "Run again to go on from there. " + OTHER_WAYS) from broken
            reporter.warn(f"{what} Trying again.")
    raise AssertionError("the last attempt returns or raises")


class _BrokenTransferError(Exception):
    """The transfer stopped before its end."""


def _open_filesystem(address: Address) -> Any:
    import fsspec

    try:
        if address.scheme == "s3":
            timeouts = {
                "connect_timeout": ANSWER_SECONDS,
                "read_timeout": READ_SECONDS,
                "retries": {"max_attempts": 0},
            }
            return fsspec.filesystem("s3", config_kwargs=timeouts, skip_instance_cache=True)
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, connect=ANSWER_SECONDS, sock_read=READ_SECONDS)
        # trust_env: proxies and ~/.netrc. Ranges of compressed bytes would be useless.
        client = {"trust_env": True, "timeout": timeout, "headers": {"Accept-Encoding": "identity"}}
        return fsspec.filesystem("https", client_kwargs=client, skip_instance_cache=True)
    except ImportError as error:
        raise SourceUnavailableError(
            f"{shown(address.uri)} needs packages that are not installed ({first_line(error)}).",
            "Install them with: pip install 'danlu[remote]'",
        ) from error


def _look(filesystem: Any, address: Address) -> tuple[_State, bool]:
    """What the server says of the file, and whether it may serve ranges of it."""
    try:
        info = filesystem.info(address.uri, timeout=ANSWER_SECONDS)
    except Exception as error:
        # Each filesystem has its own classes for a refused connection, a timeout, 403 and 404.
        raise SourceUnavailableError(
            f"{shown(address.uri)} cannot be fetched: {_reason(error)}.", OTHER_WAYS
        ) from error
    if info.get("type") != "file":
        raise UserError(f"{shown(address.uri)} is not a single file.", "Name the files one by one.")
    etag = info.get("ETag")
    # A weak tag (W/...) does not promise the same bytes.
    validator = etag if etag and not etag.startswith("W/") else info.get("Last-Modified")
    num_bytes = info.get("size")
    return _State(validator=validator, num_bytes=num_bytes), num_bytes is not None and info.get("partial", True)


def _prepare(state_file: Path, partial: Path, state: _State) -> int:
    """Keep the partial file if it is the beginning of the same bytes, else remove it. Returns its size in bytes."""
    try:
        same = _State.model_validate_json(state_file.read_bytes()) == state
    except (OSError, ValueError):
        same = False
    if same and state.validator is not None and partial.exists() and partial.stat().st_size <= (state.num_bytes or 0):
        return partial.stat().st_size
    partial.unlink(missing_ok=True)
    state_file.write_text(state.model_dump_json(), encoding="utf-8")
    return 0


def _transfer(filesystem: Any, address: Address, state: _State, partial: Path, *, ranges: bool, task: Task) -> None:
    """Append to `partial` until it is whole.

    Raises:
        _BrokenTransferError: it is not.
    """
    with partial.open("ab") as file:
        for chunk in _ranges(filesystem, address, state, file.tell(), task) if ranges else _stream(filesystem, address):
            if chunk is None:  # The server turned out not to serve ranges: from the beginning, in one go.
                file.truncate(0)
                task.advance(-task.completed)
                continue
            file.write(chunk)
            file.flush()
            # So that after a power cut the length of the file can be trusted.
            os.fsync(file.fileno())
            task.advance(len(chunk))
        if state.num_bytes is not None and file.tell() != state.num_bytes:
            raise _BrokenTransferError(f"{file.tell()} bytes came instead of {state.num_bytes}")


def _ranges(filesystem: Any, address: Address, state: _State, start: int, task: Task) -> Iterator[bytes | None]:
    """The file from `start` on, asked for piece by piece; after None, the whole file from its beginning."""
    assert state.num_bytes is not None
    task.advance(start)
    options: dict[str, Any] = {"size": state.num_bytes}
    if address.scheme != "s3" and state.validator:
        # The server refuses to go on (412) if the file was replaced meanwhile.
        condition = "If-Match" if state.validator.startswith('"') else "If-Unmodified-Since"
        options["headers"] = {condition: state.validator}
    with _broken(), filesystem.open(address.uri, block_size=CHUNK_BYTES, cache_type="none", **options) as remote:
        while start < state.num_bytes:
            remote.seek(start)
            try:
                chunk = remote.read(CHUNK_BYTES)
            except ValueError:
                break
            if not chunk:
                raise _BrokenTransferError("the server sent nothing more")
            start += len(chunk)
            yield chunk
        else:
            return
    yield None
    yield from _stream(filesystem, address)


def _stream(filesystem: Any, address: Address) -> Iterator[bytes]:
    """The file from its beginning, in one go."""
    with _broken(), filesystem.open(address.uri, block_size=0) as remote:
        while chunk := remote.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _broken() -> Iterator[None]:
    """Whatever a filesystem raises while it is read means that the connection broke."""
    try:
        yield
    except (_BrokenTransferError, GeneratorExit):
        raise
    except Exception as error:
        raise _BrokenTransferError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    status = getattr(cause, "status", None)
    if status is not None:
        return f"the server answered with status {status}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(error, FileNotFoundError) and cause is error:
        return "there is no such file"
    return first_line(cause).rstrip(".")
