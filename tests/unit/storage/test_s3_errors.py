"""Every answer of an endpoint becomes the right error: who may try again, and what to do."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, SSLError
from urllib3.exceptions import ProtocolError

from dr.errors import ObjectArchived, ObjectMissing, StoreDenied, StoreError, StoreFull, StoreUnavailable
from dr.storage.s3_errors import Place, translated

PLACE = Place("cloud", "s3://bucket/prefix", "https://s3.example.com")


def _answer(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Operation",
    )


@pytest.mark.parametrize(
    "code, status, wanted, says",
    [
        ("AccessDenied", 403, StoreDenied, "permission denied"),
        ("InvalidAccessKeyId", 403, StoreDenied, "permission denied"),
        ("SignatureDoesNotMatch", 403, StoreDenied, "permission denied"),
        ("RequestTimeTooSkewed", 403, StoreDenied, "permission denied"),
        ("ExpiredToken", 400, StoreDenied, "permission denied"),
        ("403", 403, StoreDenied, "permission denied"),
        ("QuotaExceeded", 403, StoreFull, "no space left"),
        ("XMinioStorageFull", 507, StoreFull, "no space left"),
        ("NoSuchBucket", 404, StoreError, "bucket is not there"),
        ("NoSuchKey", 404, ObjectMissing, "no object"),
        ("404", 404, ObjectMissing, "no object"),
        ("InvalidObjectState", 403, ObjectArchived, "brought back first"),
        ("PermanentRedirect", 301, StoreError, "another region"),
        ("AuthorizationHeaderMalformed", 400, StoreError, "another region"),
        ("BadDigest", 400, StoreError, "changed on the way"),
        ("SlowDown", 503, StoreUnavailable, "overloaded"),
        ("InternalError", 500, StoreUnavailable, "overloaded"),
        ("502", 502, StoreUnavailable, "overloaded"),
        ("TooManyRequests", 429, StoreUnavailable, "overloaded"),
        ("NotImplemented", 501, StoreError, "does not offer"),
        ("MethodNotAllowed", 405, StoreError, "does not offer"),
        ("EntityTooLarge", 400, StoreError, "cannot do it"),
    ],
)
def test_an_answer_becomes_the_right_error(code: str, status: int, wanted: type[StoreError], says: str) -> None:
    """Only what may pass by itself is retryable; each has a detail with place and code, and a hint."""
    with pytest.raises(StoreError, match=says) as failure, translated(PLACE, "do it", "a/b"):
        raise _answer(code, status)

    assert type(failure.value) is wanted
    assert failure.value.retryable == (wanted is StoreUnavailable)
    assert "s3://bucket/prefix/a/b" in failure.value.detail
    assert failure.value.hint


@pytest.mark.parametrize(
    "error, wanted",
    [
        (NoCredentialsError(), StoreDenied),
        (ConnectTimeoutError(endpoint_url="https://s3.example.com"), StoreUnavailable),
        (ProtocolError("broken"), StoreUnavailable),
        (SSLError(endpoint_url="https://s3.example.com", error=ValueError("expired")), StoreError),
    ],
)
def test_silence_becomes_the_right_error(error: Exception, wanted: type[StoreError]) -> None:
    """What never reached the endpoint."""
    with pytest.raises(StoreError) as failure, translated(PLACE, "do it"):
        raise error
    assert type(failure.value) is wanted
    assert failure.value.hint
