"""Ways to spoil a stored backup, each as it happens to people: to the files of the repository."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest, ObjectRecord, Role, from_json, to_json
from dr.configuration.model import System
from dr.crypto.gnupg import opened


@dataclass(frozen=True, slots=True)
class Shelf:
    """One store's directory, and what it holds of a production: a dump, a base backup and WAL behind it."""

    system: System
    dump: str
    base: str

    @property
    def root(self) -> Path:
        path = self.system.stores[0].path
        assert path is not None
        return path

    def manifest_file(self, label: str) -> Path:
        return self.root / labels.manifest_key(self.system.name, Label.parse(label))

    def manifest(self, label: str) -> Manifest:
        return from_json(self.manifest_file(label).read_bytes(), label)

    def rewrite(self, manifest: Manifest) -> None:
        self.manifest_file(manifest.label).write_bytes(to_json(manifest))

    def object(self, role: Role) -> ObjectRecord:
        label = self.dump if role in (Role.DUMP, Role.GLOBALS) else self.base
        found = self.manifest(label).object_of(role)
        assert found is not None
        return found

    def file(self, role: Role) -> Path:
        return self.root / self.object(role).key

    @property
    def segments(self) -> list[Path]:
        """The stored WAL behind the base backup's begin, in order."""
        begin = self.manifest(self.base).begin_lsn
        assert begin is not None
        files = sorted((self.root / self.system.name / "wal").rglob("0*.gpg"))
        first = f"{begin.position >> 24:08X}"
        return [file for file in files if file.name[16:24] >= first]

    def with_object(self, label: str, changed: ObjectRecord) -> None:
        """The manifest with another record of one object."""
        manifest = self.manifest(label)
        objects = tuple(changed if item.role is changed.role else item for item in manifest.objects)
        self.rewrite(replace(manifest, objects=objects))

    def re_encrypt(self, role: Role, change: Callable[[bytes], bytes], system: System | None = None) -> None:
        """Open an object, change what is in it, and store it again with hashes that fit: only its content is wrong."""
        item, label = self.object(role), self.dump
        plain = change(gzip.decompress(_decrypt(self.system, self.file(role).read_bytes())))
        packed = gzip.compress(plain)
        stored = _encrypt(system or self.system, packed)
        self.file(role).write_bytes(stored)
        self.with_object(
            label,
            replace(
                item,
                plain_bytes=len(plain),
                packed_bytes=len(packed),
                packed_sha256=hashlib.sha256(packed).hexdigest(),
                stored_bytes=len(stored),
                stored_sha256=hashlib.sha256(stored).hexdigest(),
            ),
        )


def flip(file: Path, lot: random.Random) -> None:
    """One bit at a random offset."""
    data = bytearray(file.read_bytes())
    data[lot.randrange(len(data))] ^= 1 << lot.randrange(8)
    file.write_bytes(data)


def truncate(file: Path, lot: random.Random) -> None:
    """Cut off at a random place."""
    os.truncate(file, lot.randrange(file.stat().st_size))


def swap(one: Path, other: Path) -> None:
    """Two files under each other's name."""
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])


def without_rows(table: str) -> Callable[[bytes], bytes]:
    """A dump in which a table is empty."""

    def change(dump: bytes) -> bytes:
        pattern = rb"(COPY " + re.escape(table.encode()) + rb" [^\n]*FROM stdin;\n).*?(\\\.\n)"
        changed, count = re.subn(pattern, rb"\1\2", dump, flags=re.DOTALL)
        assert count == 1
        return changed

    return change


def one_value_changed(dump: bytes) -> bytes:
    """A dump with as many rows as there were, one of them another."""
    changed = dump.replace("Größe 7\t".encode(), "Grösse 7\t".encode(), 1)
    assert changed != dump
    return changed


def without_large_objects(dump: bytes) -> bytes:
    """A dump in which no large object is made any more."""
    kept = [line for line in dump.splitlines(keepends=True) if b"lo_create(" not in line and b"lo_open(" not in line]
    kept = [
        line for line in kept if b"lowrite(" not in line and b"lo_close(" not in line and b"LARGE OBJECT" not in line
    ]
    assert len(kept) < len(dump.splitlines())
    return b"".join(kept)


def relabel(shelf: Shelf, label: str) -> None:
    """The dump under a newer name, its manifest rewritten as somebody would who wants it to be taken for a new one."""
    manifest = shelf.manifest(shelf.dump)
    objects = []
    for item in manifest.objects:
        key = item.key.replace(shelf.dump, label)
        (shelf.root / item.key).rename(shelf.root / key)
        objects.append(replace(item, key=key))
    shelf.manifest_file(shelf.dump).unlink()
    assert Label.parse(label).kind is Kind.DUMP
    shelf.rewrite(replace(manifest, label=label, objects=tuple(objects)))


def _encrypt(system: System, packed: bytes) -> bytes:
    with opened(system.encryption) as cipher, cipher.encryptor("x") as gpg:
        return _through(gpg, packed)


def _decrypt(system: System, stored: bytes) -> bytes:
    with opened(system.encryption) as cipher, cipher.decryptor("x") as gpg:
        return _through(gpg, stored)


def _through(gpg: object, data: bytes) -> bytes:
    child = gpg
    feeder = threading.Thread(target=lambda: (child.stdin.write(data), child.stdin.close()))  # type: ignore[attr-defined]
    feeder.start()
    result = child.stdout.read()  # type: ignore[attr-defined]
    feeder.join()
    assert child.wait(30).ok  # type: ignore[attr-defined]
    return bytes(result)


def gpg_key(home: Path, name: str) -> str:
    """A new key without a passphrase in a home of its own; its fingerprint."""
    home.mkdir(mode=0o700, exist_ok=True)
    base = ("gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    subprocess.run([*base, "--quick-generate-key", name, "ed25519", "sign", "never"], check=True, capture_output=True)
    listed = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--with-colons", "--list-keys", name],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    fingerprint = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))
    subprocess.run([*base, "--quick-add-key", fingerprint, "cv25519", "encr", "never"], check=True, capture_output=True)
    return fingerprint
