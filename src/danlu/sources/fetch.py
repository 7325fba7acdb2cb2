"""The one door: a URI goes in, verified bytes on this machine come out."""

from __future__ import annotations

import re
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.errors import UserError, did_you_mean
from danlu.sources import huggingface, local, modelscope, npm, pypi, remote, sql
from danlu.sources.address import Address, Downloader
from danlu.sources.cache import Cache, shown
from danlu.sources.errors import OTHER_WAYS, SourceUnavailableError
from danlu.telemetry.reporter import Reporter

DOWNLOADERS: dict[str, Downloader] = {
    "pypi": pypi,
    "npm": npm,
    "hf": huggingface,
    "modelscope": modelscope,
    "https": remote,
    "http": remote,
    "s3": remote,
}
"""Every scheme but ``file`` and ``sql``, which are read where they are, each time anew."""

# Two letters at least, so that C:\\data is a path.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def parse(uri: str) -> Address:
    """Take a URI or a bare path apart, without touching disk or network.

    Raises:
        UserError: the scheme is unknown, a version is missing where one is required, or the rest is malformed.
    """
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match else "file"
    if scheme == "file":
        return local.parse(uri)
    if scheme == "sql":
        return sql.parse(uri)
    if scheme not in DOWNLOADERS:
        raise UserError(
            f"{shown(uri)!r} begins with the unknown scheme {scheme!r}.",
            did_you_mean(scheme, ["file", "sql", *DOWNLOADERS]) + f" If it is a path, write file:{shown(uri)}.",
        )
    return DOWNLOADERS[scheme].parse(uri)


def fetch(
    uri: str,
    *,
    cache: Path,
    reporter: Reporter,
    base: Path | None = None,
    sha256: str | None = None,
    refresh: bool = False,
) -> Source:
    """Bring what `uri` names onto this machine, verified. What was fetched before is taken from the cache.

    Args:
        uri: ``file:PATH`` or a bare path, ``sql:URL#QUERY``, or a URI of one of `DOWNLOADERS`. For packages, a URI
            without ``#path`` means the whole unpacked tree, a directory.
        cache: Directory of the cache (see `danlu.sources.cache`); created if needed.
        reporter: Told what is fetched, how far it is, and what was wrong with a cached copy.
        base: Directory that relative local paths and SQLite files start from; the working directory if None.
        sha256: The hash the bytes must have, in hex; for a directory, its tree hash (see `danlu.sources.tree`).
        refresh: Fetch again even if it is in the cache.

    Returns:
        Where it lies (a local file stays where it is) and its record for the lineage.

    Raises:
        SourceUnavailableError: it cannot be had from there (a `UserError`).
        UserError: the URI is wrong, the hash differs, the archive is unsafe, or the disk is full.
    """
    return _fetch(parse(uri), cache=cache, reporter=reporter, base=base, sha256=sha256, refresh=refresh)


def fetch_first(uris: list[str], *, cache: Path, reporter: Reporter, base: Path | None = None) -> Source:
    """The first of several alternatives that can be had; one that is in the cache already goes before all others.

    All URIs are checked first, so that a typing error in one is not passed over in favour of the next.

    Raises:
        UserError: one of the URIs is wrong, or none can be had (then every one is named with its reason).
    """
    addresses = [parse(uri) for uri in uris]
    if not addresses:
        raise UserError("No source is named.", "Name at least one.")
    if len(addresses) == 1:
        return _fetch(addresses[0], cache=cache, reporter=reporter, base=base)
    store = Cache(cache, reporter)
    # A run that is continued must not move to another alternative because the network has changed.
    addresses.sort(key=lambda address: store.entry(address.uri) is None)
    failures: list[SourceUnavailableError] = []
    for address in addresses:
        try:
            return _fetch(address, cache=cache, reporter=reporter, base=base)
        except SourceUnavailableError as error:
            failures.append(error)
            reporter.warn(f"{error.what} {error.hint}")
    reasons = "; ".join(
        f"{number}) {shown(address.uri)}: {error.what.rstrip('.')}"
        for number, (address, error) in enumerate(zip(addresses, failures, strict=True), start=1)
    )
    raise SourceUnavailableError(f"None of the {len(addresses)} alternatives can be had: {reasons}.", OTHER_WAYS)


def _fetch(
    address: Address,
    *,
    cache: Path,
    reporter: Reporter,
    base: Path | None,
    sha256: str | None = None,
    refresh: bool = False,
) -> Source:
    wanted = sha256.lower() if sha256 else None
    if address.scheme == "file":
        source = local.read(address, base)
    elif address.scheme == "sql":
        source = sql.read(address, base, Cache(cache, reporter), reporter)
    else:
        source = _download(address, Cache(cache, reporter), reporter, sha256=wanted, refresh=refresh)
    if wanted is not None and source.record.sha256 != wanted:
        raise UserError(
            f"{source.record.uri} has sha256 {source.record.sha256} instead of {wanted}.",
            "Do not use it unless you know why it differs; then state the new hash.",
        )
    return source


def _download(address: Address, cache: Cache, reporter: Reporter, *, sha256: str | None, refresh: bool) -> Source:
    downloader = DOWNLOADERS[address.scheme]
    fetched_anew = False

    def make(directory: Path) -> Path:
        nonlocal fetched_anew
        fetched_anew = True
        return downloader.download(address, directory, cache, reporter)

    source = cache.obtain(address.uri, make, resumable=downloader.RESUMABLE, refresh=refresh, sha256=sha256)
    entry = cache.entry(address.uri)
    if not fetched_anew and not address.pinned and entry:
        reporter.say(f"{entry.uri} is taken from the cache as it was on {entry.fetched}; it may have changed since.")
    return source
