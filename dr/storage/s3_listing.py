"""Listing a bucket to its end (I15): page after page, and an error rather than a list that only looks complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dr.errors import StoreError
from dr.storage.protocol import StoredObject
from dr.storage.s3_bucket import S3Bucket


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and neither completed nor aborted. ``key`` is relative to the store."""

    key: str
    upload_id: str
    begun: datetime


def list_objects(bucket: S3Bucket, prefix: str) -> Iterator[StoredObject]:
    """Objects in key order. Keys that end in a slash are directory marks of other programs and left out."""
    arguments: dict[str, Any] = {"Bucket": bucket.bucket, "Prefix": bucket.name_prefix(prefix)}
    last = ""
    while True:
        with bucket.translated("list objects"):
            page = bucket.client.list_objects_v2(**arguments)
        for entry in page.get("Contents", []):
            name = entry["Key"]
            if name <= last:
                raise _untrustworthy(bucket, f"{name!r} came after {last!r}")
            last = name
            if not name.endswith("/"):
                modified = entry["LastModified"].astimezone(UTC)
                yield StoredObject(bucket.key(name), entry["Size"], modified, entry.get("StorageClass", "STANDARD"))
        if not page.get("IsTruncated", False):
            return
        token = page.get("NextContinuationToken")
        if not token:
            raise _untrustworthy(bucket, f"the list was cut after {last!r} and the endpoint does not say how to go on")
        arguments["ContinuationToken"] = token


def list_uploads(bucket: S3Bucket) -> Iterator[Upload]:
    """Unfinished multipart uploads under the store's prefix."""
    arguments: dict[str, Any] = {"Bucket": bucket.bucket, "Prefix": bucket.name_prefix("")}
    while True:
        with bucket.translated("list unfinished uploads"):
            client = bucket.client
            try:
                page = client.list_multipart_uploads(**arguments)
            except client.exceptions.NoSuchUpload:  # how rclone says that there is none
                return
        for entry in page.get("Uploads", []):
            yield Upload(bucket.key(entry["Key"]), entry["UploadId"], entry["Initiated"].astimezone(UTC))
        if not page.get("IsTruncated", False):
            return
        following = {"KeyMarker": page.get("NextKeyMarker"), "UploadIdMarker": page.get("NextUploadIdMarker")}
        if not following["KeyMarker"] or following.items() <= arguments.items():
            raise _untrustworthy(bucket, "the list of uploads was cut and the endpoint does not say how to go on")
        arguments.update(following)


def _untrustworthy(bucket: S3Bucket, detail: str) -> StoreError:
    return StoreError(
        f"store {bucket.place.store} lists objects in a way that cannot be trusted",
        f"{bucket.place.location}: {detail}",
        "Nothing is expired or reported on such a list. Use an endpoint that lists in key order, as S3 does.",
    )
