"""``npm:NAME@VERSION#path``: an npm package, through ``npm pack`` with the user's own configuration.

The package's scripts are not run, and its top folder is not counted as part of the path.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from danlu.errors import UserError
from danlu.sources.address import Address, split_member
from danlu.sources.archive import extract
from danlu.sources.cache import Cache
from danlu.sources.errors import OTHER_WAYS, SourceUnavailableError, first_line
from danlu.sources.tools import Finished, run_tool
from danlu.telemetry.reporter import Reporter

FORM = "npm:NAME@VERSION#path/inside"
RESUMABLE = False

_NAME = re.compile(r"(@[a-z0-9~][a-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def parse(uri: str) -> Address:
    """See `Downloader.parse`."""
    package, member = split_member(uri, FORM)
    # The first @ may belong to a scope: @scope/name@version.
    name, _, version = package[1:].partition("@")
    name = package[:1] + name
    if not _NAME.fullmatch(name):
        raise UserError(f"{uri!r} does not name a package.", f"Write {FORM}.")
    if not _VERSION.fullmatch(version):
        fragment = f"#{member}" if member else ""
        raise UserError(
            f"{uri!r} does not name one version.", f"Pin it, with all three numbers: npm:{name}@1.2.3{fragment}."
        )
    return Address(uri, "npm", name, version, member)


def download(address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
    """See `Downloader.download`."""
    archive = cache.obtain(
        f"npm-archive:{address.name}@{address.version}", lambda scratch: _npm_pack(address, scratch, reporter)
    )
    return extract(
        archive.path,
        address.member,
        directory,
        whole_name=f"{address.name.rpartition('/')[2]}-{address.version}",
        strip_top=True,
        reporter=reporter,
    )


def _npm_pack(address: Address, directory: Path, reporter: Reporter) -> Path:
    package = f"{address.name}@{address.version}"
    npm = shutil.which("npm")
    if npm is None:
        raise SourceUnavailableError(
            f"{package} cannot be fetched: npm is not installed on this machine.",
            "Install Node.js with npm, or download the package by hand and give file:PATH.",
        )
    scratch = Path(tempfile.mkdtemp(dir=directory))
    command = [npm, "pack", package, "--json", "--ignore-scripts", f"--pack-destination={scratch}"]
    # npm's own defaults wait more than a minute before they give up on a registry that refuses connections.
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000"]
    reporter.say(f"Fetching {package} through npm.")
    finished = run_tool(command, scratch, lambda line: None)
    if finished.status != 0:
        raise SourceUnavailableError(f"npm cannot fetch {package}: {_reason(finished).rstrip('.')}.", OTHER_WAYS)
    (archive,) = scratch.glob("*.tgz")
    return archive


def _reason(finished: Finished) -> str:
    try:
        return first_line(str(json.loads(finished.output)["error"]["summary"]))
    except (ValueError, KeyError, TypeError):
        return first_line(finished.errors)
