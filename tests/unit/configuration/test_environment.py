"""The guide's variables, by their exact names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration import load
from dr.errors import ConfigurationError
from dr.policy.objectives import DEFAULT_OBJECTIVES
from tests.unit.configuration.conftest import Known


def test_two_variables_make_a_working_system(tmp_path: Path, known: Known) -> None:
    """DATABASE_URL and BACKUP_ENCRYPTION_KEY are enough: local copies in backups/, encrypted, the guide's promises."""
    system = load(environ=known.environ).system

    assert system.name == "coreflow360"
    assert system.postgres.url.reveal() == known.environ["DATABASE_URL"]
    assert [(store.name, store.kind, store.path) for store in system.stores] == [
        ("local", "local", tmp_path / "backups")
    ]
    assert system.encryption.passphrase is not None
    assert system.encryption.passphrase.reveal() == known.passphrase
    assert (system.retention.local_days, system.retention.min_keep) == (7, 1)
    assert system.objectives == DEFAULT_OBJECTIVES
    assert system.auto_confirm is False


def test_a_bucket_adds_a_cloud_store_in_standard_ia(known: Known) -> None:
    """AWS_BACKUP_BUCKET adds to the local store, with the credentials and region of the environment."""
    environ = known.plus(
        AWS_BACKUP_BUCKET="copies",
        AWS_ACCESS_KEY_ID="AKID",
        AWS_SECRET_ACCESS_KEY=known.password,
        AWS_DEFAULT_REGION="eu-west-1",
    )

    local, cloud = load(environ=environ).system.stores

    assert local.kind == "local"
    assert (cloud.name, cloud.kind, cloud.bucket, cloud.region) == ("cloud", "s3", "copies", "eu-west-1")
    assert (cloud.storage_class, cloud.access_key_id) == ("STANDARD_IA", "AKID")
    assert cloud.secret_access_key is not None
    assert cloud.secret_access_key.reveal() == known.password


def test_another_makers_endpoint_keeps_its_own_storage_class(known: Known) -> None:
    """Endpoints that are not Amazon's may refuse STANDARD_IA."""
    environ = known.plus(AWS_BACKUP_BUCKET="copies", AWS_ENDPOINT_URL="http://127.0.0.1:9000")

    cloud = load(environ=environ).system.stores[1]

    assert (cloud.endpoint_url, cloud.storage_class) == ("http://127.0.0.1:9000", None)


def test_every_variable_arrives(tmp_path: Path, known: Known) -> None:
    """The guide's names and ours each reach their setting."""
    fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567"
    environ = known.plus(
        BACKUP_RETENTION_DAYS="30",
        AUTO_CONFIRM="true",
        DR_SYSTEM="main",
        DR_BACKUP_ROOT="copies",
        DR_STATE_DIRECTORY="/var/lib/dr",
        DR_ENCRYPTION_RECIPIENTS=fingerprint,
        GNUPGHOME="/etc/gnupg",
        NOTIFICATION_WEBHOOK="https://hooks.example/x",
        ALERT_EMAIL="ops@example.org, oncall@example.org",
        ALERT_SMS_WEBHOOK="https://sms.example/x",
    )

    system = load(environ=environ).system

    assert (system.name, system.auto_confirm, system.retention.local_days) == ("main", True, 30)
    assert system.stores[0].path == tmp_path / "copies"
    assert system.state_directory == Path("/var/lib/dr")
    assert (system.encryption.recipients, system.encryption.gnupg_home) == ((fingerprint,), Path("/etc/gnupg"))
    assert system.notifications.emails == ("ops@example.org", "oncall@example.org")
    assert system.notifications.webhook is not None
    assert system.notifications.sms_webhook is not None


def test_a_secret_may_come_as_a_file(tmp_path: Path, known: Known) -> None:
    """The way containers hand secrets over; the last line end is not part of it."""
    (tmp_path / "url").write_text(known.environ["DATABASE_URL"] + "\n")
    environ = {**known.without("DATABASE_URL"), "DATABASE_URL_FILE": str(tmp_path / "url")}

    effective = load(environ=environ)

    assert effective.system.postgres.url.reveal() == known.environ["DATABASE_URL"]
    assert (
        "postgres.url",
        "postgresql://app:********@db:5432/main",
        "environment DATABASE_URL_FILE",
    ) in effective.rows()


@pytest.mark.parametrize("name", ["AWS_BACKUP_BUCKET", "AWS_REGION", "ALERT_EMAIL", "DR_SYSTEM", "DR_CONFIG"])
def test_an_empty_variable_is_an_absent_one(known: Known, name: str) -> None:
    """Compose files pass variables on that are not set."""
    assert load(environ=known.plus(**{name: ""})).system == load(environ=known.environ).system


@pytest.mark.incident("I38")
def test_i38_an_empty_retention_variable_is_an_error(known: Known) -> None:
    """It may well mean that somebody's value got lost on the way."""
    with pytest.raises(ConfigurationError, match=r"retention\.local_days is given and empty"):
        load(environ=known.plus(BACKUP_RETENTION_DAYS=""))


def test_temporary_credentials_are_left_to_boto3(known: Known) -> None:
    """A session token belongs to its key pair; taking two of the three would be refused by the bucket."""
    environ = known.plus(
        AWS_BACKUP_BUCKET="copies",
        AWS_ACCESS_KEY_ID="ASIA",
        AWS_SECRET_ACCESS_KEY=known.password,
        AWS_SESSION_TOKEN=known.password,
    )

    cloud = load(environ=environ).system.stores[1]

    assert (cloud.access_key_id, cloud.secret_access_key) == (None, None)


def test_half_a_key_pair_is_an_error(known: Known) -> None:
    """It would fail later, in the endpoint's words."""
    with pytest.raises(ConfigurationError, match=r"aws\.secret_access_key is missing"):
        load(environ=known.plus(AWS_BACKUP_BUCKET="copies", AWS_ACCESS_KEY_ID="AKID"))


def test_a_misspelt_variable_of_ours_is_an_error(known: Known) -> None:
    """Backups would otherwise go somewhere else in silence."""
    with pytest.raises(ConfigurationError, match="DR_BACKUP_ROT means nothing") as caught:
        load(environ=known.plus(DR_BACKUP_ROT="/copies"))

    assert "DR_BACKUP_ROOT" in caught.value.hint
