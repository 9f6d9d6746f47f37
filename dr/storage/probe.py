"""What a store really does, found by trying: endpoints differ, and their brand says little.

Everything is tried on throw-away objects under ``.probe/`` and removed again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dr.errors import ObjectMissing, StoreError
from dr.storage.protocol import ConditionalWritesMissing, Store
from dr.storage.s3 import S3Store
from dr.storage.s3_bucket import S3Bucket
from dr.storage.s3_errors import error_codes
from dr.storage.s3_parts import MIB, PartPlan
from dr.storage.s3_writer import S3Writer

_BODY = b"throw-away object of a store probe\n"
_SMALL_PARTS = PartPlan(first=5 * MIB)


@dataclass(frozen=True, slots=True)
class StoreAbilities:
    """What a probe found; None is not applicable or could not be found out, and ``notes`` says why.

    ``conditional_create``: of several writers exactly one creates an object. ``checksum_compared``: a body that does
    not match its checksum is refused. ``storage_class_kept``: an object is in the class that the store asks for.
    ``versioning``, ``object_lock``: switched on for the bucket. ``multipart``: large objects can be sent in parts.
    """

    store: str
    location: str
    conditional_create: bool | None
    checksum_compared: bool | None = None
    versioning: bool | None = None
    storage_class_kept: bool | None = None
    object_lock: bool | None = None
    multipart: bool | None = None
    notes: tuple[str, ...] = ()


def probe(store: Store) -> StoreAbilities:
    """Try out ``store``. Raises StoreError when not even a small object can be written, read back and deleted."""
    directory = f".probe/{secrets.token_hex(8)}"
    notes: list[str] = []
    try:
        _round_trip(store, f"{directory}/plain")
        conditional = _answer(notes, "conditional create", lambda: _creates_once(store, f"{directory}/created"))
        if not isinstance(store, S3Store):
            return StoreAbilities(store.name, store.location, conditional, notes=tuple(notes))
        bucket = store.bucket
        return StoreAbilities(
            store.name,
            store.location,
            conditional,
            _answer(notes, "checksum", lambda: _refuses_wrong_checksum(bucket, f"{directory}/wrong")),
            _answer(notes, "versioning", lambda: _is_versioned(bucket)),
            _answer(notes, "storage class", lambda: _keeps_class(store, f"{directory}/class")),
            _answer(notes, "object lock", lambda: _has_lock(bucket)),
            _answer(notes, "multipart upload", lambda: _takes_parts(bucket, f"{directory}/parts")),
            tuple(notes),
        )
    finally:
        _clean_up(store, f"{directory}/")


def _answer(notes: list[str], what: str, question: Callable[[], bool | None]) -> bool | None:
    try:
        return question()
    except StoreError as error:
        notes.append(f"{what}: {error.message}" + (f" ({error.detail})" if error.detail else ""))
        return None


def _round_trip(store: Store, key: str) -> None:
    store.put_bytes(key, _BODY)
    if store.read_bytes(key) != _BODY:
        raise StoreError(
            f"store {store.name} gives back other bytes than it was given",
            f"{store.location}/{key}",
            "Do not keep backups there before that is explained.",
        )


def _creates_once(store: Store, key: str) -> bool:
    try:
        return store.create(key, _BODY) and not store.create(key, _BODY)
    except ConditionalWritesMissing:
        return False


def _refuses_wrong_checksum(bucket: S3Bucket, key: str) -> bool:
    other = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    with bucket.translated("try a wrong checksum", key):
        client = bucket.client
        try:
            client.put_object(Bucket=bucket.bucket, Key=bucket.object_name(key), Body=_BODY, ChecksumSHA256=other)
        except client.exceptions.ClientError as error:
            if "400" in error_codes(error):
                return True
            raise
    return False


def _is_versioned(bucket: S3Bucket) -> bool:
    with bucket.translated("ask for versioning"):
        return bucket.client.get_bucket_versioning(Bucket=bucket.bucket).get("Status") == "Enabled"


def _has_lock(bucket: S3Bucket) -> bool:
    try:
        with bucket.translated("ask for object lock"):
            answer = bucket.client.get_object_lock_configuration(Bucket=bucket.bucket)
    except ObjectMissing:  # how S3 says that none is configured
        return False
    return answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"


def _keeps_class(store: S3Store, key: str) -> bool | None:
    if store.bucket.storage_class is None:
        return None
    with store.writer(key) as writer:
        writer.write(_BODY)
    return store.head(key).storage_class == store.bucket.storage_class


def _takes_parts(bucket: S3Bucket, key: str) -> bool:
    with S3Writer(bucket, key, _SMALL_PARTS) as writer:
        writer.write(bytes(_SMALL_PARTS.first))
        writer.write(_BODY)
    return True


def _clean_up(store: Store, prefix: str) -> None:
    """Remove what was tried; where objects are versioned their old versions too, as far as we may."""
    for entry in list(store.list(prefix)):
        store.delete(entry.key)
    if isinstance(store, S3Store):
        bucket = store.bucket
        with suppress(StoreError), bucket.translated("remove old versions"):
            answer = bucket.client.list_object_versions(Bucket=bucket.bucket, Prefix=bucket.name_prefix(prefix))
            for version in (*answer.get("Versions", []), *answer.get("DeleteMarkers", [])):
                bucket.client.delete_object(Bucket=bucket.bucket, Key=version["Key"], VersionId=version["VersionId"])
