"""Where a restore lays each value: a file of mode 0600 that the source and the secret's own path lead to.

::

    DIR/index.json                      hashes of all values
    DIR/about/aws.json                  what is known beside the values: tags, versions, policies
    DIR/aws/shop/db@AWSCURRENT          the value, exactly
    DIR/vault/secret/shop/db@current.json
    DIR/vault/sys/policies/acl/shop@policy.hcl
    DIR/files/etc/shop/secret.env       a file, where it lay
    DIR/vault.snap                      a raft snapshot

In names of secrets ``%``, ``@`` and control characters are written as %XX, so that no two secrets share a file and none
leaves the directory.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePosixPath

from dr.errors import BackupInvalid, TargetRefused

INDEX = "index.json"
SNAPSHOT = "vault.snap"
FILES = "files"
_LONGEST = 100
_RISKY = re.compile(r"[%@\x00-\x1f\x7f\\]")


def about_name(source: str) -> str:
    """The document without values, relative to the directory."""
    return f"about/{source}.json"


def value_name(source: str, path: str, value: str, ending: str = "") -> str:
    """Where one value lies, relative to the directory.

    >>> value_name("aws", "shop/db@1", "AWSCURRENT")
    'aws/shop/db%401@AWSCURRENT'
    >>> value_name("aws", "../etc/passwd", "AWSCURRENT")
    'aws/%2E%2E/etc/passwd@AWSCURRENT'
    """
    if source == FILES:
        return f"{source}/{path.lstrip('/')}"
    *folders, leaf = path.split("/")
    return "/".join((source, *map(_part, folders), f"{_part(leaf)}@{_part(value)}{ending}"))


def placed(directory: Path, name: str) -> Path:
    """The file of that name, surely inside ``directory``. Raises ``BackupInvalid``: an index may have been made up."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or {"..", "."} & set(name.split("/")) or "\0" in name:
        raise BackupInvalid("the index of the backup of secrets names a place outside of the directory")
    return directory / path


def write_private(path: Path, data: bytes) -> None:
    """A new file of mode 0600 in directories of mode 0700, on disk when this returns."""
    missing = [parent for parent in path.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise TargetRefused(f"{path} exists", hint="Nothing is overwritten: give an empty directory.") from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _part(text: str) -> str:
    """One name within a path."""
    if not text:
        return "%"
    if set(text) == {"."} and len(text) <= 2:
        return "%2E" * len(text)
    quoted = _RISKY.sub(lambda match: f"%{ord(match[0]):02X}", text)
    if len(quoted.encode()) > _LONGEST:
        # A file name has at most 255 bytes, a secret's may be longer.
        short = quoted.encode()[:_LONGEST].decode(errors="ignore")
        return f"{short}%~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return quoted
