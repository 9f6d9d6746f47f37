"""From merged and resolved settings to one typed System, checking what only the whole can show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from dr.configuration.alerting import build_alerting
from dr.configuration.components import build_components
from dr.configuration.layers import Layer, value_of
from dr.configuration.model import (
    AbsentSecret,
    CustodySettings,
    DrillSettings,
    EncryptionSettings,
    NotificationSettings,
    PostgresSettings,
    RetentionSettings,
    StoreSettings,
    System,
    WalSettings,
)
from dr.configuration.procedures import SERVICE, build_procedures
from dr.errors import ConfigurationError
from dr.policy.objectives import Objective, Scenario
from dr.policy.retention_periods import FOREVER, Days, Periods
from dr.secret import Secret

_ONLY_LOCAL = {"path"}
_ONLY_S3 = {
    "bucket",
    "prefix",
    "region",
    "endpoint_url",
    "storage_class",
    "access_key_id",
    "secret_access_key",
    "profile",
    "checksum",
}


def build_system(name: str, layer: Layer, *, require_postgres: bool, require_encryption: bool) -> System:
    """Make the System. Raises ConfigurationError, naming the setting and its origin."""
    try:
        return System(
            name=name,
            postgres=_postgres(layer, required=require_postgres),
            stores=_stores(layer),
            encryption=_encryption(layer, to_encrypt=require_postgres, required=require_encryption),
            retention=_retention(layer),
            wal=WalSettings(
                method=value_of(layer, "wal.method", str) or WalSettings().method,
                slot=value_of(layer, "wal.slot", str) or "",
                spool=value_of(layer, "wal.spool", Path),
                partial_seconds=value_of(layer, "wal.partial_seconds", int) or WalSettings().partial_seconds,
                workers=value_of(layer, "wal.workers", int) or WalSettings().workers,
            ),
            drill=_drill(layer),
            custody=CustodySettings(
                key_file=value_of(layer, "custody.key_file", Path),
                key_passphrase_file=value_of(layer, "custody.key_passphrase_file", Path),
                passphrase_file=value_of(layer, "custody.passphrase_file", Path),
            ),
            components=build_components(lambda key: layer[key].value if key in layer else None),
            procedures=build_procedures(
                lambda key: layer[key].value if key in layer else None, names_in(layer, SERVICE)
            ),
            alerting=build_alerting(lambda key: layer[key].value if key in layer else None),
            objectives={scenario: _objective(layer, scenario) for scenario in Scenario},
            notifications=NotificationSettings(
                webhook=value_of(layer, "notifications.webhook", Secret),
                emails=_strings(layer, "notifications.emails"),
                sms_webhook=value_of(layer, "notifications.sms_webhook", Secret),
            ),
            state_directory=value_of(layer, "state_directory", Path) or Path("state"),
            auto_confirm=value_of(layer, "auto_confirm", bool) is True,
        )
    except ValueError as error:
        raise ConfigurationError(str(error), hint="`dr config show` lists every setting and its origin.") from None


def names_in(layer: Layer, table: str) -> set[str]:
    """The names that a layer gives to what is in a table: of stores, of services."""
    return {key.split(".")[1] for key in layer if key.startswith(f"{table}.")}


def store_names(layer: Layer) -> set[str]:
    """The stores that a layer speaks of."""
    return names_in(layer, "stores")


def _postgres(layer: Layer, *, required: bool) -> PostgresSettings:
    url = value_of(layer, "postgres.url", Secret)
    if url is None and required:
        raise ConfigurationError(
            "no PostgreSQL server is configured",
            hint="Set DATABASE_URL=postgresql://user:password@host/database, or postgres.url in the file or Block.",
        )
    return PostgresSettings(
        url=url or AbsentSecret("postgres.url", "Set DATABASE_URL, or postgres.url in the file or Block."),
        replication_url=value_of(layer, "postgres.replication_url", Secret),
        physical=value_of(layer, "postgres.physical", bool) is not False,
        bin_directories=value_of(layer, "postgres.bin_directories", tuple) or (),
    )


def _encryption(layer: Layer, *, to_encrypt: bool, required: bool) -> EncryptionSettings:
    settings = EncryptionSettings(
        recipients=_strings(layer, "encryption.recipients"),
        passphrase=value_of(layer, "encryption.passphrase", Secret),
        gnupg_home=value_of(layer, "encryption.gnupg_home", Path),
        public_key_file=value_of(layer, "encryption.public_key_file", Path),
        secret_key_file=value_of(layer, "encryption.secret_key_file", Path),
    )
    can_decrypt = settings.secret_key_file is not None or settings.gnupg_home is not None
    if required and not (settings.recipients or settings.passphrase or (can_decrypt and not to_encrypt)):
        raise ConfigurationError(
            "no encryption is configured, and backups are never unencrypted",
            hint="Set BACKUP_ENCRYPTION_KEY to a passphrase of at least 12 characters, or encryption.recipients"
            " (DR_ENCRYPTION_RECIPIENTS) to the fingerprints of OpenPGP keys.",
        )
    return settings


def _stores(layer: Layer) -> tuple[StoreSettings, ...]:
    stores = (_store(layer, name) for name in sorted(store_names(layer)))
    return tuple(sorted(stores, key=lambda store: (store.kind != "local", store.name)))


def _store(layer: Layer, name: str) -> StoreSettings:
    place = f"stores.{name}"
    bucket = value_of(layer, f"{place}.bucket", str)
    path = value_of(layer, f"{place}.path", Path)
    kind = value_of(layer, f"{place}.kind", str) or ("s3" if bucket else "local")
    _refuse_other_kind(layer, place, kind)
    if kind == "local":
        if path is None:
            raise _incomplete(f"{place}.path", "the directory of this local store")
        return StoreSettings(name=name, kind=kind, path=path)
    if bucket is None:
        raise _incomplete(f"{place}.bucket", "the bucket of this s3 store")
    access_key_id, secret_access_key = _credentials(layer, place)
    return StoreSettings(
        name=name,
        kind=kind,
        bucket=bucket,
        prefix=value_of(layer, f"{place}.prefix", str) or "",
        region=value_of(layer, f"{place}.region", str) or value_of(layer, "aws.region", str),
        endpoint_url=value_of(layer, f"{place}.endpoint_url", str) or value_of(layer, "aws.endpoint_url", str),
        storage_class=value_of(layer, f"{place}.storage_class", str),
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        profile=value_of(layer, f"{place}.profile", str),
        checksum=value_of(layer, f"{place}.checksum", str) or StoreSettings(name="", kind="s3").checksum,
    )


def _credentials(layer: Layer, place: str) -> tuple[str | None, Secret | None]:
    """A store's own pair, else the common one; never half of each, and none at all beside a profile."""
    own = _pair(layer, place)
    if value_of(layer, f"{place}.profile", str) is not None:
        if own != (None, None):
            raise ConfigurationError(
                f"{place} has a profile and an access key",
                detail=_origins(layer, (f"{place}.profile", f"{place}.access_key_id")),
                hint="Keep one of the two.",
            )
        return None, None
    return own if own != (None, None) else _pair(layer, "aws")


