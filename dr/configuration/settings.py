"""Every setting there is, declared once: its key, how it is read, whether it is secret, its default, what it means.

Keys are flat and dotted. ``*`` stands for the name that the operator gives to a store. A secret may also be given by
reference: ``<key>_file`` names a file that holds it, ``<key>_env`` an environment variable.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from dr.configuration import parsers
from dr.configuration.components.declared import declared_fields, shown_default
from dr.configuration.procedures import SERVICE, ServiceSettings
from dr.configuration.sections import settings_classes
from dr.errors import ConfigurationError
from dr.policy.objectives import DEFAULT_OBJECTIVES
from dr.policy.retention_periods import Periods

_NAME = r"[a-z0-9][a-z0-9-]*"


class Form(Enum):
    """How a key gives its value: itself, or by the name of a file or of an environment variable (secrets only)."""

    VALUE = ""
    FILE = "_file"
    ENV = "_env"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``check`` looks at a secret's text; ``default`` is in the form a file would hold.

    ``kept`` marks the promises made to the owner of the data: such a key may be changed but never emptied (I38).
    """

    key: str
    parse: parsers.Parser
    description: str
    default: str | None = None
    check: Callable[[str], None] = parsers.accept

    @property
    def secret(self) -> bool:
        return self.parse is parsers.secret

    @property
    def kept(self) -> bool:
        return self.key.startswith(("retention.", "objectives."))

    def matches(self, key: str) -> bool:
        return re.fullmatch(re.escape(self.key).replace(r"\*", _NAME), key) is not None


def _objective_settings() -> list[Setting]:
    rows = []
    for scenario, objective in DEFAULT_OBJECTIVES.items():
        place = f"objectives.{scenario}"
        rto, rpo = objective.rto_seconds / 60, objective.rpo_seconds / 60
        rows += [
            Setting(
                f"{place}.rto_minutes",
                parsers.positive_minutes,
                "longest acceptable recovery, minutes",
                f"{rto:g}",
            ),
            Setting(f"{place}.rpo_minutes", parsers.minutes, "most commits that may be lost, minutes", f"{rpo:g}"),
        ]
    return rows


_PERIODS = {
    "cloud_days": "days that components' copies stay in other stores, unless their kind has its own; or forever",
    "secrets_cloud_days": "days that copies of secrets stay in other stores",
    "files_days": "days that local copies of file uploads stay",
    "files_cloud_days": "days that copies of file uploads stay in other stores",
    "files_archive_days": "the same in an archive; until stores have tiers, the longer of the two counts",
    "application_logs_days": "days that local copies of application logs stay",
    "application_logs_cloud_days": "days that copies of application logs stay in other stores",
    "application_logs_archive_days": "the same in an archive; until stores have tiers, the longer of the two counts",
    "audit_logs_days": "days that local copies of audit logs stay",
    "audit_logs_cloud_days": "days that copies of audit logs stay in other stores",
    "audit_logs_archive_days": "the same in an archive; until stores have tiers, the longer of the two counts",
}


def _period_settings() -> list[Setting]:
    return [
        Setting(f"retention.{field.name}", parsers.days, _PERIODS[field.name], str(field.default))
        for field in dataclasses.fields(Periods)
    ]


def _component_settings() -> list[Setting]:
    return [
        Setting(f"{kind}.{name}", declared.parse, declared.description, shown_default(default), declared.check)
        for kind, settings in settings_classes()
        for name, declared, default in declared_fields(settings)
    ]


