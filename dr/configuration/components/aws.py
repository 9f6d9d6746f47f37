"""How Amazon is reached: settings that several components share. Their classes are derived from this one."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Without a key of its own or a profile, botocore's chain applies: environment, shared files, instance role."""

    region: str | None = given(parsers.text, "AWS region")
    endpoint_url: str | None = given(parsers.text, "address of an endpoint that stands for AWS; empty for AWS itself")
    access_key_id: str | None = given(parsers.text, "AWS access key; empty: the profile's, or the instance's role")
    secret_access_key: Secret | None = given(parsers.secret, "secret of the AWS access key")
    profile: str | None = given(parsers.text, "profile of the AWS configuration files")