def _pair(layer: Layer, place: str) -> tuple[str | None, Secret | None]:
    access, secret = f"{place}.access_key_id", f"{place}.secret_access_key"
    pair = value_of(layer, access, str), value_of(layer, secret, Secret)
    if (pair[0] is None) != (pair[1] is None):
        missing, present = (access, secret) if pair[0] is None else (secret, access)
        raise ConfigurationError(
            f"{missing} is missing", detail=_origins(layer, (present,)), hint="Give both halves of a key, or neither."
        )
    return pair


def _refuse_other_kind(layer: Layer, place: str, kind: str) -> None:
    foreign = _ONLY_S3 if kind == "local" else _ONLY_LOCAL
    wrong = [f"{place}.{name}" for name in sorted(foreign) if f"{place}.{name}" in layer]
    if wrong:
        raise ConfigurationError(
            f"{wrong[0]} does not fit a {kind} store",
            detail=_origins(layer, (*wrong, f"{place}.kind", f"{place}.path", f"{place}.bucket")),
            hint="Two layers may be speaking of different stores by one name: rename one of them.",
        )


def _retention(layer: Layer) -> RetentionSettings:
    return RetentionSettings(
        local_days=value_of(layer, "retention.local_days", int) or 0,
        min_keep=value_of(layer, "retention.min_keep", int) or 0,
        full_days=value_of(layer, "retention.full_days", int) or 0,
        max_chain=value_of(layer, "retention.max_chain", int) or 0,
        **{item.name: _days(layer, f"retention.{item.name}") for item in fields(Periods)},
    )


def _days(layer: Layer, key: str) -> Days:
    given = value_of(layer, key, object)
    return FOREVER if given == FOREVER else given if isinstance(given, int) else 0


def _drill(layer: Layer) -> DrillSettings:
    return DrillSettings(
        directory=value_of(layer, "drill.directory", Path),
        assertions=value_of(layer, "drill.assertions", Path),
        masking=value_of(layer, "drill.masking", Path),
        health_check=value_of(layer, "drill.health_check", str) or "",
        keep_failed=value_of(layer, "drill.keep_failed", int) or DrillSettings().keep_failed,
        max_age_days=value_of(layer, "drill.max_age_days", int) or DrillSettings().max_age_days,
    )


def _objective(layer: Layer, scenario: Scenario) -> Objective:
    place = f"objectives.{scenario}"
    rto = value_of(layer, f"{place}.rto_minutes", float) or 0.0
    rpo = value_of(layer, f"{place}.rpo_minutes", float) or 0.0
    return Objective(rto_seconds=rto * 60, rpo_seconds=rpo * 60)


def _strings(layer: Layer, key: str) -> tuple[str, ...]:
    return value_of(layer, key, tuple) or ()


def _incomplete(key: str, meaning: str) -> ConfigurationError:
    return ConfigurationError(f"{key} is missing", hint=f"Give {key}: {meaning}.")


def _origins(layer: Layer, keys: Iterable[str]) -> str:
    return "; ".join(f"{key} is given by {layer[key].origin}" for key in dict.fromkeys(keys) if key in layer) + "."
