"""Where the product's secrets are kept, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.aws import AwsForm
from blocks.secret_field import secret


class SecretStores(AwsForm):
    """Where secrets are kept: AWS Secrets Manager, HashiCorp Vault or OpenBao, files. Any of them, or all.

    Example:
        Load stored places:
        ```python
        from blocks import SecretStores

        secrets = SecretStores.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Secret Stores"
    _block_type_slug: ClassVar[str] = "secret-stores"
    _description: ClassVar[str] = "Where secrets are kept: AWS Secrets Manager, Vault or OpenBao, files."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://developer.hashicorp.com/vault/docs/commands/operator/raft"
    )
    kind: ClassVar[str] = "secrets"

    aws: bool = Field(
        default=False, title="AWS Secrets Manager", description="Back it up. It is reached by the fields above."
    )
    aws_prefixes: list[str] = Field(
        default=[], title="AWS: names", description="Only secrets whose names begin with one of these. Empty: all."
    )
    aws_tags: list[str] = Field(
        default=[],
        title="AWS: tags",
        description="Only secrets that have all these tags, each as key=value. Empty: all.",
    )
    vault_address: str = Field(
        default="", title="Vault: address", description="Address of Vault or OpenBao, such as https://vault:8200."
    )
    vault_token: SecretStr = secret(
        "Vault: token",
        holds="the token",
        variable="Name of the environment variable, on the worker, that holds a token with read access. Preferred.",
    )
    vault_role_id: str = Field(
        default="", title="Vault: AppRole", description="Role id of the AppRole to log in with, instead of a token."
    )
    vault_secret_id: SecretStr = secret(
        "Vault: secret id",
        holds="the secret id",
        variable="Name of the environment variable, on the worker, that holds the AppRole's secret id. Preferred.",
    )
    vault_approle_mount: str = Field(
        default="approle", title="Vault: AppRole mount", description="Where the AppRole auth method is mounted."
    )
    vault_namespace: str = Field(
        default="", title="Vault: namespace", description="Namespace to back up; its child namespaces are not taken."
    )
    vault_ca_file: str = Field(
        default="",
        title="Vault: CA certificates",
        description="Absolute path of the CA certificates that sign Vault's. Empty: the worker's own.",
    )
    vault_mounts: list[str] = Field(
        default=[], title="Vault: mounts", description="Only these key-value mounts. Empty: all."
    )
    vault_snapshot: Literal["auto", "always", "never"] = Field(
        default="auto",
        title="Vault: raft snapshot",
        description="auto takes one where the storage is raft, always fails without one.",
    )
    paths: list[str] = Field(
        default=[], title="Files", description="Absolute paths of files, and directories of files, that hold secrets."
    )
