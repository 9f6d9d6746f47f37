"""The typed configuration of one protected system, after every layer has been merged and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from dr.catalog.labels import check_system_name
from dr.configuration.alerting import AlertingSettings
from dr.configuration.components import ComponentSettings
from dr.configuration.procedures import ProcedureSettings
from dr.errors import ConfigurationError
from dr.policy.objectives import DEFAULT_OBJECTIVES, Objective, Scenario
from dr.policy.retention_periods import FOREVER, Periods
from dr.secret import Secret


class AbsentSecret(Secret):
    """Stands where a secret was not needed and not given. Using it raises instead of connecting to some default."""

    __slots__ = ("_hint", "_key")

    def __init__(self, key: str, hint: str) -> None:
        super().__init__("")
        self._key = key
        self._hint = hint

    def reveal(self) -> str:
        raise ConfigurationError(f"{self._key} is not configured", hint=self._hint)


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """The server to protect. ``url`` is libpq's URL or key=value form and may hold the password.

    ``replication_url`` is used for base backups when another role must do them (default: ``url``).
    ``physical`` False says that this server gives no physical backups (a managed one).
    ``bin_directories``: where PostgreSQL's programs are; when given, no others are used.
    """

    url: Secret
    replication_url: Secret | None = None
    physical: bool = True
    bin_directories: tuple[Path, ...] = ()

    @property
    def configured(self) -> bool:
        """False on a machine that only restores and was told of no server: revealing ``url`` then raises."""
        return not isinstance(self.url, AbsentSecret)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One place where copies live. ``kind`` is ``local`` (needs ``path``) or ``s3`` (needs ``bucket``)."""

    name: str
    kind: str
    path: Path | None = None
    bucket: str = ""
    prefix: str = ""
    region: str | None = None
    endpoint_url: str | None = None
    storage_class: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = None
    profile: str | None = None
    checksum: str = "sha256"


@dataclass(frozen=True, slots=True)
class EncryptionSettings:
    """To whom backups are encrypted: OpenPGP recipients (fingerprints), or else a passphrase.

    ``gnupg_home`` holds the recipients' public keys on the backup host and the secret key where one restores;
    None means GnuPG's default. ``public_key_file`` is imported into a home of our own instead.
    """

    recipients: tuple[str, ...] = ()
    passphrase: Secret | None = None
    gnupg_home: Path | None = None
    public_key_file: Path | None = None
    secret_key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RetentionSettings(Periods):
    """How long local copies stay (``local_days``), and how many are kept whatever their age (``min_keep``); beyond the
    database, how long by kind and place.

    ``full_days``: a base backup is full when the last full one is older; ``max_chain``: or when that many incremental
    ones hang on it.
    """

    local_days: int = 7
    min_keep: int = 1
    full_days: int = 7
    max_chain: int = 6

    def __post_init__(self) -> None:
        if min(self.local_days, self.min_keep, self.full_days, self.max_chain) < 1:
            raise ValueError("retention needs local_days, min_keep, full_days and max_chain >= 1")
        if any(days != FOREVER and days < 1 for days in (getattr(self, item.name) for item in fields(Periods))):
            raise ValueError("retention needs every period to be at least a day, or forever")


@dataclass(frozen=True, slots=True)
class WalSettings:
    """How WAL comes in and goes out.

    ``method`` is ``receive`` (we stream it, through ``slot``), ``archive`` (the server's archive_command fills
    ``spool``) or ``none``. ``spool`` None means a directory under the state directory. The open segment is stored
    every ``partial_seconds``; ``workers`` segments are on their way at once.
    """

    method: str = "receive"
    slot: str = ""
    spool: Path | None = None
    partial_seconds: int = 30
    workers: int = 2


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """What a drill does besides restoring.

    Copies are made in ``directory`` (None: under the state directory); ``keep_failed`` red ones are left there.
    ``assertions`` and ``masking`` are directories of SQL files; ``health_check`` is a command line. A system without a
    green drill for ``max_age_days`` counts as unproven (I3).
    """

    directory: Path | None = None
    assertions: Path | None = None
    masking: Path | None = None
    health_check: str = ""
    keep_failed: int = 2
    max_age_days: int = 7


@dataclass(frozen=True, slots=True)
class CustodySettings:
    """Where the escrow lies: what opens the backups when this host and its keys are gone (I21).

    ``key_file`` holds secret keys as ``gpg --export-secret-keys`` writes them, ``key_passphrase_file`` what protects
    them, ``passphrase_file`` the passphrase of backups that were encrypted with one.
    """

    key_file: Path | None = None
    key_passphrase_file: Path | None = None
    passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Where alerts go: a webhook (Slack's, for instance), mail addresses, a webhook that sends text messages."""

    webhook: Secret | None = None
    emails: tuple[str, ...] = ()
    sms_webhook: Secret | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One protected system: what to back up, where to, encrypted how, kept how long, recovered how fast.

    ``state_directory`` is this host's own (canary positions, runs not yet reported); never needed to restore.
    """

    name: str
    postgres: PostgresSettings
    stores: tuple[StoreSettings, ...]
    encryption: EncryptionSettings
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    wal: WalSettings = field(default_factory=WalSettings)
    drill: DrillSettings = field(default_factory=DrillSettings)
    custody: CustodySettings = field(default_factory=CustodySettings)
    components: ComponentSettings = field(default_factory=ComponentSettings)
    procedures: ProcedureSettings = field(default_factory=ProcedureSettings)
    alerting: AlertingSettings = field(default_factory=AlertingSettings)
    objectives: Mapping[Scenario, Objective] = field(default_factory=lambda: dict(DEFAULT_OBJECTIVES))
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
    state_directory: Path = Path("state")
    auto_confirm: bool = False

    def __post_init__(self) -> None:
        check_system_name(self.name)
        names = [store.name for store in self.stores]
        if len(set(names)) != len(names):
            raise ValueError(f"two stores of {self.name} have the same name: {', '.join(names)}")

    @property
    def wal_spool(self) -> Path:
        """Where segments wait until they are stored."""
        return self.wal.spool or self.state_directory / "wal" / self.name

    @property
    def wal_slot(self) -> str:
        """The replication slot that keeps WAL for us; slots take lower-case letters, digits and underscores."""
        return self.wal.slot or "dr_" + re.sub(r"[^a-z0-9]", "_", self.name)[:60]
