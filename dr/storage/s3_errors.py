"""What an S3 endpoint or boto3 says, said as a store error with what to do next.

boto3 is imported inside functions only, here and in its neighbours: loading it takes longer than ``dr --help`` may.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dr.errors import (
    ConfigurationError,
    DrError,
    ObjectArchived,
    ObjectMissing,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_FULL = {"QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull", "507"}
_DENIED = {
    *(
        "AccessDenied",
        "AllAccessDisabled",
        "AccountProblem",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "NotSignedUp",
    ),
    *("ExpiredToken", "InvalidToken", "UnauthorizedAccess", "RequestTimeTooSkewed", "401", "403"),
}
_AWAY = {
    *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException"),
    *("TooManyRequests", "OperationAborted", "ConditionalRequestConflict", "429", "500", "502", "503", "504"),
}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest"}
_MISSING = {"NoSuchKey", "404"}
_UNKNOWN = {"NotImplemented", "MethodNotAllowed", "405", "501"}
_NO_CREDENTIALS = (
    "Give the store an access key and its secret, a profile, or run where the instance's role provides them."
)


@dataclass(frozen=True, slots=True)
class Place:
    """What error texts call the store: its name, ``s3://bucket/prefix``, and the endpoint, or "" for AWS."""

    store: str
    location: str
    endpoint: str

    @property
    def bucket(self) -> str:
        return self.location.removeprefix("s3://").partition("/")[0]

    @property
    def host(self) -> str:
        return self.endpoint or "AWS"


@contextmanager
def translated(place: Place, doing: str, key: str = "") -> Iterator[None]:
    """Raise ``StoreError`` (or ``ConfigurationError``) for every error of boto3 inside."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    what = f"cannot {doing} in store {place.store}"
    where = f"{place.location}/{key}" if key else place.location
    try:
        yield
    except ClientError as error:
        raise _answered(error, place, what, where) from error
    except BotoCoreError as error:
        raise _unanswered(error, place, what, where) from error
    except HTTPError as error:
        raise StoreUnavailable(f"{what}: the connection broke", f"{where}: {error}", "Try again.") from error


def error_codes(error: ClientError) -> tuple[str, str]:
    """The S3 error code (a HEAD has no body and gives the status instead) and the HTTP status, both as text."""
    code = error.response.get("Error", {}).get("Code", "")
    return code, str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))


def _answered(error: ClientError, place: Place, what: str, where: str) -> StoreError:
    code, status = error_codes(error)
    codes = {code, status}
    detail = f"{where}: {error.response.get('Error', {}).get('Message', '')} ({code}, HTTP {status})"
    if code == "NoSuchBucket":
        return StoreError(
            f"{what}: the bucket is not there",
            detail,
            f"Create bucket {place.bucket!r} at {place.host}, or correct the store's bucket, region or endpoint_url.",
        )
    if code == "InvalidObjectState":
        return archived(place, where.removeprefix(f"{place.location}/"), "")
    if codes & _FULL:
        return StoreFull(f"{what}: no space left", detail, "Raise the quota, or expire old backups.")
    if code in _ELSEWHERE or status == "301":
        return StoreError(f"{what}: the bucket is in another region", detail, "Set the store's region to the bucket's.")
    if code in _DAMAGED:
        return StoreError(f"{what}: the bytes changed on the way", detail, "Suspect the network or this host's memory.")
    if codes & _AWAY and status != "501":
        return StoreUnavailable(f"{what}: {place.host} is overloaded or failing", detail, "Try again later.")
    if codes & _UNKNOWN:
        return StoreError(
            f"{what}: the endpoint does not offer that",
            detail,
            "See what it can do with 'dr store probe'; if it refuses checksums, set the store's checksum to 'none'.",
        )
    if codes & _DENIED:
        hint = "Check the access key, its secret and the bucket policy; a clock that is wrong is refused as well."
        return StoreDenied(f"{what}: permission denied", detail, hint)
    if codes & _MISSING:
        return ObjectMissing(f"no object in store {place.store} under that name", detail, "List with 'dr list'.")
    return StoreError(what, detail, f"Look up {code or status} in the documentation of {place.host}.")


def _unanswered(error: BotoCoreError, place: Place, what: str, where: str) -> DrError:
    from botocore import exceptions as boto

    detail = f"{where}: {error}"
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return StoreDenied(f"{what}: no credentials", detail, _NO_CREDENTIALS)
    if isinstance(error, boto.SSLError):
        return StoreError(f"{what}: the endpoint's certificate is not trusted", detail, "Check its certificate chain.")
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError):
        return StoreUnavailable(f"{what}: {place.host} does not answer", detail, "Check the endpoint and the network.")
    if isinstance(error, boto.ParamValidationError | boto.NoRegionError | boto.ProfileNotFound):
        return ConfigurationError(f"store {place.store} is not set up right", detail, "Correct the store's settings.")
    return StoreError(what, detail, "Check the store's settings and credentials.")


def archived(place: Place, key: str, storage_class: str) -> ObjectArchived:
    """The object lies in an archive class and cannot be read at once (I30)."""
    return ObjectArchived(
        f"cannot read an object in store {place.store}: it is archived and must be brought back first",
        f"{place.location}/{key} {storage_class}".rstrip(),
        "Ask for it with RestoreObject (hours, for a price), wait until it is there, and read it then; "
        "or use a copy in another store.",
    )
