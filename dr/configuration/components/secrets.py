"""Settings of the component ``secrets``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class SecretsSettings(AwsSettings):
    """Where secrets are kept: AWS Secrets Manager, HashiCorp Vault or OpenBao, files. Any of them, or all.

    ``aws_prefixes`` and ``aws_tags`` narrow what is taken of AWS, ``vault_mounts`` of Vault; empty means everything.
    """

    aws: bool = given(parsers.flag, "whether AWS Secrets Manager is backed up (region, keys: below)", False)
    aws_prefixes: tuple[str, ...] = given(parsers.words, "only AWS secrets whose names begin with one of these", ())
    aws_tags: tuple[str, ...] = given(parsers.words, "only AWS secrets that have all these tags, as key=value", ())
    vault_address: str | None = given(parsers.text, "address of Vault or OpenBao, such as https://vault:8200")
    vault_token: Secret | None = given(parsers.secret, "Vault token; read access to what is to be backed up")
    vault_role_id: str | None = given(parsers.text, "AppRole to log in with, instead of a token")
    vault_secret_id: Secret | None = given(parsers.secret, "secret id of that AppRole")
    vault_approle_mount: str = given(parsers.text, "where the AppRole auth method is mounted", "approle")
    vault_namespace: str | None = given(parsers.text, "Vault namespace; its child namespaces are not taken")
    vault_ca_file: Path | None = given(parsers.path, "file with the CA certificates that sign Vault's certificate")
    vault_mounts: tuple[str, ...] = given(parsers.words, "only these key-value mounts; empty: all of them", ())
    vault_snapshot: str = given(
        parsers.choice("auto", "always", "never"),
        "raft snapshot: auto takes one where the storage is raft, always fails without one",
        "auto",
    )
    paths: tuple[Path, ...] = given(parsers.paths, "files, and directories of files, that hold secrets", ())
