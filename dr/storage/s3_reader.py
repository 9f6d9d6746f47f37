"""Reading an object as a stream that survives a cut connection: it goes on where it broke, with the same object."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dr.errors import StoreError, StoreUnavailable
from dr.storage.s3_bucket import S3Bucket

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

_PROGRESS = 64 << 20
"""Bytes after which earlier cuts are forgiven: a terabyte over a bad line may take more attempts than one request."""


def read_object(bucket: S3Bucket, key: str, chunk_size: int) -> Iterator[bytes]:
    """Yield the object's bytes; each chunk at most ``chunk_size``."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError
    from urllib3.exceptions import HTTPError

    first = _get(bucket, key, 0, None)
    etag, size = first.get("ETag", ""), first["ContentLength"]
    answer, offset, cuts, mark = first, 0, 0, 0
    while True:
        body = answer["Body"]
        cause: Exception | None = None
        try:
            while chunk := body.read(chunk_size):
                offset += len(chunk)
                yield chunk
        except (HTTPClientError, IncompleteReadError, HTTPError) as error:
            cause = error
        finally:
            body.close()
        if offset == size:
            return
        cuts = 1 if offset - mark >= _PROGRESS else cuts + 1
        mark = offset
        if cuts > bucket.attempts or offset > size:
            raise _cut_off(bucket, key, offset, size) from cause
        time.sleep(min(5.0, 0.1 * 2**cuts))
        answer = _get(bucket, key, offset, etag)


def _get(bucket: S3Bucket, key: str, offset: int, etag: str | None) -> GetObjectOutputTypeDef:
    conditions: dict[str, Any] = {"IfMatch": etag} if etag else {}
    if offset:
        conditions["Range"] = f"bytes={offset}-"
    with bucket.translated("read an object", key):
        client = bucket.client
        try:
            answer = client.get_object(Bucket=bucket.bucket, Key=bucket.object_name(key), **conditions)
        except client.exceptions.ClientError as error:
            if etag and error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                raise _replaced(bucket, key) from error
            raise
    # Some endpoints ignore If-Match or Range; joining what they send would make an object that never was.
    if etag and answer.get("ETag") != etag:
        answer["Body"].close()
        raise _replaced(bucket, key)
    if offset and not answer.get("ContentRange", "").startswith(f"bytes {offset}-"):
        answer["Body"].close()
        raise StoreUnavailable(
            f"cannot go on reading an object in store {bucket.place.store}",
            f"{key}: the endpoint does not give ranges of objects",
            "Read it again from the beginning.",
        )
    return answer


def _replaced(bucket: S3Bucket, key: str) -> StoreError:
    return StoreError(
        f"an object in store {bucket.place.store} was replaced while it was read",
        f"{bucket.place.location}/{key}",
        "Read it again from the beginning, and find out who writes there.",
    )


def _cut_off(bucket: S3Bucket, key: str, offset: int, size: int) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot read an object in store {bucket.place.store}: the connection breaks again and again",
        f"{bucket.place.location}/{key}: {offset} of {size} bytes came, {bucket.attempts} more attempts failed",
        "Check the network and the endpoint, then read it again.",
    )
