"""Downloaded sources by content: whole or not there, safe against kills and against another process doing the same.

    blobs/<sha256>/<name>     a file, or a directory by its tree hash; it keeps its name, as readers look at suffixes
    uris/<key>.json           which blob a URI stands for; written last
    partial/<key>/            a download under way; only ever touched by the holder of the lock
    locks/<key>.lock          released by the operating system when its holder dies

`<key>` is a hash of the URI, so that a URI may hold any character and no credential shows in a file name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from danlu.artifacts.manifest import SourceRecord, Strict
from danlu.artifacts.stage import Source
from danlu.artifacts.store import sync_directory, sync_tree
from danlu.errors import UserError
from danlu.sources.disk import explain_full_disk
from danlu.sources.errors import DiskFullError
from danlu.sources.tree import hash_path
from danlu.telemetry.reporter import Reporter

_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&#]*(?:token|signature|secret|credential|key|sig|auth)[^=&#]*=)[^&#]+")


class IndexEntry(Strict):
    """``uris/<key>.json``."""

    uri: str
    sha256: str
    num_bytes: int
    name: str
    """File or directory name of the blob."""
    fetched: str
    """UTC, ISO 8601."""


class Cache:
    """The cache in one directory, which several processes may share."""

    def __init__(self, root: Path, reporter: Reporter) -> None:
        self.root = root
        self._reporter = reporter

    def find(self, uri: str) -> Source | None:
        """What `uri` stands for, if it is here and undamaged. Every byte is read for that."""
        entry = self.entry(uri)
        if entry is None or self._damage(entry):
            return None
        return Source(self._blob(entry), _record(entry))

    def entry(self, uri: str) -> IndexEntry | None:
        """What the index says about `uri`; None if nothing, or nothing legible."""
        try:
            entry = IndexEntry.model_validate_json(self._index(uri).read_bytes())
        except (OSError, ValueError):
            return None
        legible = re.fullmatch(r"[0-9a-f]{64}", entry.sha256) and Path(entry.name).name == entry.name
        return entry if legible else None

    def obtain(
        self,
        uri: str,
        make: Callable[[Path], Path],
        *,
        resumable: bool = False,
        refresh: bool = False,
        sha256: str | None = None,
    ) -> Source:
        """What `uri` stands for: from the cache, or made anew and put there.

        Args:
            uri: The key.
            make: Called with a directory to fill; returns the file or directory in it that is to be kept.
            resumable: Leave the directory as it is when `make` fails, and hand it to `make` again the next time.
            refresh: Do not look in the cache.
            sha256: A cached blob with another hash counts as absent.

        Raises:
            UserError: the disk is full or write-protected, or whatever `make` raises.
        """

        def cached() -> Source | None:
            found = None if refresh else self.find(uri)
            return found if found and sha256 in (None, found.record.sha256) else None

        # Looked up before the lock is taken, so that a write-protected cache still serves what it has.
        found = cached()
        if found:
            return found
        with self._lock(uri):
            found = cached()
            if found:
                return found
            self._remove_damaged(uri)
            partial = self.root / "partial" / _key(uri)
            if not resumable:
                shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True, exist_ok=True)
            try:
                with explain_full_disk(partial, shown(uri)):
                    source = self._publish(uri, make(partial))
            except BaseException as error:
                begun = any(path.is_file() for path in partial.rglob("*"))
                if not resumable or not begun or isinstance(error, DiskFullError):
                    shutil.rmtree(partial, ignore_errors=True)
                raise
            shutil.rmtree(partial, ignore_errors=True)
            return source

    def _publish(self, uri: str, path: Path) -> Source:
        """Move a finished file or directory to its place and enter it in the index."""
        if path.is_dir():
            sync_tree(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sha256, num_bytes = hash_path(path)
        entry = IndexEntry(
            uri=shown(uri),
            sha256=sha256,
            num_bytes=num_bytes,
            name=path.name,
            fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        blob = self._blob(entry)
        if self._damage(entry):
            _remove(blob)
            blob.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.rename(blob)
            except OSError:
                # Another URI with the same content was published by another process in between.
                if self._damage(entry):
                    raise
            sync_directory(blob.parent)
            sync_directory(blob.parent.parent)
        index = self._index(uri)
        index.parent.mkdir(exist_ok=True)
        aside = index.with_suffix(f".{os.getpid()}.partial")
        with aside.open("w", encoding="utf-8") as text:
            text.write(json.dumps(entry.model_dump(), ensure_ascii=False, indent=2) + "\n")
            text.flush()
            os.fsync(text.fileno())
        aside.replace(index)
        sync_directory(index.parent)
        return Source(blob, _record(entry))

    def _damage(self, entry: IndexEntry) -> str | None:
        """What is wrong with a blob, or None if it is whole."""
        path = self._blob(entry)
        try:
            if path.is_file() and path.stat().st_size != entry.num_bytes:
                return f"has {path.stat().st_size} bytes instead of {entry.num_bytes}"
            sha256, _ = hash_path(path)
        except FileNotFoundError:
            return "is missing"
        except UserError as error:
            return f"is damaged ({error.what})"
        return None if sha256 == entry.sha256 else "does not match its sha256"

    def _remove_damaged(self, uri: str) -> None:
        entry = self.entry(uri)
        damage = entry and self._damage(entry)
        if entry and damage:
            self._reporter.warn(f"The cached copy of {entry.uri} {damage}. It is removed and fetched again.")
            self._index(uri).unlink(missing_ok=True)
            _remove(self._blob(entry))

    @contextmanager
    def _lock(self, uri: str) -> Iterator[None]:
        path = self.root / "locks" / f"{_key(uri)}.lock"
        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0.5)
        except Timeout:
            self._reporter.say(f"Waiting for another process that is fetching {shown(uri)}.")
            lock.acquire()
        except OSError as error:
            raise UserError(
                f"The cache {self.root} cannot be written: {error.strerror}.",
                "Put the cache where you may write with DANLU_CACHE=DIR.",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _blob(self, entry: IndexEntry) -> Path:
        return self.root / "blobs" / entry.sha256 / entry.name

    def _index(self, uri: str) -> Path:
        return self.root / "uris" / f"{_key(uri)}.json"


def shown(uri: str) -> str:
    """A URI as it may be shown and recorded: values of parameters that look like credentials are left out."""
    return _SECRET_PARAMETER.sub(r"\1...", uri)


def _key(uri: str) -> str:
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _record(entry: IndexEntry) -> SourceRecord:
    return SourceRecord(uri=entry.uri, sha256=entry.sha256, num_bytes=entry.num_bytes)


def _remove(blob: Path) -> None:
    if blob.is_dir():
        shutil.rmtree(blob, ignore_errors=True)
    else:
        blob.unlink(missing_ok=True)
