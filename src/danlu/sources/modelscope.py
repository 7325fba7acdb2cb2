"""``modelscope:ORG/NAME[@REVISION][#path]``: the ModelScope hub, through its own package (an extra)."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.sources.address import Address
from danlu.sources.cache import Cache
from danlu.sources.disk import check_space, is_full
from danlu.sources.errors import OTHER_WAYS, SourceUnavailableError, first_line
from danlu.sources.repository import choose_files, parse_repository
from danlu.telemetry.reporter import Reporter

FORM = "modelscope:ORG/NAME[@REVISION][#path]"
RESUMABLE = True
TIMEOUT_SECONDS = 7


def parse(uri: str) -> Address:
    """See `Downloader.parse`."""
    address = parse_repository(uri, FORM)
    if address.name.startswith("datasets/"):
        raise UserError(f"{uri!r}: data sets of ModelScope are not supported.", "Download it and give file:PATH.")
    return address


def download(address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
    """See `Downloader.download`."""
    try:
        from modelscope.hub.api import HubApi
        from modelscope.hub.file_download import model_file_download
    except ImportError as error:
        raise SourceUnavailableError(
            f"{address.uri} needs the package modelscope, which is not installed.",
            "Install it with: pip install 'danlu[modelscope]'",
        ) from error
    reporter.say(f"Asking ModelScope for {address.name}.")
    hub = HubApi()
    _check_reachable(hub.endpoint, address)
    revision = address.version or "master"
    files = _list(hub, address, revision)
    chosen = choose_files(address, list(files))
    snapshot = directory / address.name.rpartition("/")[2]
    snapshot.mkdir(exist_ok=True)
    check_space(directory, sum(files[name] for name in chosen), address.name)
    with reporter.progress(f"Downloading {address.name}", sum(files[name] for name in chosen), "bytes") as task:
        for name in chosen:
            path = snapshot / name
            if not (path.is_file() and path.stat().st_size == files[name]):
                try:
                    model_file_download(address.name, name, revision=revision, local_dir=str(snapshot))
                except Exception as error:
                    raise _explain(address, error) from error
            if path.stat().st_size != files[name]:
                path.unlink()
                raise SourceUnavailableError(f"{name} of {address.name} came damaged.", "Run again to fetch it anew.")
            task.advance(files[name])
    # Only what was chosen is kept, not what the package notes beside it.
    wanted = {snapshot / name for name in chosen}
    for path in [path for path in snapshot.rglob("*") if path.is_file() and path not in wanted]:
        path.unlink()
    return snapshot / address.member if address.member else snapshot


def _list(hub: Any, address: Address, revision: str) -> dict[str, int]:
    """Sizes in bytes of the repository's files, by path."""
    try:
        listed = hub.get_model_files(address.name, revision=revision, recursive=True)
    except Exception as error:
        raise _explain(address, error) from error
    return {str(file["Path"]): int(file["Size"]) for file in listed if file.get("Type", "blob") == "blob"}


def _check_reachable(endpoint: str, address: Address) -> None:
    """One short look, because the package itself tries for a minute or more."""
    try:
        urllib.request.urlopen(endpoint, timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise _explain(address, error) from error


def _explain(address: Address, error: Exception) -> Exception:
    if is_full(error):
        return error
    return SourceUnavailableError(
        f"{address.name} cannot be fetched: ModelScope cannot be reached or has no such repository "
        f"({first_line(error).rstrip('.')}).",
        OTHER_WAYS,
    )
