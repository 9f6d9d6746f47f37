"""What an AWS endpoint or botocore says, said as our own error with what to do next.

botocore is imported inside functions only: loading it takes longer than ``dr --help`` may. No error shows
botocore's own as its cause: that of a parameter quotes the parameter, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DrError,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    SourceError,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_UNKNOWN_CALLER = {
    *("UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"),
    *("IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidAccessKeyId", "NotAuthorized"),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired", "UnauthorizedAccess"}
_BUSY = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestLimitExceeded"),
    *("TooManyRequestsException", "SlowDown", "RequestThrottledException", "BandwidthLimitExceeded"),
}
_GONE = ("NotFound", "NotFoundFault", "NotFoundException", ".Unavailable", "DoesNotExist")
_THERE = ("ResourceExistsException", "AlreadyExists", "AlreadyExistsFault", ".Duplicate")
_NO_CREDENTIALS = "Give an access key and its secret, a profile, or run where the instance's role provides them."


class NotThere(SourceError):
    """What was asked for is not there, or no more."""


class AlreadyThere(SourceError):
    """What was to be made exists."""


def error_code(error: ClientError) -> str:
    """The service's code, such as ``ResourceNotFoundException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(section: str, doing: str) -> Iterator[None]:
    """Raise a SourceError (or ``ConfigurationError``) for every error of botocore inside.

    ``section`` is whose settings are in use (``secrets``), ``doing`` completes "cannot ..." and must quote no secret.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    found: DrError
    try:
        yield
        return
    except ClientError as error:
        found = _answered(error, f"cannot {doing}")
    except BotoCoreError as error:
        found = _unanswered(error, f"cannot {doing}", section)
    except HTTPError as error:
        found = ServerUnreachable(f"cannot {doing}: the connection broke", type(error).__name__, "Try again.")
    except KeyError as error:
        # botocore makes an empty answer of JSON that ends in its midst.
        detail = f"there is no {error} in it"
        found = ServerUnreachable(f"cannot {doing}: the answer is not whole", detail, "Try again.")
    raise found from None


def _answered(error: ClientError, what: str) -> SourceError:
    code = error_code(error)
    answer = error.response.get("ResponseMetadata", {})
    status = str(answer.get("HTTPStatusCode", ""))
    detail = f"{error.response.get('Error', {}).get('Message', '')} ({code}, HTTP {status})".strip()
    if code in _UNKNOWN_CALLER or status == "401":
        hint = "Check the access key and its secret; a clock that is wrong is refused as well."
        return AuthenticationFailed(f"{what}: AWS does not accept the credentials", detail, hint)
    if code in _BUSY or status == "429":
        tried = f"{detail}; asked {answer.get('RetryAttempts', 0) + 1} times"
        return SourceBusy(f"{what}: AWS asks us to slow down", tried, "Try again later, or raise the account's quota.")
    if code in _DENIED or status == "403":
        hint = f"Allow {error.operation_name} in the policy of the role or user."
        return PrivilegeMissing(f"{what}: permission denied", detail, hint)
    if code.endswith(_GONE):
        return NotThere(f"{what}: it is not there", detail, "Look in the region that is set; it may have been deleted.")
    if code.endswith(_THERE):
        return AlreadyThere(f"{what}: it exists already", detail, "Nothing is overwritten: remove it, or leave it.")
    if status.startswith("5"):
        return ServerUnreachable(f"{what}: the endpoint is failing", detail, "Try again later.")
    return SourceError(what, detail, f"Look up {code or status} in the documentation of {error.operation_name}.")


def _unanswered(error: BotoCoreError, what: str, section: str) -> DrError:
    from botocore import exceptions as boto

    if isinstance(error, boto.ParamValidationError):
        # Its text quotes the parameters, and one of them may be a secret's value.
        return SourceError(f"{what}: botocore refuses a parameter", hint="Report this: the request is made by us.")
    detail = str(error)
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return AuthenticationFailed(f"{what}: there are no AWS credentials", detail, _NO_CREDENTIALS)
    if isinstance(error, boto.SSLError):
        hint = "Check the endpoint's certificate chain."
        return SourceError(f"{what}: the endpoint's certificate is not trusted", detail, hint)
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError):
        hint = f"Check {section}.endpoint_url, {section}.region and the network."
        return ServerUnreachable(f"{what}: AWS does not answer", detail, hint)
    if isinstance(error, boto.NoRegionError | boto.ProfileNotFound):
        return ConfigurationError(what, detail, f"Correct the settings {section}.region and {section}.profile.")
    return SourceError(what, detail, f"Check the settings {section}.*")
