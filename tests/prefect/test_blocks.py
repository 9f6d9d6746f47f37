"""Blocks are forms: they keep what a configuration says, give it back unchanged, and show no secret."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import BaseModel, SecretStr, ValidationError

from blocks import (
    BackupRepository,
    BackupStore,
    EncryptionKey,
    Objectives,
    PostgresServer,
    ProtectedSystem,
    Retention,
    Target,
)
from blocks.components import FORMS
from blocks.custody import Custody
from blocks.drill import Drill
from blocks.protected_system import block_name, stored_layer
from blocks.wal import Wal
from dr.configuration import Effective, load
from dr.errors import ConfigurationError
from tasks import runner
from tasks.record import last_record
from tasks.systems import load_system

PARTS: list[type[Block]] = [PostgresServer, BackupRepository, EncryptionKey, Objectives, ProtectedSystem]
ALL: list[type[Block]] = [*PARTS, *FORMS]


@pytest.fixture
def hidden() -> dict[str, str]:
    """Secrets made up for this test, by what they are for."""
    return {name: secrets.token_hex(12) for name in ("password", "passphrase", "key")}


@pytest.fixture
def environ(hidden: dict[str, str]) -> dict[str, str]:
    """A full environment of the guide."""
    return {
        "DATABASE_URL": f"postgresql://app:{hidden['password']}@db:5432/main",
        "BACKUP_ENCRYPTION_KEY": hidden["passphrase"],
        "BACKUP_RETENTION_DAYS": "30",
        "AWS_BACKUP_BUCKET": "copies",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": hidden["key"],
        "AWS_REGION": "eu-west-1",
    }


@pytest.fixture
def from_file(tmp_path: Path, hidden: dict[str, str]) -> Effective:
    """The same secrets, given in clear text in a private file."""
    file = tmp_path / "private.toml"
    file.write_text(
        f"""
[system.clear]
[system.clear.postgres]
url = "postgresql://app:{hidden["password"]}@db:5432/main"
bin_directories = ["/opt/pg/bin"]
[system.clear.encryption]
passphrase = "{hidden["passphrase"]}"
[system.clear.stores.local]
path = "copies"
[system.clear.stores.offsite]
bucket = "copies"
access_key_id = "AKID"
secret_access_key = "{hidden["key"]}"
[system.clear.objectives.database-corruption]
rto_minutes = 7.5
"""
    )
    file.chmod(0o600)
    return load("clear", file=file, environ={})


def stored(client: SyncPrefectClient, name: str, *, include_secrets: bool) -> str:
    """Everything that Prefect's API says about the Blocks of that name."""
    documents = [
        client.read_block_document_by_name(name, kind.get_block_type_slug(), include_secrets=include_secrets)
        for kind in PARTS
    ]
    return json.dumps([document.model_dump(mode="json") for document in documents])


class TestStandards(BlockStandardTestSuite):
    """Prefect's own quality checks of a Block."""

    # It fetches a logo from the Internet; ours have none.
    test_has_a_valid_image = None  # type: ignore[assignment]

    @pytest.fixture(params=ALL, ids=lambda kind: kind.__name__)
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        """Each of ours."""
        kind: type[Block] = request.param
        return kind


@pytest.mark.parametrize(
    "model", [*ALL, BackupStore, Retention, Target, Wal, Drill, Custody], ids=lambda model: model.__name__
)
def test_every_field_makes_a_usable_form(model: type[BaseModel]) -> None:
    """Each has a title and a description, and none is a union, which the form shows as a clumsy toggle."""
    for name, field in model.model_json_schema()["properties"].items():
        # A part that is a form of its own shows that form's title.
        assert field.get("title") or "$ref" in field, name
        assert model.model_fields[name].description, name
        assert "anyOf" not in field, name


