"""What may be an object key, the same rules in every store.

A key becomes a path under a directory in one store and part of a URL in another, and some keys are read back from
manifests that anybody with write access could have changed. So a key that could leave the store's root, or that one of
the stores could not hold, is refused before it reaches any of them.
"""

from __future__ import annotations

from dr.errors import StoreError

PARTIAL_PREFIX = ".partial-"
"""Names beginning so are writes in progress: never keys, never listed."""

MAX_KEY_BYTES = 900
"""S3 allows 1,024 bytes; the rest is for the prefix that a store puts in front."""

MAX_PART_BYTES = 255
"""The longest file name of common Linux file systems, in bytes."""


def check_key(key: str) -> str:
    """Return ``key`` if every store can hold it; raise StoreError otherwise.

    >>> check_key("coreflow360/system.json")
    'coreflow360/system.json'
    """
    if not key:
        raise _refused(key, "it is empty")
    if reason := _unsafe(key, key.split("/")):
        raise _refused(key, reason)
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` if keys can begin with it: empty, ending in ``/``, or ending within a name."""
    parts = prefix.split("/")
    if reason := _unsafe(prefix, parts if parts[-1] else parts[:-1]):
        raise _refused(prefix, reason)
    return prefix


def _unsafe(text: str, parts: list[str]) -> str | None:
    if not text.isprintable() or "\\" in text:
        return "it holds a control character, a backslash or another character that does not print"
    if len(text.encode()) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    for part in parts:
        if part in ("", ".", ".."):
            return "it is absolute or has an empty, '.' or '..' part"
        if part.startswith(PARTIAL_PREFIX):
            return f"names beginning with {PARTIAL_PREFIX} are kept for writes in progress"
        if len(part.encode()) > MAX_PART_BYTES:
            return f"one of its parts is longer than {MAX_PART_BYTES} bytes"
    return None


def _refused(key: str, reason: str) -> StoreError:
    return StoreError(
        f"not an object key: {key[:200]!r}",
        detail=reason,
        hint="Keys are relative paths such as 'coreflow360/database/backup_20240101_020000.sql.gz.gpg'. "
        "If this one came out of a manifest, do not trust that manifest.",
    )
