"""A store that is an S3 bucket: AWS, or whatever answers at ``endpoint_url``.

Endpoints differ in what they do and in what they claim, so nothing is taken from the brand: an exclusive write is tried
out before it is relied on, listings are checked for order and completeness, sizes are asked for again after a write.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dr.configuration.model import StoreSettings
from dr.errors import ObjectMissing, StoreDenied, StoreUnavailable
from dr.storage.protocol import ConditionalWritesMissing, StoredObject
from dr.storage.s3_bucket import S3Bucket
from dr.storage.s3_errors import archived, error_codes
from dr.storage.s3_listing import list_objects, list_uploads
from dr.storage.s3_reader import read_object
from dr.storage.s3_writer import S3Writer, abort_upload, checksum_argument, confirm

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

_ARCHIVE_CLASSES = {"GLACIER", "DEEP_ARCHIVE"}
_CONFLICTS = 5


class S3Store:
    """Objects are S3 objects under ``prefix``; the constructor connects to nothing.

    ``storage_class`` is for what is streamed through ``writer``. Small objects (manifests, records, leases) go to the
    bucket's default class: they must be readable at once, and colder classes charge for small ones by the month.
    """

    def __init__(self, settings: StoreSettings, attempts: int = 5) -> None:
        self.bucket = S3Bucket(settings, attempts)
        self._lock = threading.Lock()
        self._conditional: bool | None = None

    @property
    def name(self) -> str:
        return self.bucket.place.store

    @property
    def location(self) -> str:
        return self.bucket.place.location

    @property
    def is_local(self) -> bool:
        return False

    def writer(self, key: str) -> S3Writer:
        return S3Writer(self.bucket, key)

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        # A GET of an archived object fails after the fact, and on some endpoints starts a paid retrieval (I30).
        self._refuse_archived(key)
        yield from read_object(self.bucket, key, chunk_size)

    def read_bytes(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def read_back(self, key: str) -> Iterator[bytes]:
        # No question before: what was just put into the default class is there to be read, and a request less.
        return read_object(self.bucket, key, 4 << 20)

    def put_bytes(self, key: str, data: bytes) -> None:
        with self.bucket.translated("write an object", key):
            self._put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._require_conditional_writes()
        for attempt in range(_CONFLICTS):
            with self.bucket.translated("create an object", key):
                try:
                    self._put(key, data, IfNoneMatch="*")
                    return True
                except self.bucket.client.exceptions.ClientError as error:
                    codes = error_codes(error)
                    if "412" in codes:
                        # After a lost answer botocore asked again and met our own object.
                        retried = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                        return retried and self.read_bytes(key) == data
                    if "409" not in codes:
                        raise
            time.sleep(0.05 * 2**attempt)
        raise StoreUnavailable(
            f"cannot create an object in store {self.name}: others write the same one again and again",
            f"{self.location}/{key}",
            "Try again later.",
        )

    def head(self, key: str) -> StoredObject:
        answer = self._head(key)
        modified = answer["LastModified"].astimezone(UTC)
        return StoredObject(key, answer["ContentLength"], modified, answer.get("StorageClass", "STANDARD"))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return list_objects(self.bucket, prefix)

    def delete(self, key: str) -> None:
        name = self.bucket.object_name(key)
        with suppress(ObjectMissing), self.bucket.translated("delete an object", key):
            self.bucket.client.delete_object(Bucket=self.bucket.bucket, Key=name)

    def free_bytes(self) -> int | None:
        return None

    def sweep_partials(self, older_than: timedelta) -> int:
        oldest = datetime.now(UTC) - older_than
        stale = [upload for upload in list_uploads(self.bucket) if upload.begun <= oldest]
        for upload in stale:
            abort_upload(self.bucket, upload.key, upload.upload_id)
        return len(stale)

    def _put(self, key: str, data: bytes, **condition: Any) -> str | None:
        """Write a small object; return its version where objects have versions."""
        digest = hashlib.sha256(data).digest() if self.bucket.with_checksum else None
        answer = self.bucket.client.put_object(
            Bucket=self.bucket.bucket,
            Key=self.bucket.object_name(key),
            Body=data,
            **checksum_argument(digest),
            **condition,
        )
        confirm(self.bucket, key, digest, answer.get("ChecksumSHA256"))
        return answer.get("VersionId")

    def _head(self, key: str) -> HeadObjectOutputTypeDef:
        name = self.bucket.object_name(key)
        try:
            with self.bucket.translated("look at an object", key):
                return self.bucket.client.head_object(Bucket=self.bucket.bucket, Key=name)
        except ObjectMissing:
            # The answer to a HEAD is the same 404 when it is the bucket that is missing, which is no small difference.
            self._check_bucket()
            raise

    def _check_bucket(self) -> None:
        client = self.bucket.client
        with suppress(StoreDenied), self.bucket.translated("look at the bucket"):
            try:
                client.head_bucket(Bucket=self.bucket.bucket)
            except client.exceptions.ClientError as error:
                if "404" in error_codes(error):
                    error.response["Error"]["Code"] = "NoSuchBucket"
                raise

    def _refuse_archived(self, key: str) -> None:
        answer = self._head(key)
        storage_class: str = answer.get("StorageClass", "STANDARD")
        # An object in INTELLIGENT_TIERING may have sunk into an archive tier.
        is_archived = storage_class in _ARCHIVE_CLASSES or "ArchiveStatus" in answer
        if is_archived and 'ongoing-request="false"' not in answer.get("Restore", ""):
            raise archived(self.bucket.place, key, storage_class)

    def _require_conditional_writes(self) -> None:
        with self._lock:
            if self._conditional is None:
                self._conditional = self._try_conditional_writes()
        if not self._conditional:
            raise ConditionalWritesMissing(
                f"store {self.name} has no conditional writes: it cannot create an object exclusively",
                f"{self.location}: the endpoint refuses or ignores 'If-None-Match: *'",
                "Leases use a slower way there. See what else it lacks with 'dr store probe'.",
            )

    def _try_conditional_writes(self) -> bool:
        """Write a throw-away object twice: only an endpoint that refuses the second time can be relied on."""
        key = f".probe/create-{secrets.token_hex(8)}"
        versions: list[str | None] = []
        try:
            with self.bucket.translated("try a conditional write", key):
                try:
                    for _ in range(2):
                        versions.append(self._put(key, b"", IfNoneMatch="*"))
                except self.bucket.client.exceptions.ClientError as error:
                    if "412" in error_codes(error):
                        return True
                    if not {"400", "501"} & set(error_codes(error)):
                        raise
                    # Is it the condition that is refused, or would this write fail anyhow? Then let it raise.
                    versions.append(self._put(key, b""))
            return False
        finally:
            for version in versions:
                self._remove_version(key, version)

    def _remove_version(self, key: str, version: str | None) -> None:
        """Delete an object for good. Credentials that may not (I11) leave it: it is empty."""
        target: dict[str, Any] = {"VersionId": version} if version else {}
        with suppress(StoreDenied), self.bucket.translated("delete an object", key):
            self.bucket.client.delete_object(Bucket=self.bucket.bucket, Key=self.bucket.object_name(key), **target)
