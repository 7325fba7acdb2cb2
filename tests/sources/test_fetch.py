"""The door: which URIs are understood, how alternatives are tried, and what a wrong hash does."""

from __future__ import annotations

import hashlib
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import FileServer, Served
from source_helpers import Heard

from danlu.errors import UserError
from danlu.sources.errors import SourceUnavailableError
from danlu.sources.fetch import DOWNLOADERS, fetch, fetch_first, parse
from danlu.telemetry.reporter import Reporter

CLOSED = "http://127.0.0.1:9"

word = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)
version = st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)).map(lambda v: ".".join(map(str, v)))
member = st.none() | st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1).filter(
        lambda part: part not in (".", "..")
    ),
    min_size=1,
    max_size=4,
).map("/".join)


def with_member(uri: str, path: str | None) -> str:
    return uri if path is None else f"{uri}#{path}"


@given(word, version, member)
def test_pypi_uri_round_trip(name: str, number: str, path: str | None) -> None:
    address = parse(with_member(f"pypi:{name}=={number}", path))
    assert (address.scheme, address.name, address.version, address.member) == ("pypi", name, number, path)
    assert address.pinned


@given(st.none() | word, word, version, member)
def test_npm_uri_round_trip(scope: str | None, name: str, number: str, path: str | None) -> None:
    full = f"@{scope.lower()}/{name}" if scope else name
    address = parse(with_member(f"npm:{full}@{number}", path))
    assert (address.scheme, address.name, address.version, address.member) == ("npm", full, number, path)


@given(st.sampled_from(["hf", "modelscope"]), word, word, st.none() | word, member)
def test_hub_uri_round_trip(scheme: str, owner: str, name: str, revision: str | None, path: str | None) -> None:
    uri = f"{scheme}:{owner}/{name}" + (f"@{revision}" if revision else "")
    address = parse(with_member(uri, path))
    assert (address.scheme, address.name) == (scheme, f"{owner}/{name}")
    assert (address.version, address.member) == (revision, path)


@given(st.text(max_size=80) | st.tuples(st.sampled_from(["file", *DOWNLOADERS]), st.text(max_size=60)).map(":".join))
def test_any_text_is_an_address_or_a_user_error_of_two_lines(uri: str) -> None:
    try:
        address = parse(uri)
    except UserError as error:
        address, said = None, (error.what, error.hint)
    if address is None:
        assert all(said)
        assert not any("\n" in line for line in said[:1])
    else:
        assert address.uri == uri
        assert ".." not in (address.member or "").split("/")


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("pypi:llamafactory#data/x.json", "pypi:llamafactory==VERSION#data/x.json"),
        ("pypi:llamafactory>=0.9", "pypi:llamafactory==VERSION"),
        ("pypi:llamafactory==0.9.*", "pypi:llamafactory==VERSION"),
        ("pypi:--index-url=http://evil.example/==1", "pypi:NAME==VERSION"),
        ("pypi:==1", "pypi:NAME==VERSION"),
        ("npm:chinese-poetry", "npm:chinese-poetry@1.2.3"),
        ("npm:@scope/name@latest#a.json", "npm:@scope/name@1.2.3#a.json"),
        ("npm:name@^1.0.0", "npm:name@1.2.3"),
        ("npm:../../etc@1.0.0", "npm:NAME@VERSION"),
        ("pypi:a==1#../secret", "without '..'"),
        ("pypi:a==1#/etc/passwd", "without '..'"),
        ("pypi:a==1#", "without '..'"),
        ("hf:gpt2", "hf:ORG/NAME"),
        ("hf:datasets/org/name", "hf:datasets/org/name#path"),
        ("hf:org/name@", "commit"),
        ("modelscope:org", "modelscope:ORG/NAME"),
        ("https:/example.org/x", "https://HOST/FILE"),
        ("https://example.org/", "https://HOST/FILE"),
        ("https://example.org/a.zip#b", "file:PATH"),
        ("https://[broken/x", "https://HOST/FILE"),
        ("s3:bucket/key", "s3://BUCKET/KEY"),
        ("file://data/rows.json", "file:data/rows.json"),
        ("pypy:a==1", "Did you mean 'pypi'?"),
        ("huggingface:a/b", "file:huggingface:a/b"),
        ("file:", "file:PATH"),
        ("", "file:PATH"),
    ],
)
def test_mistakes_are_explained(uri: str, hint: str, cache: Path, reporter: Reporter) -> None:
    with pytest.raises(UserError) as caught:
        fetch(uri, cache=cache, reporter=reporter)
    assert hint in caught.value.hint
    assert not isinstance(caught.value, SourceUnavailableError)
    assert "\n" not in caught.value.what


def test_windows_drive_is_a_path() -> None:
    assert parse(r"C:\data\rows.json").scheme == "file"


def test_wrong_hash_names_both(tmp_path: Path, cache: Path, reporter: Reporter) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    right, wrong = hashlib.sha256(b"abc").hexdigest(), "0" * 64
    assert fetch("a.txt", cache=cache, reporter=reporter, base=tmp_path, sha256=right.upper()).record.sha256 == right
    with pytest.raises(UserError, match=f"{right} instead of {wrong}"):
        fetch("a.txt", cache=cache, reporter=reporter, base=tmp_path, sha256=wrong)


def test_first_alternative_that_can_be_had(tmp_path: Path, cache: Path, reporter: Reporter, heard: Heard) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "b.txt").write_bytes(b"def")
    uris = ["missing.txt", "file:a.txt", "file:b.txt"]
    source = fetch_first(uris, cache=cache, reporter=reporter, base=tmp_path)
    assert source.path == tmp_path / "a.txt"
    assert source.record.uri == "file:a.txt"
    assert [str(tmp_path / "missing.txt") in warning for warning in heard.warnings] == [True]


def test_one_error_names_every_alternative(cache: Path, tmp_path: Path, reporter: Reporter, heard: Heard) -> None:
    uris = [f"{CLOSED}/a.bin", "missing.txt", "modelscope:org/name"]
    with pytest.raises(SourceUnavailableError) as caught:
        fetch_first(uris, cache=cache, reporter=reporter, base=tmp_path)
    assert all(uri in caught.value.what for uri in uris)
    assert "\n" not in caught.value.what
    assert "file:PATH" in caught.value.hint
    assert len(heard.warnings) == 3


def test_mistake_in_an_alternative_is_not_passed_over(tmp_path: Path, cache: Path, reporter: Reporter) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    with pytest.raises(UserError, match="pypy"):
        fetch_first(["a.txt", "pypy:x==1"], cache=cache, reporter=reporter, base=tmp_path)
    with pytest.raises(UserError, match="No source"):
        fetch_first([], cache=cache, reporter=reporter)


def test_cached_alternative_goes_first(tmp_path: Path, server: FileServer, cache: Path, reporter: Reporter) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "a.txt").write_bytes(b"abc")
    server.files["/b.txt"] = Served(b"def")
    uris = ["file:a.txt", f"{server.url}/b.txt"]
    assert fetch_first(uris, cache=cache, reporter=reporter, base=tmp_path).path.read_bytes() == b"abc"
    fetch(uris[1], cache=cache, reporter=reporter)
    assert fetch_first(uris, cache=cache, reporter=reporter, base=tmp_path).path.read_bytes() == b"def"
    # A damaged copy that cannot be fetched again leaves the others their turn.
    for blob in (cache / "blobs").glob("*/*"):
        blob.write_bytes(b"dxf")
    server.files.clear()
    assert fetch_first(uris, cache=cache, reporter=reporter, base=tmp_path).path.read_bytes() == b"abc"
