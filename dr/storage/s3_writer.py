"""Streaming an object of unknown length to S3: one PutObject when it is small, a multipart upload otherwise.

Every part carries a SHA-256 that we computed. Whether the endpoint compares it is not known; where it gives one back,
a different one fails the write. After the last byte the size is asked for again (HeadObject): an endpoint that lost a
part is found out here and not on the day of the restore.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Self

from dr.errors import DrError, StoreError
from dr.storage.protocol import Committed
from dr.storage.s3_bucket import S3Bucket
from dr.storage.s3_errors import error_codes
from dr.storage.s3_parts import PartBuffer, PartPlan, PartPool

_ABORT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class SentPart:
    """``confirmed`` says that the endpoint gave back the checksum that we sent."""

    etag: str
    sha256: bytes | None
    confirmed: bool


class S3Writer:
    """An object on its way to S3; see ``ObjectWriter``. Holds at most one part and ``PartPlan.pending`` in memory."""

    def __init__(self, bucket: S3Bucket, key: str, plan: PartPlan | None = None) -> None:
        self._bucket = bucket
        self._key = key
        self._target: dict[str, Any] = {"Bucket": bucket.bucket, "Key": bucket.object_name(key)}
        self._plan = plan or PartPlan()
        self._part = PartBuffer(bucket.place.store, 1, self._plan)
        self._pool = PartPool(self._send_part, self._plan)
        self._upload: str | None = None
        self._size = 0
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._check_open()
        rest = memoryview(data).cast("B")
        self._size += len(rest)
        while rest:
            if self._part.is_full:
                self._next_part()
            rest = self._part.take(rest)

    def commit(self) -> Committed:
        self._check_open()
        try:
            compared = self._put_whole() if self._upload is None else self._complete(self._upload)
        except BaseException as error:
            self._abort_after(error)
            raise
        self._ended = True
        self._check_size()
        return Committed(self._key, self._size, compared)

    def abort(self) -> None:
        if self._ended:
            return
        self._ended = True
        quiet = self._pool.cancel(_ABORT_SECONDS)
        self._part.close()
        upload, self._upload = self._upload, None
        if upload is None:
            return
        try:
            abort_upload(self._bucket, self._key, upload)
        except DrError as error:
            raise StoreError(
                f"an unfinished upload of {self._key} is left in store {self._bucket.place.store}",
                f"upload {upload}: {error}",
                "Its parts are paid for: sweep unfinished uploads later, or let a lifecycle rule remove them.",
            ) from error
        if not quiet:
            raise StoreError(
                f"an upload to store {self._bucket.place.store} was aborted while a part was still travelling",
                f"{self._key}, upload {upload}: the endpoint may keep that part",
                "Sweep unfinished uploads later, or let a lifecycle rule remove them.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if isinstance(exc[1], BaseException):
            self._abort_after(exc[1])
        elif not self._ended:
            self.commit()

    def _check_open(self) -> None:
        if self._ended:
            raise RuntimeError(f"the writer of {self._key} has ended")

    def _next_part(self) -> None:
        if self._upload is None:
            checksum: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if self._bucket.with_checksum else {}
            with self._bucket.translated("begin an upload", self._key):
                answer = self._bucket.client.create_multipart_upload(
                    **self._target, **_storage_class(self._bucket), **checksum
                )
            self._upload = answer["UploadId"]
        self._pool.submit(self._part)
        self._part = PartBuffer(self._bucket.place.store, self._part.number + 1, self._plan)

    def _send_part(self, part: PartBuffer) -> SentPart:
        digest = part.sha256() if self._bucket.with_checksum else None
        with self._bucket.translated("upload a part", self._key):
            answer = self._bucket.client.upload_part(
                **self._target,
                UploadId=self._upload or "",
                PartNumber=part.number,
                Body=part.payload(),
                **checksum_argument(digest),
            )
        confirmed = confirm(self._bucket, f"part {part.number} of {self._key}", digest, answer.get("ChecksumSHA256"))
        return SentPart(answer["ETag"], digest, confirmed)

    def _put_whole(self) -> bool:
        digest = self._part.sha256() if self._bucket.with_checksum else None
        with self._bucket.translated("write an object", self._key):
            answer = self._bucket.client.put_object(
                **self._target, **_storage_class(self._bucket), Body=self._part.payload(), **checksum_argument(digest)
            )
        self._part.close()
        return confirm(self._bucket, self._key, digest, answer.get("ChecksumSHA256"))

    def _complete(self, upload: str) -> bool:
        self._pool.submit(self._part)
        sent = [part for _, part in sorted(self._pool.finish().items())]
        parts: list[Any] = [
            {"PartNumber": number, "ETag": part.etag, **checksum_argument(part.sha256)}
            for number, part in enumerate(sent, 1)
        ]
        with self._bucket.translated("complete an upload", self._key):
            client = self._bucket.client
            try:
                answer = client.complete_multipart_upload(
                    **self._target, UploadId=upload, MultipartUpload={"Parts": parts}
                )
            except client.exceptions.ClientError as error:
                # The first answer may have been lost after the endpoint had done it; botocore then asked again.
                if "NoSuchUpload" not in error_codes(error) or not self._is_there(sent):
                    raise
                return False
        self._check_composite(sent, answer.get("ChecksumSHA256"))
        return all(part.confirmed for part in sent)

    def _is_there(self, sent: list[SentPart]) -> bool:
        """True when the object under our key is the one made of these parts."""
        try:
            digests = [bytes.fromhex(part.etag.strip('"')) for part in sent]
        except ValueError:
            return False
        expected = f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(sent)}"
        return self._bucket.client.head_object(**self._target)["ETag"].strip('"') == expected

    def _check_composite(self, sent: list[SentPart], returned: str | None) -> None:
        """S3's checksum of the whole is that of the parts' checksums; endpoints that mean something else are let be."""
        if returned is not None and returned.endswith(f"-{len(sent)}"):
            digests = b"".join(part.sha256 or b"" for part in sent)
            digest = hashlib.sha256(digests).digest() if self._bucket.with_checksum else None
            confirm(self._bucket, self._key, digest, returned.rpartition("-")[0])

    def _check_size(self) -> None:
        with self._bucket.translated("look at an object", self._key):
            stored = self._bucket.client.head_object(**self._target)["ContentLength"]
        if stored != self._size:
            raise StoreError(
                f"store {self._bucket.place.store} holds another size than it was sent",
                f"{self._key}: {self._size} bytes sent, {stored} stored",
                "The object must not be used: write it again, and suspect the endpoint.",
            )

    def _abort_after(self, error: BaseException) -> None:
        """Abort because of ``error``; when even that fails, ``error`` says so too instead of being hidden by it."""
        try:
            self.abort()
        except StoreError as left:
            if isinstance(error, DrError):
                error.detail = f"{error.detail}; moreover {left.message} ({left.detail})"
                error.args = (error.message, error.detail, error.hint)
            else:
                error.add_note(str(left))


def abort_upload(bucket: S3Bucket, key: str, upload: str) -> None:
    """Drop a multipart upload and its parts; one that is gone already is no error."""
    client = bucket.client
    with bucket.translated("abort an upload", key):
        try:
            client.abort_multipart_upload(Bucket=bucket.bucket, Key=bucket.object_name(key), UploadId=upload)
        except client.exceptions.ClientError as error:
            if "NoSuchUpload" not in error_codes(error):
                raise


def checksum_argument(digest: bytes | None) -> dict[str, Any]:
    """How boto3 is told the SHA-256 of a body; nothing when the store is to send none."""
    return {} if digest is None else {"ChecksumSHA256": base64.b64encode(digest).decode()}


def confirm(bucket: S3Bucket, what: str, digest: bytes | None, returned: str | None) -> bool:
    """True when the endpoint gave back our checksum, False when it gave none; raises StoreError for another one."""
    if digest is None or returned is None:
        return False
    ours = base64.b64encode(digest).decode()
    if returned != ours:
        raise StoreError(
            f"store {bucket.place.store} received other bytes than it was sent",
            f"{what}: SHA-256 sent {ours}, returned {returned}",
            "Write it again; when it happens again, suspect the endpoint or this host's memory.",
        )
    return True


def _storage_class(bucket: S3Bucket) -> dict[str, Any]:
    return {"StorageClass": bucket.storage_class} if bucket.storage_class else {}
