"""Where the copies lie, as a form: a list of stores.

Prefect's API shows a secret inside a list in clear text, so a store holds references only; secrets that must be kept
in Prefect stand beside the list, by the store's name.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from prefect.types import SecretDict
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from blocks.fields import filled_in, secret_fields, text
from blocks.form import Form
from dr.configuration import Effective
from dr.configuration.model import StoreSettings
from dr.secret import Secret


class BackupStore(BaseModel):
    """One place where copies live: a directory, or a bucket."""

    name: str = Field(title="Name", description="Short name that backups are listed under: local, cloud, offsite.")
    kind: Literal["local", "s3"] = Field(
        default="s3", title="Kind", description="A directory of the worker, or a bucket."
    )
    path: str = Field(default="", title="Directory", description="Local: absolute path on the worker.")
    bucket: str = Field(default="", title="Bucket", description="S3: name of the bucket.")
    prefix: str = Field(default="", title="Prefix", description="S3: key prefix inside the bucket.")
    region: str = Field(default="", title="Region", description="S3: region of the bucket.")
    endpoint_url: str = Field(
        default="", title="Endpoint", description="S3: address of an endpoint that is not Amazon's (MinIO, Ceph, ...)."
    )
    storage_class: str = Field(
        default="", title="Storage class", description="S3: class of new objects. Empty: the bucket's own."
    )
    profile: str = Field(
        default="", title="Profile", description="S3: named profile of the worker's AWS configuration, instead of keys."
    )
    access_key_id: str = Field(default="", title="Access key id", description="S3: access key id; it is no secret.")
    secret_access_key_env: str = Field(
        default="",
        title="Secret access key: environment variable",
        description="S3: name of the environment variable, on the worker, that holds the secret access key. Preferred.",
    )
    secret_access_key_file: str = Field(
        default="",
        title="Secret access key: file",
        description="S3: absolute path, on the worker, of a file that holds the secret access key.",
    )
    checksum: str = Field(
        default="", title="Checksum", description="S3: checksum that the client sends along. Empty: the default."
    )


class BackupRepository(Form):
    """The stores that hold the copies. Several make one repository: each holds the same tree.

    Example:
        Load a stored repository:
        ```python
        from blocks import BackupRepository

        repository = BackupRepository.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Backup Repository"
    _block_type_slug: ClassVar[str] = "backup-repository"
    _description: ClassVar[str] = "The places where copies live: directories and buckets."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html"
    )

    stores: list[BackupStore] = Field(
        default=[], title="Stores", description="The places where copies live. Two, far apart, are the least."
    )
    secret_access_keys: SecretDict = Field(
        default=SecretDict({}),
        title="Secret access keys themselves",
        description="Store name to secret access key, only for stores that can use neither a variable nor a file.",
    )

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, as settings."""
        values: dict[str, object] = {}
        for store in self.stores:
            values |= filled_in(f"stores.{store.name}", store.model_dump(exclude={"name"}))
        for name, secret in self.secret_access_keys.get_secret_value().items():
            values[f"stores.{name}.secret_access_key"] = Secret(str(secret))
        return values

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says; secrets by reference where they are given so."""
        kept: dict[str, str] = {}
        stores = []
        for store in effective.system.stores:
            fields = {**_plain(store), **_secret(effective, store)}
            secret = fields.pop("secret_access_key", None)
            if isinstance(secret, SecretStr):
                kept[store.name] = secret.get_secret_value()
            stores.append(BackupStore.model_validate(fields))
        return cls(stores=stores, secret_access_keys=SecretDict(kept))


def _plain(store: StoreSettings) -> dict[str, object]:
    if store.kind == "local":
        return {"name": store.name, "kind": "local", "path": text(store.path)}
    names = ("name", "kind", "bucket", "prefix", "region", "endpoint_url", "storage_class", "profile", "access_key_id")
    return {**{name: getattr(store, name) or "" for name in names}, "checksum": store.checksum}


def _secret(effective: Effective, store: StoreSettings) -> dict[str, object]:
    """The store's own secret, or the common one that it uses."""
    if store.secret_access_key is None:
        return {}
    own = f"stores.{store.name}.secret_access_key"
    return secret_fields(
        effective.layer, own if own in effective.layer else "aws.secret_access_key", "secret_access_key"
    )
