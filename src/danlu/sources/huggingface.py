"""``hf:ORG/NAME[@REVISION][#path]`` and ``hf:datasets/ORG/NAME[@REVISION]#path``: the Hugging Face hub.

Through huggingface_hub, with the user's own token and endpoint. The revision is resolved to a commit first, and every
file is checked against the size and, for large files, the SHA-256 that the hub states for that commit.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.artifacts.store import hash_file
from danlu.sources.address import Address
from danlu.sources.cache import Cache
from danlu.sources.disk import check_space, is_full
from danlu.sources.errors import OTHER_WAYS, SourceUnavailableError, first_line
from danlu.sources.repository import choose_files, parse_repository
from danlu.telemetry.reporter import Reporter, Task

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

FORM = "hf:ORG/NAME[@REVISION][#path]"
RESUMABLE = True
TIMEOUT_SECONDS = 10


def parse(uri: str) -> Address:
    """See `Downloader.parse`."""
    return parse_repository(uri, FORM)


def download(address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
    """See `Downloader.download`."""
    reporter.say(f"Asking the Hugging Face hub for {address.name}.")
    commit, files = _list(address)
    chosen = [files[name] for name in choose_files(address, list(files))]
    # A branch may have moved since an interrupted download; what belongs to another commit is not mixed in.
    snapshot = directory / commit / address.name.rpartition("/")[2]
    for other in directory.iterdir():
        if other.name != commit:
            shutil.rmtree(other)
    num_bytes = sum(file.size or 0 for file in chosen)
    have = sum(path.stat().st_size for path in snapshot.rglob("*") if path.is_file())
    snapshot.mkdir(parents=True, exist_ok=True)
    check_space(directory, num_bytes - have, address.name)
    with reporter.progress(f"Downloading {address.name}", num_bytes, "bytes") as task:
        for file in chosen:
            _fetch(address, commit, file, snapshot, task)
    # What huggingface_hub keeps beside the files to continue from.
    shutil.rmtree(snapshot / ".cache", ignore_errors=True)
    return snapshot / address.member if address.member else snapshot


def _list(address: Address) -> tuple[str, dict[str, RepoSibling]]:
    """The commit that the revision stands for, and the files in it by path."""
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        ask = api.dataset_info if _kind(address) == "dataset" else api.model_info
        info = ask(_repository(address), revision=address.version, timeout=TIMEOUT_SECONDS, files_metadata=True)
    except Exception as error:
        raise _explain(address, error) from error
    if info.sha is None:
        raise SourceUnavailableError(f"The Hugging Face hub names no commit of {address.name}.", OTHER_WAYS)
    return info.sha, {file.rfilename: file for file in info.siblings or []}


def _fetch(address: Address, commit: str, file: RepoSibling, snapshot: Path, task: Task) -> None:
    from huggingface_hub import hf_hub_download

    before = task.completed
    try:
        path = Path(
            hf_hub_download(
                _repository(address),
                file.rfilename,
                repo_type=_kind(address),
                revision=commit,
                local_dir=snapshot,
                etag_timeout=TIMEOUT_SECONDS,
                tqdm_class=_forward_to(task),
            )
        )
    except Exception as error:
        raise _explain(address, error) from error
    num_bytes = path.stat().st_size
    expected = file.lfs.sha256 if file.lfs else None
    if (file.size is not None and num_bytes != file.size) or (expected and hash_file(path) != expected):
        path.unlink()
        raise SourceUnavailableError(
            f"{file.rfilename} of {address.name} came damaged ({num_bytes} bytes; the hub states {file.size}).",
            "Run again to fetch that file anew.",
        )
    # Files that were there already, or came by a road that shows no progress.
    task.advance(before + num_bytes - task.completed)


def _repository(address: Address) -> str:
    return address.name.removeprefix("datasets/")


def _kind(address: Address) -> str:
    return "dataset" if address.name.startswith("datasets/") else "model"


def _forward_to(task: Task) -> Any:
    """A silent tqdm that hands its progress to `task`."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Forwarding(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            task.advance(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            task.advance(n or 0)

    return Forwarding


def _explain(address: Address, error: Exception) -> Exception:
    """The error as the user should see it. The hub's own classes change from one major version to the next."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    # A full disk is explained by the cache; a wrong call of ours is a fault and must not look like a bad connection.
    if is_full(error) or isinstance(error, (KeyError, TypeError, AttributeError)):
        return error
    what, hint = f"cannot be reached: {first_line(error).rstrip('.')}", OTHER_WAYS
    if isinstance(error, GatedRepoError):
        what, hint = "has not opened this repository to you", "Accept its licence there, then run: hf auth login"
    elif isinstance(error, RepositoryNotFoundError):
        what, hint = "has no such repository, or it is private", "Check the name; for a private one run: hf auth login"
    elif isinstance(error, HfHubHTTPError):
        what = f"answered: {first_line(error).rstrip('.')}"
    elif isinstance(error, OfflineModeIsEnabled):
        what, hint = "is switched off by HF_HUB_OFFLINE", "Unset HF_HUB_OFFLINE, or name another source."
    return SourceUnavailableError(f"{address.name} cannot be fetched: the Hugging Face hub {what}.", hint)
