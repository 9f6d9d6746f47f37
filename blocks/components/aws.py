"""How Amazon is reached: the fields that the forms of several components share."""

from __future__ import annotations

from abc import ABC

from pydantic import Field, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class AwsForm(ComponentForm, ABC):
    """Without a key or a profile the worker's own way applies: environment, AWS configuration, instance role."""

    region: str = Field(default="", title="AWS region", description="Region to be asked. Empty: the worker's own.")
    endpoint_url: str = Field(
        default="", title="AWS endpoint", description="Address of an endpoint that stands for AWS. Empty: AWS itself."
    )
    profile: str = Field(
        default="",
        title="AWS profile",
        description="Named profile of the worker's AWS configuration, instead of keys.",
    )
    access_key_id: str = Field(
        default="", title="AWS access key id", description="It is no secret. Empty: the profile's, or the worker's own."
    )
    secret_access_key: SecretStr = secret("AWS secret access key", holds="the secret access key")
