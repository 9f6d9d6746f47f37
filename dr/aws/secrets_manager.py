"""AWS Secrets Manager, as far as a backup and its way back need it: what botocore answers becomes values here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dr.aws.errors import NotThere, translated
from dr.aws.session import ATTEMPTS, make_client
from dr.configuration.components.aws import AwsSettings
from dr.errors import PrivilegeMissing, SourceError


@dataclass(frozen=True, slots=True)
class Description:
    """One secret without its values. ``versions`` are ids with their stages, those that have any.

    ``rotation`` is JSON (function, rules, when it last ran), empty where there is none; ``deletion`` is a time.
    """

    name: str
    arn: str
    text: str
    kms_key: str
    tags: Mapping[str, str]
    versions: Mapping[str, tuple[str, ...]]
    rotation: str
    replicas: tuple[str, ...]
    deletion: str


@dataclass(frozen=True, slots=True)
class Version:
    """One value, with the stages that it had when it was read."""

    id: str
    data: bytes = field(repr=False)
    binary: bool
    stages: tuple[str, ...]
    created: str


class SecretsManager:
    """The secrets of one account and region. Every method raises SourceError, ``NotThere`` where there is none."""

    def __init__(self, settings: AwsSettings, section: str, attempts: int = ATTEMPTS) -> None:
        self._section = section
        self._client: Any = make_client(settings, section, "secretsmanager", attempts=attempts)

    @property
    def region(self) -> str:
        return str(self._client.meta.region_name)

    def names(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Name and tags of every secret, those included that are to be deleted."""
        with translated(self._section, "list the secrets of AWS Secrets Manager"):
            pages = self._client.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
            for page in pages:
                # Not .get: a page that broke off is no empty one.
                for found in page["SecretList"]:
                    yield found["Name"], _tags(found)

    def describe(self, name: str) -> Description:
        with translated(self._section, "describe a secret of AWS Secrets Manager"):
            return _description(self._client.describe_secret(SecretId=name))

    def value(self, name: str, version: str) -> Version:
        with translated(self._section, "read a secret of AWS Secrets Manager"):
            found = self._client.get_secret_value(SecretId=name, VersionId=version)
            binary = "SecretString" not in found
            data = bytes(found["SecretBinary"]) if binary else found["SecretString"].encode()
            stages = tuple(sorted(found.get("VersionStages", ())))
            return Version(found["VersionId"], data, binary, stages, _time(found.get("CreatedDate")))

    def policy(self, name: str) -> str:
        """The resource policy as JSON; empty where there is none, or where we may not ask."""
        try:
            with translated(self._section, "read a secret's resource policy"):
                return str(self._client.get_resource_policy(SecretId=name).get("ResourcePolicy") or "")
        except (PrivilegeMissing, NotThere):
            return ""

    def create(
        self, name: str, data: bytes, *, binary: bool, token: str, text: str, kms_key: str, tags: Mapping[str, str]
    ) -> None:
        """Make a secret that is not there yet; ``token`` becomes its version's id. ``AlreadyThere`` when it is."""
        more: dict[str, Any] = {"KmsKeyId": kms_key} if kms_key else {}
        if text:
            more["Description"] = text
        if tags:
            more["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        with translated(self._section, f"create the secret {name}"):
            self._client.create_secret(Name=name, ClientRequestToken=token, **_content(data, binary), **more)

    def put(self, name: str, data: bytes, *, binary: bool, token: str, stages: Sequence[str]) -> None:
        """Add a version with these stages, which leave whatever version had them."""
        with translated(self._section, f"write the secret {name}"):
            self._client.put_secret_value(
                SecretId=name, ClientRequestToken=token, VersionStages=list(stages), **_content(data, binary)
            )

    def put_policy(self, name: str, policy: str) -> None:
        """Attach a resource policy; AWS refuses one that would let everybody in."""
        with translated(self._section, f"attach the resource policy of {name}"):
            self._client.put_resource_policy(SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True)

    def move_stage(self, name: str, stage: str, version: str) -> None:
        """Give a version a stage that no other has."""
        with translated(self._section, f"label a version of the secret {name}"):
            self._client.update_secret_version_stage(SecretId=name, VersionStage=stage, MoveToVersionId=version)


def is_unreadable(error: SourceError) -> bool:
    """Whether an error is about this one secret: a permission, or a KMS key that is disabled or gone."""
    return isinstance(error, PrivilegeMissing) or "DecryptionFailure" in error.detail


def _description(found: Mapping[str, Any]) -> Description:
    return Description(
        name=found["Name"],
        arn=found["ARN"],
        text=found.get("Description", ""),
        kms_key=found.get("KmsKeyId", ""),
        tags=_tags(found),
        versions={key: tuple(sorted(of)) for key, of in found.get("VersionIdsToStages", {}).items() if of},
        rotation=_rotation(found),
        replicas=tuple(sorted(one["Region"] for one in found.get("ReplicationStatus", ()))),
        deletion=_time(found.get("DeletedDate")),
    )


def _content(data: bytes, binary: bool) -> dict[str, Any]:
    return {"SecretBinary": data} if binary else {"SecretString": data.decode()}


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {one["Key"]: one.get("Value", "") for one in found.get("Tags", ())}


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _rotation(found: Mapping[str, Any]) -> str:
    if not found.get("RotationEnabled") and not found.get("RotationLambdaARN"):
        return ""
    kept = ("RotationEnabled", "RotationLambdaARN", "RotationRules", "LastRotatedDate", "NextRotationDate")
    return json.dumps({key: found[key] for key in kept if key in found}, default=str, sort_keys=True)
