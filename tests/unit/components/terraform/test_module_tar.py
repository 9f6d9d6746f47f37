"""A module's tar that lost files: found as it is read back, and again as it is restored."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import (
    ComponentContents,
    Compression,
    EncryptionRecord,
    Item,
    Manifest,
    ObjectRecord,
    Role,
)
from dr.components.protocol import Source
from dr.components.terraform import index, scanner
from dr.components.terraform.bring_back import bring_back
from dr.components.terraform.index import Index, IndexedFile, IndexedModule
from dr.errors import BackupInvalid

NOW = datetime(2024, 1, 1, 2, tzinfo=UTC)
FILES = {"main.tf": b"# main\n", "prod.tfvars": b"x" * 5000, "empty.tf": b"", "deep/" * 60 + "long.tf": b"# long\n"}


def _record(name: str, role: Role) -> ObjectRecord:
    return ObjectRecord(f"shop/terraform/t/{name}.zst.gpg", role, Compression.ZSTD, 1, 1, "", 1, "")


TAR, INDEX = _record("network.module.tar", Role.CONTENT), _record(index.NAME, Role.INDEX)
ITEM = Item("network", len(FILES), sum(map(len, FILES.values())), detail="code; backend local")
MANIFEST = Manifest(
    label="terraform_20240101_020000",
    kind=Kind.TERRAFORM,
    system="shop",
    system_identifier="",
    server_version=0,
    begin=NOW,
    end=NOW,
    objects=(TAR, INDEX),
    stores=("local",),
    encryption=EncryptionRecord("openpgp", ("A" * 40,)),
    run="run-1",
    component=ComponentContents(NOW, (ITEM,)),
)


def tar(files: dict[str, bytes] = FILES, link: str = "") -> bytes:
    """A tar of these, one of them written as a hard link with its data behind it, which no reader takes for data."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "0"}) as made:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if name == link:
                info.type, info.linkname = tarfile.LNKTYPE, "main.tf"
            made.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def verdict(data: bytes, size: int = 1 << 20) -> str:
    """What the scanner says when the bytes come in chunks of ``size``."""
    found = scanner(MANIFEST, TAR)
    assert found is not None
    for begin in range(0, len(data), size):
        found.feed(data[begin : begin + size])
    return found.finish()


@dataclasses.dataclass(frozen=True)
class Plain:
    """One store's copy, in memory."""

    tar: bytes
    name: str = "local"
    manifest: Manifest = MANIFEST
    others: Sequence[Source] = ()

    def read(self, item: ObjectRecord, limit: int = 0) -> bytes:
        """Of the index, what was backed up."""
        files = tuple(IndexedFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in FILES.items())
        known = IndexedModule("network", "/srv/network", ".", "local", "terraform.tfstate", "terraform.tfstate.d", ())
        tars = {TAR: self.tar, INDEX: index.to_json(Index((dataclasses.replace(known, files=files),)))}
        return tars[item]

    def named(self, name: str) -> ObjectRecord:
        """There is only one."""
        assert name == "network.module.tar"
        return TAR

    def save(self, item: ObjectRecord, path: Path) -> None:
        """Into a file."""
        path.write_bytes(self.read(item))

    @contextmanager
    def chunks(self, item: ObjectRecord) -> Iterator[Iterator[bytes]]:
        """In one piece."""
        yield iter([self.read(item)])


@pytest.mark.parametrize("size", [1, 511, 512, 1 << 20])
def test_a_whole_module_passes_however_it_is_cut(tmp_path: Path, size: int) -> None:
    """It is also what a restore takes."""
    assert verdict(tar(), size) == ""
    assert bring_back(Plain(tar()), tmp_path, ()).count == len(FILES)


@pytest.mark.parametrize(
    "data",
    [
        tar({name: FILES[name] for name in list(FILES)[:2]}),
        tar(FILES | {"main.tf": b"# mai\n"}),
        tar(link="prod.tfvars"),
        tar(link="empty.tf"),
        tar()[:1024],
        b"x" * 2048,
        b"",
    ],
)
def test_a_module_that_lost_files_is_found_out(tmp_path: Path, data: bytes) -> None:
    """As it is read back after the backup, and by a restore, which would be green otherwise."""
    assert verdict(data)
    with pytest.raises(BackupInvalid):
        bring_back(Plain(data), tmp_path, ())


def test_another_content_of_the_same_size_is_found_by_a_restore(tmp_path: Path) -> None:
    """The manifest has no digest of it, for it could be guessed by one; the encrypted index has."""
    changed = tar(FILES | {"main.tf": b"# mane\n"})

    with pytest.raises(BackupInvalid) as raised:
        bring_back(Plain(changed), tmp_path, ())

    assert raised.value.detail == "1 of 4 files differ or are missing: main.tf"