def test_a_configuration_survives_its_block(environ: dict[str, str]) -> None:
    """Registered, read back and merged, it is the same system, with the Block as the origin of its values."""
    before = load("main", environ=environ)

    name = ProtectedSystem.from_effective(before).register()
    after = load("main", environ=environ, block_layer=stored_layer("main"))

    assert after.system == before.system
    origins = {row[0]: row[2] for row in after.rows()}
    assert name == "main"
    assert {origins[key] for key in ("postgres.url", "retention.local_days", "stores.cloud.bucket")} == {
        "Block protected-system/main"
    }


def test_every_path_in_a_block_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker begins somewhere else than whoever deploys: defaults and relative paths are settled where they meant."""
    (tmp_path / "url").write_text("postgresql://app@db/main")
    (tmp_path / "url").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    environ = {"DATABASE_URL_FILE": "url", "GNUPGHOME": "gnupg", "DR_ENCRYPTION_RECIPIENTS": "0" * 40}
    given = {"encryption.public_key_file": "keys.asc", "postgres.bin_directories": "pg/bin"}

    block = ProtectedSystem.from_effective(load("main", environ=environ, overrides=given))

    assert block.state_directory == str(tmp_path / "state")
    assert [store.path for store in block.repository.stores] == [str(tmp_path / "backups")]
    assert block.postgres.model_dump()["url_file"] == str(tmp_path / "url")
    assert block.postgres.bin_directories == [str(tmp_path / "pg/bin")]
    assert (block.encryption.gnupg_home, block.encryption.public_key_file) == (
        str(tmp_path / "gnupg"),
        str(tmp_path / "keys.asc"),
    )


def test_secrets_of_the_environment_are_kept_by_reference(
    environ: dict[str, str], hidden: dict[str, str], client: SyncPrefectClient
) -> None:
    """Prefect's database then holds none, however it is asked."""
    ProtectedSystem.from_effective(load("referring", environ=environ)).register()

    everything = stored(client, "referring", include_secrets=True)

    assert not [name for name, value in hidden.items() if value in everything]
    assert all(name in everything for name in ("DATABASE_URL", "BACKUP_ENCRYPTION_KEY", "AWS_SECRET_ACCESS_KEY"))


def test_secrets_in_clear_text_are_stored_and_hidden(
    from_file: Effective, hidden: dict[str, str], client: SyncPrefectClient
) -> None:
    """They come back for the flow, and whoever lists Blocks without asking for secrets sees none."""
    block = ProtectedSystem.from_effective(from_file)
    block.register()

    after = load("clear", environ={}, block_layer=stored_layer("clear"))

    assert after.system == from_file.system
    shown = stored(client, "clear", include_secrets=False) + repr(block)
    assert not [name for name, value in hidden.items() if value in shown]


def test_secrets_from_files_stay_paths(tmp_path: Path, hidden: dict[str, str], client: SyncPrefectClient) -> None:
    """A path to a secret is registered as that path."""
    (tmp_path / "passphrase").write_text(hidden["passphrase"])
    environ = {"DATABASE_URL": "postgresql:///main", "BACKUP_ENCRYPTION_KEY_FILE": str(tmp_path / "passphrase")}
    before = load("filed", environ=environ)

    ProtectedSystem.from_effective(before).register()

    assert load("filed", environ=environ, block_layer=stored_layer("filed")).system == before.system
    everything = stored(client, "filed", include_secrets=True)
    assert hidden["passphrase"] not in everything
    assert str(tmp_path / "passphrase") in everything


def test_registering_twice_changes_nothing_and_an_edit_counts(environ: dict[str, str]) -> None:
    """`dr deploy` can be run again; what a person edits in a part is what the next run uses."""
    block = ProtectedSystem.from_effective(load("twice", environ=environ))
    block.register()
    block.register()

    edited = Objectives(database_corruption=Target(rto_minutes=5, rpo_minutes=1))
    edited.save("twice", overwrite=True)

    layer = stored_layer("twice")
    assert layer is not None
    assert layer["objectives.database-corruption.rto_minutes"].value == 5
    assert layer["retention.local_days"].value == 30


