"""What Vault or the way to it says, as our own errors. Vault's words are quoted only where no value can be in them."""

from __future__ import annotations

from contextlib import suppress

import httpx
import msgspec

from dr.errors import DrError, PrivilegeMissing, ServerUnreachable, SourceBusy, SourceError

SEALED = "sealed"
UPGRADING = "Upgrading from non-versioned to versioned data"


class _Errors(msgspec.Struct):
    errors: list[str] = []


def says(response: httpx.Response) -> str:
    """Vault's own words about a failure. They may quote what was sent."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return "; ".join(msgspec.json.decode(response.content, type=_Errors).errors).strip()
    return ""


def answered(response: httpx.Response, doing: str, address: str) -> SourceError:
    """The error for an answer that is none of success. The response must have been read."""
    status = response.status_code
    words = says(response) if response.request.method == "GET" else UPGRADING if UPGRADING in says(response) else ""
    detail = f"{address}: HTTP {status}" + (f": {words[:300]}" if words else "")
    if SEALED in says(response) and status == 503:
        return SourceError(
            f"cannot {doing}: Vault is sealed",
            detail,
            "Unseal it: vault operator unseal, with as many key shares as it needs.",
        )
    if status in (401, 403):
        return PrivilegeMissing(
            f"cannot {doing}: permission denied",
            detail,
            "Give the token's policy the capabilities that docs/components/secrets.md lists.",
        )
    if status == 429:
        return SourceBusy(f"cannot {doing}: Vault asks us to slow down", detail, "Try again later, or raise its quota.")
    if status >= 500 or status in (472, 473):
        return ServerUnreachable(f"cannot {doing}: Vault is failing", detail, "Look into Vault's log; try again later.")
    return SourceError(f"cannot {doing}", detail, "Look into Vault's audit log for what it refused.")


def unanswered(error: httpx.TransportError, doing: str, address: str) -> DrError:
    """The error for no answer, or half of one."""
    detail = f"{address}: {str(error) or type(error).__name__}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SourceError(
            f"cannot {doing}: Vault's certificate is not trusted",
            detail,
            "Give the CA that signed it as secrets.vault_ca_file.",
        )
    if isinstance(error, httpx.TimeoutException):
        return ServerUnreachable(f"cannot {doing}: Vault does not answer in time", detail, "Try again later.")
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return ServerUnreachable(f"cannot {doing}: the connection broke", detail, "Try again.")
    return ServerUnreachable(f"cannot {doing}: nothing answers", detail, "Check secrets.vault_address and the network.")
