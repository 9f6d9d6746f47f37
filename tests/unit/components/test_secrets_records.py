"""What is stored of secrets: shown to nobody, read back exactly, compared without doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents, Compression, EncryptionRecord, Item, Manifest, ObjectRecord, Role
from dr.components.secrets.layout import placed, value_name, write_private
from dr.components.secrets.records import (
    AwsAbout,
    Document,
    Entry,
    Index,
    canonical_json,
    decode_document,
    encode,
    held,
    new_salt,
    salted_digest,
    without_values,
)
from dr.components.secrets.scanners import scanner
from dr.errors import BackupInvalid, TargetRefused

PATHS = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=300)


def document(data: bytes, salt: str = "ab" * 32) -> Document:
    """One secret with one value."""
    entry = Entry("shop/db", (held("AWSCURRENT", data, version="1", stages=("AWSCURRENT",)),), aws=AwsAbout("arn"))
    return Document("aws", (entry,), salt)


@given(st.binary(max_size=200))
def test_every_value_comes_back_as_it_was(data: bytes) -> None:
    """Text or bytes, stored and read again."""
    found = decode_document(encode(document(data)))

    assert found == document(data)
    assert found.entries[0].values[0].plain() == data


def test_no_record_shows_a_value() -> None:
    """Neither repr nor str of anything around it."""
    whole = document(b"correct horse")

    assert "horse" not in f"{whole!r}{whole}{whole.entries[0].values[0]}"
    assert b"horse" not in encode(without_values(whole))
    assert b"horse" in encode(whole)


def test_the_digest_depends_on_values_and_on_the_salt() -> None:
    """The same values under another salt give another digest: a manifest tells nobody what they are."""
    one = salted_digest(document(b"a"))

    assert salted_digest(document(b"a")) == one
    assert salted_digest(document(b"b")) != one
    assert salted_digest(document(b"a", new_salt())) != one


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"source": "hunter2"}', encode(document(b"x"))[:-20]])
def test_a_damaged_document_is_refused_without_being_quoted(data: bytes) -> None:
    """Its words may be secrets."""
    with pytest.raises(BackupInvalid) as error:
        decode_document(data)

    assert "hunter2" not in f"{error.value}{error.value.__cause__}{error.value.__context__}"


def test_a_document_of_another_format_is_refused() -> None:
    """The version is in every document."""
    newer = encode(document(b"x")).replace(b'"format_version": 1', b'"format_version": 2')

    with pytest.raises(BackupInvalid, match="format version 2"):
        decode_document(newer)


def test_json_keeps_its_numbers() -> None:
    """What a float cannot hold is compared as it was written."""
    raw = b'{"z": 0.1000, "a": 123456789012345678901234567890, "t": "\\u003c\\u00e9"}'

    assert canonical_json(raw) == '{"a":123456789012345678901234567890,"t":"<é","z":0.1000}'.encode()


@given(PATHS, st.sampled_from(["AWSCURRENT", "current", "a/b", ".."]))
def test_no_name_leaves_the_directory(path: str, value: str) -> None:
    """Whatever a secret is called, its file lies below the source's folder, and its name fits a file system."""
    name = value_name("aws", path, value)
    parts = name.split("/")

    assert parts[0] == "aws"
    assert not {"", ".", ".."} & set(parts)
    assert "\0" not in name
    assert all(len(part.encode()) <= 255 for part in parts)
    assert placed(Path("/x"), name).is_relative_to("/x/aws")


@given(PATHS, PATHS)
def test_two_secrets_never_share_a_file(one: str, other: str) -> None:
    """And none is a file where another needs a folder."""
    first, second = value_name("aws", one, "AWSCURRENT"), value_name("aws", other, "AWSCURRENT")

    assert (first == second) == (one == other)
    assert not second.startswith(f"{first}/")


@pytest.mark.parametrize(
    ("one", "other"), [("a/b", "a"), ("a@AWSCURRENT/b", "a"), ("a%40", "a@"), ("a//b", "a/%/b"), ("..", "%2E%2E")]
)
def test_names_that_look_alike_lie_apart(one: str, other: str) -> None:
    """The hard cases by hand."""
    first, second = value_name("aws", one, "AWSCURRENT"), value_name("aws", other, "AWSCURRENT")

    assert first != second
    assert not first.startswith(f"{second}/")
    assert not second.startswith(f"{first}/")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "aws/../../x", "aws/./x", "x\0"])
def test_a_made_up_index_leads_nowhere(name: str) -> None:
    """Places outside of the directory are refused."""
    with pytest.raises(BackupInvalid):
        placed(Path("/x"), name)


def test_a_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    """Mode 0600 in 0700, and not through a link that somebody laid there."""
    write_private(tmp_path / "a" / "b", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "target")

    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "a" / "b", tmp_path / "link"):
        with pytest.raises(TargetRefused):
            write_private(path, b"2")
    assert not (tmp_path / "target").exists()


def manifest_of(whole: Document) -> Manifest:
    """What a backup of one document would say of it."""
    item = Item(whole.source, 1, 1, salted_digest(whole), "1 value")
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return Manifest(
        label="secrets_20240101_020000",
        kind=Kind.SECRETS,
        system="shop",
        system_identifier="",
        server_version=0,
        begin=moment,
        end=moment,
        objects=(),
        stores=(),
        encryption=EncryptionRecord("public-key"),
        run="run",
        component=ComponentContents(moment, (item,)),
    )


def said(name: str, data: bytes, manifest: Manifest) -> str:
    """What the scanner of an object says."""
    found = scanner(manifest, ObjectRecord(f"shop/secrets/x/{name}", Role.CONTENT, Compression.ZSTD, 1, 1, "", 1, ""))
    assert found is not None
    found.feed(data[:7])
    found.feed(data[7:])
    return found.finish()


def test_a_document_that_is_read_back_must_hold_the_same_values() -> None:
    """One value more, fewer, or another; or no document at all."""
    whole = document(b"right")
    manifest = manifest_of(whole)
    other = document(b"wrong")
    more = Document("aws", (*whole.entries, Entry("x", ())), whole.salt)

    assert not said("aws.json.zst.gpg", encode(whole), manifest)
    assert "not those that were backed up" in said("aws.json.zst.gpg", encode(other), manifest)
    assert "2 secrets" in said("aws.json.zst.gpg", encode(more), manifest)
    assert "cannot be read" in said("aws.json.zst.gpg", encode(whole)[:40], manifest)
    assert "0 hashes" in said("index.json.zst.gpg", encode(Index((), "")), manifest)
    assert "ends early" in said("vault.snap.gpg", b"", manifest)