def _service_settings() -> list[Setting]:
    """A default would be a service that nobody has: each has its own when it is built."""
    return [
        Setting(f"{SERVICE}.*.{name}", declared.parse, declared.description, None, declared.check)
        for name, declared, _ in declared_fields(ServiceSettings)
    ]


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "postgres.url",
        parsers.secret,
        "the server to protect: postgresql://user:password@host:port/database",
        check=parsers.check_connection,
    ),
    Setting(
        "postgres.replication_url",
        parsers.secret,
        "the same server by a role that may replicate; postgres.url when absent",
        check=parsers.check_connection,
    ),
    Setting("postgres.physical", parsers.flag, "whether the server gives base backups (managed ones do not)", "true"),
    Setting(
        "postgres.bin_directories",
        parsers.paths,
        "directories of PostgreSQL programs; when given, no others are used",
    ),
    Setting("stores.*.kind", parsers.choice("local", "s3"), "local or s3"),
    Setting("stores.*.path", parsers.path, "directory of a local store"),
    Setting("stores.*.bucket", parsers.text, "bucket of an s3 store"),
    Setting("stores.*.prefix", parsers.text, "key prefix inside the bucket"),
    Setting("stores.*.region", parsers.text, "region of the bucket"),
    Setting("stores.*.endpoint_url", parsers.text, "address of an S3 endpoint that is not Amazon's"),
    Setting("stores.*.storage_class", parsers.text, "storage class of new objects; the bucket's own when absent"),
    Setting("stores.*.access_key_id", parsers.text, "access key id of this store"),
    Setting("stores.*.secret_access_key", parsers.secret, "secret access key of this store"),
    Setting("stores.*.profile", parsers.text, "named profile of the AWS configuration, instead of keys"),
    Setting("stores.*.checksum", parsers.text, "checksum that the client sends along with an upload"),
    Setting("aws.region", parsers.text, "region of the s3 stores that name none"),
    Setting("aws.endpoint_url", parsers.text, "endpoint of the s3 stores that name none"),
    Setting("aws.access_key_id", parsers.text, "access key id of the s3 stores without credentials of their own"),
    Setting("aws.secret_access_key", parsers.secret, "secret access key that belongs to aws.access_key_id"),
    Setting("encryption.recipients", parsers.fingerprints, "fingerprints of the OpenPGP keys that read the backups"),
    Setting(
        "encryption.passphrase",
        parsers.secret,
        "passphrase that reads the backups, at least 12 characters",
        check=parsers.check_passphrase,
    ),
    Setting("encryption.gnupg_home", parsers.path, "GnuPG's directory; GnuPG's own default when absent"),
    Setting("encryption.public_key_file", parsers.path, "file with the recipients' public keys"),
    Setting("encryption.secret_key_file", parsers.path, "file with the secret key, where one restores"),
    Setting("retention.local_days", parsers.count, "days that local copies stay", "7"),
    Setting("retention.min_keep", parsers.count, "proven copies that stay whatever their age", "1"),
    Setting("retention.full_days", parsers.count, "days after which a base backup is full again", "7"),
    Setting("retention.max_chain", parsers.count, "incremental base backups that may hang on a full one", "6"),
    *_period_settings(),
    *_objective_settings(),
    Setting(
        "wal.method",
        parsers.choice("receive", "archive", "none"),
        "receive: streamed by `dr wal receive`; archive: the server's archive_command fills the spool; none",
        "receive",
    ),
    Setting("wal.slot", parsers.slot_name, "replication slot of the receiver; dr_SYSTEM when absent"),
    Setting("wal.spool", parsers.path, "where segments wait until they are stored; under state_directory when absent"),
    Setting("wal.partial_seconds", parsers.count, "seconds after which the open segment is stored as it is", "30"),
    Setting("wal.workers", parsers.count, "segments compressed, encrypted and stored at once", "2"),
    Setting("drill.directory", parsers.path, "where drills restore to; under state_directory when absent"),
    Setting("drill.assertions", parsers.path, "directory of SQL files with the answers that a restored copy must give"),
    Setting(
        "drill.masking", parsers.path, "directory of SQL files that are run in a restored copy before anything else"
    ),
    Setting("drill.health_check", parsers.text, "command that asks a restored copy as the application would"),
    Setting("drill.keep_failed", parsers.count, "red drills whose copies are left to be looked into", "2"),
    Setting("drill.max_age_days", parsers.count, "days after which a system without a green drill is unproven", "7"),
    Setting(
        "custody.key_file", parsers.path, "file with the escrowed secret keys, to prove that they open the backups"
    ),
    Setting("custody.key_passphrase_file", parsers.path, "file with what protects the escrowed secret keys"),
    Setting("custody.passphrase_file", parsers.path, "file with the escrowed passphrase of the backups"),
    *_component_settings(),
    *_service_settings(),
    Setting("notifications.webhook", parsers.secret, "where alerts are posted", check=parsers.check_address),
    Setting("notifications.emails", parsers.words, "who gets alerts by mail"),
    Setting("notifications.sms_webhook", parsers.secret, "where text messages are posted", check=parsers.check_address),
    Setting("state_directory", parsers.path, "this host's own notes; never needed to restore", "state"),
    Setting("auto_confirm", parsers.flag, "answer yes to destructive steps", "false"),
)


@cache
def find(key: str) -> tuple[Setting, Form]:
    """The setting that ``key`` gives, and how. Raises ConfigurationError on an unknown key, naming the nearest."""
    for setting in SETTINGS:
        if setting.matches(key):
            return setting, Form.VALUE
        for form in (Form.FILE, Form.ENV):
            if setting.secret and key.endswith(form.value) and setting.matches(key.removesuffix(form.value)):
                return setting, form
    near = difflib.get_close_matches(key, _spellings(key), n=1, cutoff=0.5)
    raise ConfigurationError(
        f"there is no setting {key!r}",
        hint=f"Did you mean {near[0]}?" if near else "`dr config show` lists the settings in effect.",
    )


def _spellings(key: str) -> list[str]:
    """All keys as they would be spelt for the store that ``key`` seems to speak of."""
    parts = key.split(".")
    store = parts[1] if len(parts) > 2 and re.fullmatch(_NAME, parts[1]) else "NAME"
    known = []
    for setting in SETTINGS:
        spelt = setting.key.replace("*", store)
        known += [spelt, spelt + Form.FILE.value, spelt + Form.ENV.value] if setting.secret else [spelt]
    return known
