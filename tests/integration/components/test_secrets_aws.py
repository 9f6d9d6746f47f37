"""Secrets of AWS Secrets Manager, as moto plays it: backed up, deleted, put back with their stages.

moto lets anybody in and encrypts nothing: it shows no permissions, no KMS, no rate limits. A proxy before it answers as
AWS does where a test needs those; what AWS itself refuses is not shown.
"""

from __future__ import annotations

import json
import logging
import secrets
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from dr.catalog.labels import Kind
from dr.components.protocol import Laid, PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.components.secrets import SecretsSettings
from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DrError,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    SourceInvalid,
    TargetRefused,
)
from tests.endpoints.faulty import Faulty, Rule, faulty
from tests.endpoints.serving import Endpoint
from tests.integration.components.shelf import Shelf, failed

REGION = "eu-central-1"
DENIED = json.dumps({"__type": "AccessDeniedException", "Message": "not authorized to perform GetSecretValue"})
GONE = json.dumps({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it"})
BINARY = b"\x00\xff\xfe key \x80"


@pytest.fixture(scope="module")
def proxy(moto_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Before moto, one that breaks things."""
    with faulty(tmp_path_factory.mktemp("faulty"), moto_endpoint.url) as running:
        yield running


@pytest.fixture
def client(moto_endpoint: Endpoint) -> Any:
    """To look behind the component's back."""
    return boto3.client(
        "secretsmanager",
        endpoint_url=moto_endpoint.url,
        region_name=REGION,
        aws_access_key_id=moto_endpoint.access_key_id,
        aws_secret_access_key=moto_endpoint.secret_access_key.reveal(),
        config=Config(proxies={}),
    )


@pytest.fixture
def prefix(client: Any) -> str:
    """Two secrets: one rotated once and tagged, one binary."""
    name = f"shop-{secrets.token_hex(4)}/"
    client.create_secret(
        Name=f"{name}db", SecretString=made_up(), Description="the database", Tags=[{"Key": "team", "Value": "shop"}]
    )
    client.put_secret_value(SecretId=f"{name}db", SecretString=made_up())
    client.create_secret(Name=f"{name}db/key", SecretBinary=BINARY)
    return name


def made_up() -> str:
    """A value that is nowhere else."""
    return secrets.token_urlsafe(18)


def with_secrets(shelf: Shelf, endpoint: Endpoint, *prefixes: str, url: str = "", **changes: object) -> Shelf:
    """A system that has the secrets whose names begin so."""
    given: dict[str, object] = {
        "aws": True,
        "region": REGION,
        "endpoint_url": url or endpoint.url,
        "access_key_id": endpoint.access_key_id,
        "secret_access_key": endpoint.secret_access_key,
        "aws_prefixes": prefixes,
    }
    return shelf.with_components(secrets=SecretsSettings(**(given | changes)))  # type: ignore[arg-type]


def put_back(shelf: Shelf, directory: str, *wanted: str) -> Laid:
    """What lies in a directory, into service."""
    component = BY_KIND[Kind.SECRETS].open(shelf.system)
    assert isinstance(component, PutsBack)
    return component.put_back(shelf.manifest(Kind.SECRETS), Path(directory), wanted)


def staged(client: Any, name: str) -> dict[str, Any]:
    """Every stage's value."""
    found: dict[str, Any] = {}
    for version, stages in client.describe_secret(SecretId=name)["VersionIdsToStages"].items():
        value = client.get_secret_value(SecretId=name, VersionId=version)
        found |= dict.fromkeys(stages, value.get("SecretString") or value.get("SecretBinary"))
    return found


@pytest.mark.incident("I21")
def test_deleted_secrets_come_back_with_their_stages(
    shelf: Shelf, moto_endpoint: Endpoint, client: Any, prefix: str
) -> None:
    """Backed up, deleted for good, put back: current and previous values, binary ones, description, tags, ids."""
    before = {name: staged(client, prefix + name) for name in ("db", "db/key")}
    described = client.describe_secret(SecretId=f"{prefix}db")
    shelf = with_secrets(shelf, moto_endpoint, prefix)
    published = shelf.back_up(Kind.SECRETS)
    for name in ("db", "db/key"):
        client.delete_secret(SecretId=prefix + name, ForceDeleteWithoutRecovery=True)

    restored = shelf.restore(Kind.SECRETS)
    probes = shelf.question(Kind.SECRETS, restored)
    laid = put_back(shelf, restored.directory)
    again = put_back(shelf, restored.directory)
    after = client.describe_secret(SecretId=f"{prefix}db")

    assert published.level == "listed"
    assert not failed(probes)
    assert {name: staged(client, prefix + name) for name in ("db", "db/key")} == before
    assert set(before["db"]) == {"AWSCURRENT", "AWSPREVIOUS"}
    assert before["db/key"]["AWSCURRENT"] == BINARY
    assert after["VersionIdsToStages"] == described["VersionIdsToStages"]
    assert after["Description"] == "the database"
    assert after["Tags"] == described["Tags"]
    assert (laid.count, again.count) == (2, 0)


def test_values_lie_in_files_that_hold_nothing_else(
    shelf: Shelf, moto_endpoint: Endpoint, client: Any, prefix: str
) -> None:
    """Text and binary values are written as they are, by secret and stage."""
    shelf = with_secrets(shelf, moto_endpoint, prefix)
    shelf.back_up(Kind.SECRETS)

    directory = Path(shelf.restore(Kind.SECRETS).directory, "aws", prefix)
    some = Path(shelf.restore(Kind.SECRETS, wanted=(f"aws/{prefix}db/key",)).directory)

    assert (directory / "db@AWSCURRENT").read_text() == staged(client, f"{prefix}db")["AWSCURRENT"]
    assert (directory / "db@AWSPREVIOUS").read_text() == staged(client, f"{prefix}db")["AWSPREVIOUS"]
    assert (directory / "db/key@AWSCURRENT").read_bytes() == BINARY
    assert [path.name for path in sorted(some.rglob("*@*"))] == ["key@AWSCURRENT"]


def test_more_secrets_than_a_page_are_all_there(shelf: Shelf, moto_endpoint: Endpoint, client: Any) -> None:
    """AWS lists a hundred at most in one answer."""
    prefix = f"many-{secrets.token_hex(4)}/"
    for number in range(103):
        client.create_secret(Name=f"{prefix}{number:03}", SecretString=made_up())
    shelf = with_secrets(shelf, moto_endpoint, prefix)

    contents = shelf.draft(Kind.SECRETS).manifest.component

    assert contents is not None
    assert contents.items[0].count == 103
    assert contents.items[0].detail == "103 values"


def test_tags_choose_what_is_backed_up(shelf: Shelf, moto_endpoint: Endpoint, prefix: str) -> None:
    """Only what has all of them, key and value."""
    shelf = with_secrets(shelf, moto_endpoint, prefix, aws_tags=("team=shop",))
    contents = shelf.draft(Kind.SECRETS).manifest.component

    assert contents is not None
    assert contents.items[0].count == 1
    with pytest.raises(SourceInvalid, match="no secret"):
        with_secrets(shelf, moto_endpoint, prefix, aws_tags=("team=sho",)).draft(Kind.SECRETS)
    with pytest.raises(ConfigurationError, match="aws_tags"):
        with_secrets(shelf, moto_endpoint, prefix, aws_tags=("team",)).draft(Kind.SECRETS)


def test_another_value_is_never_overwritten_unless_it_is_named(
    shelf: Shelf, moto_endpoint: Endpoint, client: Any, prefix: str
) -> None:
    """Refused before anything is written; named in full, what was there becomes AWSPREVIOUS."""
    shelf = with_secrets(shelf, moto_endpoint, prefix)
    shelf.back_up(Kind.SECRETS)
    kept = staged(client, f"{prefix}db")["AWSCURRENT"]
    client.put_secret_value(SecretId=f"{prefix}db", SecretString="newer")
    client.delete_secret(SecretId=f"{prefix}db/key", ForceDeleteWithoutRecovery=True)
    restored = shelf.restore(Kind.SECRETS)

    with pytest.raises(TargetRefused, match="nothing was written"):
        put_back(shelf, restored.directory)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_secret(SecretId=f"{prefix}db/key")
    put_back(shelf, restored.directory, f"aws/{prefix}db")

    assert staged(client, f"{prefix}db") == {"AWSCURRENT": kept, "AWSPREVIOUS": "newer"}


def test_what_is_to_be_deleted_is_noted(shelf: Shelf, moto_endpoint: Endpoint, client: Any, prefix: str) -> None:
    """AWS gives no value of a secret that waits for its deletion; the copy says how many there are."""
    client.delete_secret(SecretId=f"{prefix}db/key", RecoveryWindowInDays=7)
    shelf = with_secrets(shelf, moto_endpoint, prefix)
    contents = shelf.draft(Kind.SECRETS).manifest.component

    assert contents is not None
    assert contents.facts["aws_to_be_deleted"] == "1"
    assert "aws: 1 secret to be deleted; AWS gives no value of those" in contents.notes
    assert (contents.items[0].count, contents.items[0].detail) == (2, "2 values")


@pytest.mark.parametrize("answer", [DENIED, DENIED.replace("AccessDeniedException", "DecryptionFailure")])
def test_one_unreadable_secret_is_a_warning_with_a_number(
    shelf: Shelf, moto_endpoint: Endpoint, proxy: Faulty, prefix: str, answer: str
) -> None:
    """A missing permission or KMS key for one secret does not hide the others, and is not passed over."""
    shelf = with_secrets(shelf, moto_endpoint, prefix, url=proxy.url)
    proxy.rules(Rule("GetSecretValue", body=f"{prefix}db/key", status=400, answer=answer))
    contents = shelf.draft(Kind.SECRETS).manifest.component
    proxy.rules(Rule("GetSecretValue", status=400, answer=answer))

    assert contents is not None
    assert contents.warnings == ("aws: 1 secret could not be read: permission or KMS key",)
    assert contents.items[0].count == 1
    with pytest.raises(PrivilegeMissing, match="no secret of AWS"):
        shelf.draft(Kind.SECRETS)


def test_a_secret_that_goes_or_changes_while_it_is_read(
    shelf: Shelf, moto_endpoint: Endpoint, proxy: Faulty, prefix: str
) -> None:
    """Gone since the listing: noted. A stage that moves is read again; one that always moves ends as busy."""
    shelf = with_secrets(shelf, moto_endpoint, prefix, url=proxy.url)
    proxy.rules(Rule("DescribeSecret", body=f"{prefix}db/key", status=400, answer=GONE))
    gone = shelf.draft(Kind.SECRETS).manifest.component
    proxy.rules(Rule("GetSecretValue", body=f"{prefix}db/key", status=400, answer=GONE, times=1))
    changed = shelf.draft(Kind.SECRETS).manifest.component
    proxy.rules(Rule("GetSecretValue", body=f'{prefix}db"', replace=("AWSPREVIOUS", "AWSMOVED")))

    assert gone is not None
    assert gone.notes == ("aws: 1 secret disappeared while the backup ran",)
    assert changed is not None
    assert changed.items[0].count == 2
    with pytest.raises(SourceBusy, match="changes whenever"):
        shelf.draft(Kind.SECRETS)


def test_throttling_is_waited_for(shelf: Shelf, moto_endpoint: Endpoint, proxy: Faulty, prefix: str) -> None:
    """botocore asks again; what AWS refuses twice and then answers is in the copy."""
    throttled = json.dumps({"__type": "ThrottlingException", "Message": "Rate exceeded"})
    shelf = with_secrets(shelf, moto_endpoint, prefix, url=proxy.url)
    proxy.rules(Rule("GetSecretValue", status=400, answer=throttled, times=2))
    contents = shelf.draft(Kind.SECRETS).manifest.component

    assert contents is not None
    assert not contents.warnings
    assert contents.items[0].detail == "3 values"


def test_refused_credentials_say_which_settings(
    shelf: Shelf, moto_endpoint: Endpoint, proxy: Faulty, prefix: str
) -> None:
    """The service does not know the key: no retry, and nothing of the key in the message."""
    unknown = json.dumps({"__type": "UnrecognizedClientException", "message": "The security token is invalid."})
    shelf = with_secrets(shelf, moto_endpoint, prefix, url=proxy.url)
    proxy.rules(Rule(".", status=400, answer=unknown))

    with pytest.raises(AuthenticationFailed) as error:
        shelf.draft(Kind.SECRETS)

    assert not error.value.retryable
    assert moto_endpoint.secret_access_key.reveal() not in str(error.value)


def test_settings_that_cannot_work_are_refused_before_anything(shelf: Shelf, moto_endpoint: Endpoint) -> None:
    """Half a credential, or an endpoint that would carry secrets in the clear."""
    for changes in ({"secret_access_key": None}, {"endpoint_url": "http://aws.example.org"}, {"profile": "no-such"}):
        with pytest.raises(ConfigurationError):
            with_secrets(shelf, moto_endpoint, **changes).draft(Kind.SECRETS)  # type: ignore[arg-type]


def test_an_endpoint_that_breaks_off_is_worth_another_try(
    shelf: Shelf, moto_endpoint: Endpoint, proxy: Faulty, prefix: str
) -> None:
    """Answers that end in their midst, said or unsaid: never an empty list, never half a value."""
    shelf = with_secrets(shelf, moto_endpoint, prefix, url=proxy.url)
    for request in ("ListSecrets", "GetSecretValue"):
        for rule in (Rule(request, cut_after=20), Rule(request, end_after=20)):
            proxy.rules(rule)
            with pytest.raises(ServerUnreachable) as error:
                shelf.draft(Kind.SECRETS)

            assert error.value.retryable


@pytest.mark.incident("I21")
def test_no_value_appears_in_logs_errors_or_manifests(
    shelf: Shelf, moto_endpoint: Endpoint, client: Any, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """botocore logs whole bodies at DEBUG: not with our clients, not even where botocore's logger was set to it."""
    value = made_up()
    client.create_secret(Name=f"{prefix}canary", SecretString=value)
    shelf = with_secrets(shelf, moto_endpoint, prefix)
    said: list[str] = []
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "botocore"),
        caplog.at_level(logging.DEBUG, "botocore.parsers"),
    ):
        shelf.back_up(Kind.SECRETS)
        restored = shelf.restore(Kind.SECRETS)
        said += map(str, shelf.question(Kind.SECRETS, restored))
        client.delete_secret(SecretId=f"{prefix}canary", ForceDeleteWithoutRecovery=True)
        put_back(shelf, restored.directory)
        client.put_secret_value(SecretId=f"{prefix}canary", SecretString="other")
        with pytest.raises(TargetRefused) as differing:
            put_back(shelf, restored.directory)
        said += traceback.format_exception(differing.value)
    manifest = repr(shelf.manifest(Kind.SECRETS))
    everything = "\n".join((caplog.text, manifest, repr(shelf.system), *said))

    assert "backing up secrets" in caplog.text
    assert value not in everything
    assert moto_endpoint.secret_access_key.reveal() not in everything
    assert "canary" not in manifest
    assert Path(restored.directory, "aws", f"{prefix}canary@AWSCURRENT").read_text() == value


def test_a_parameter_that_botocore_refuses_is_not_quoted(
    shelf: Shelf, moto_endpoint: Endpoint, prefix: str, client: Any
) -> None:
    """Its own message repeats the parameter: a description of a wrong type stands for a value here."""
    from dr.aws.secrets_manager import SecretsManager

    manager = SecretsManager(with_secrets(shelf, moto_endpoint, prefix).system.components.secrets, "secrets")
    value = made_up()

    with pytest.raises(DrError) as error:
        manager.create(f"{prefix}x", b"v", binary=False, token="t" * 32, text=[value], kms_key="", tags={})  # type: ignore[arg-type]

    assert value not in "".join(traceback.format_exception(error.value))
    assert "parameter" in error.value.message
