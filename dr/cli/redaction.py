"""Nothing that is shown may hold a secret, whoever wrote the text: the last sieve before a terminal or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_SHORTEST = 4
SECRET_VARIABLES = (
    "BACKUP_ENCRYPTION_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "PGPASSWORD",
    "NOTIFICATION_WEBHOOK",
    "ALERT_SMS_WEBHOOK",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
)


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """``text`` without the passwords of addresses in it, and without the values of the variables that hold secrets.

    >>> redact("the key correct horse is refused", {"BACKUP_ENCRYPTION_KEY": "correct horse"})
    'the key ******** is refused'
    """
    from dr.configuration.masking import MASK, mask_url

    environ = os.environ if environ is None else environ
    for name in SECRET_VARIABLES:
        value = environ.get(name, "")
        if len(value) >= _SHORTEST:
            text = text.replace(value, MASK)
    return mask_url(text)


def redact_all(value: Any) -> Any:
    """The same for every text in a document of dicts and lists."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(item) for item in value]
    return value