def test_no_block_is_no_layer() -> None:
    """A system that was never registered comes from the file or the environment."""
    assert stored_layer("never-registered") is None


def test_a_block_that_does_not_fit_is_an_error_that_shows_no_secret(
    environ: dict[str, str], hidden: dict[str, str], client: SyncPrefectClient
) -> None:
    """It is not mistaken for a missing one, which would silently protect something else."""
    name = ProtectedSystem.from_effective(load("broken", environ=environ)).register()
    document = client.read_block_document_by_name(name, "encryption-key")
    wrong = {"recipients": hidden["passphrase"], "passphrase": hidden["passphrase"]}
    client.update_block_document(document.id, BlockDocumentUpdate(data=wrong, merge_existing_data=False))

    with pytest.raises(ConfigurationError, match="does not fit") as caught:
        stored_layer("broken")

    assert "recipients" in caught.value.detail
    assert hidden["passphrase"] not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_two_systems_of_nearly_one_name_are_not_mixed_up(environ: dict[str, str]) -> None:
    """Block names know no dots; the Block says which system it means."""
    ProtectedSystem.from_effective(load("billing.eu", environ=environ)).register()

    assert block_name("billing.eu") == block_name("billing_eu") == "billing-eu"
    with pytest.raises(ConfigurationError, match=r"describes the system 'billing\.eu'"):
        stored_layer("billing_eu")


def test_a_secret_given_twice_in_a_form_is_an_error() -> None:
    """Nobody has to guess which of the two is used."""
    block = ProtectedSystem(
        system="main",
        postgres=PostgresServer(url_env="DATABASE_URL", url=SecretStr("postgresql:///main")),
        repository=BackupRepository(),
        encryption=EncryptionKey(),
        objectives=Objectives(),
    )

    with pytest.raises(ConfigurationError, match=r"postgres\.url is given twice"):
        block.layer()


@pytest.mark.incident("I38")
@pytest.mark.parametrize("field", ["local_days", "min_keep", "audit_logs_archive_days"])
def test_i38_a_form_cannot_drop_retention(field: str) -> None:
    """Null and zero are refused where they are typed."""
    for value in (None, 0):
        with pytest.raises(ValidationError):
            Retention.model_validate({field: value})


@pytest.mark.incident("I38")
def test_i38_a_form_cannot_drop_an_objective() -> None:
    """Null and no time at all are refused where they are typed."""
    for wrong in ({"rto_minutes": None, "rpo_minutes": 1}, {"rto_minutes": 0, "rpo_minutes": 1}, None):
        with pytest.raises(ValidationError):
            Objectives.model_validate({"data_center_outage": wrong})


@pytest.mark.incident("I38")
def test_i38_a_flow_uses_the_block_and_keeps_what_was_in_effect(
    environ: dict[str, str], hidden: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block over environment, and the effective configuration is part of the run's record, masked."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ProtectedSystem.from_effective(load("inflow")).register()
    monkeypatch.setenv("BACKUP_RETENTION_DAYS", "3")
    step = runner.task(name="read configuration")(lambda: load_system("inflow").retention.local_days)

    days = runner.flow(name="toy-configuration")(step)()

    record = last_record()
    assert record is not None
    assert (runner.RUNNER, days) == ("prefect", 30)
    assert ("retention.local_days", "30", "Block protected-system/inflow") in record.configuration
    assert not [name for name, value in hidden.items() if value in str(record)]


def test_a_run_keeps_the_configuration_it_began_with(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A Block that is edited in the midst counts from the next run on, also for what keeps the run's record."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ProtectedSystem.from_effective(load("steady")).register()
    seen: list[int] = []

    def look(*_: object) -> None:
        seen.append(load_system("steady").retention.local_days)

    def edited() -> None:
        look()
        ProtectedSystem.from_effective(load("steady", overrides={"retention.local_days": "9"})).register()
        look()

    runner.flow(name="toy-steady", when_done=look)(edited)()
    look()

    assert seen == [30, 30, 30, 9]
