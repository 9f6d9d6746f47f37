"""The environment: the operations guide's own variables, by their exact names, and a few of ours.

A secret's variable is kept as a reference to it, so that a Block made of it names the variable and holds no secret.
Each secret may also come as ``<VARIABLE>_FILE``, the way containers hand secrets over.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from dr.configuration.layers import Layer, make_layer
from dr.configuration.settings import Form, find
from dr.errors import ConfigurationError

VARIABLES: dict[str, str] = {
    "DATABASE_URL": "postgres.url",
    "BACKUP_ENCRYPTION_KEY": "encryption.passphrase",
    "BACKUP_RETENTION_DAYS": "retention.local_days",
    "AWS_BACKUP_BUCKET": "stores.cloud.bucket",
    "AWS_ACCESS_KEY_ID": "aws.access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws.secret_access_key",
    "AWS_DEFAULT_REGION": "aws.region",
    "AWS_REGION": "aws.region",
    "AWS_ENDPOINT_URL": "aws.endpoint_url",
    "NOTIFICATION_WEBHOOK": "notifications.webhook",
    "ALERT_EMAIL": "notifications.emails",
    "ALERT_SMS_WEBHOOK": "notifications.sms_webhook",
    "AUTO_CONFIRM": "auto_confirm",
    "DR_BACKUP_ROOT": "stores.local.path",
    "DR_STATE_DIRECTORY": "state_directory",
    "DR_ENCRYPTION_RECIPIENTS": "encryption.recipients",
    "GNUPGHOME": "encryption.gnupg_home",
}
OTHER_VARIABLES = ("DR_SYSTEM", "DR_CONFIG", "DR_RUNNER", "DR_RETRY_BASE_SECONDS")
GUIDE_STORAGE_CLASS = "STANDARD_IA"


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """What the environment gives. An empty variable gives nothing, except for retention, where it is an error."""
    _refuse_misspelt(environ)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for variable, setting in VARIABLES.items():
        for name, key, value in _spellings(variable, setting, environ):
            if _is_set(name, key, environ):
                values[key] = value
                origins[key] = f"environment {name}"
    if "stores.cloud.bucket" in values and "aws.endpoint_url" not in values:
        # The guide keeps backups in Standard-IA. Other makers' endpoints refuse that name, so they keep their own.
        values["stores.cloud.storage_class"] = GUIDE_STORAGE_CLASS
        origins["stores.cloud.storage_class"] = "default of a bucket given by AWS_BACKUP_BUCKET"
    return make_layer(values, origins.__getitem__, base=Path.cwd(), blank_is_absent=True)


def _spellings(variable: str, setting: str, environ: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    if not find(setting)[0].secret:
        return [(variable, setting, environ.get(variable))]
    by_file = f"{variable}{Form.FILE.value.upper()}"
    return [
        (variable, f"{setting}{Form.ENV.value}", variable),
        (by_file, f"{setting}{Form.FILE.value}", environ.get(by_file)),
    ]


def _is_set(name: str, key: str, environ: Mapping[str, str]) -> bool:
    if name not in environ:
        return False
    if key.startswith("aws.") and "access_key" in key and environ.get("AWS_SESSION_TOKEN", "").strip():
        # Temporary credentials are three values that belong together: boto3 itself takes all of them from here.
        return False
    return bool(environ[name].strip()) or find(key)[0].kept


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    known = [name for name in (*VARIABLES, *OTHER_VARIABLES) if name.startswith("DR_")]
    for name in sorted(environ):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8) if name.startswith("DR_") else []
        if near and name not in known:
            raise ConfigurationError(
                f"the environment variable {name} means nothing to this program",
                hint=f"Did you mean {near[0]}? Otherwise unset it.",
            )
