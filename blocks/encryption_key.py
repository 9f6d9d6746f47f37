"""To whom backups are encrypted, as a form."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, HttpUrl, SecretStr

from blocks.fields import filled_in, secret_fields, text
from blocks.form import Form
from blocks.secret_field import secret
from dr.configuration import Effective


class EncryptionKey(Form):
    """Who can read the backups: holders of OpenPGP keys, or whoever knows a passphrase.

    Example:
        Load a stored key:
        ```python
        from blocks import EncryptionKey

        key = EncryptionKey.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Encryption Key"
    _block_type_slug: ClassVar[str] = "encryption-key"
    _description: ClassVar[str] = "Who can read the backups: OpenPGP recipients, or a passphrase."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://www.gnupg.org/documentation/manuals/gnupg/OpenPGP-Key-Management.html"
    )

    recipients: list[str] = Field(
        default=[],
        title="Recipients",
        description="Full fingerprints (40 hex digits) of the OpenPGP keys that can read the backups. The backup host"
        " then needs public keys only, and cannot read its own backups.",
    )
    gnupg_home: str = Field(
        default="", title="GnuPG directory", description="GnuPG's directory on the worker. Empty: GnuPG's own default."
    )
    public_key_file: str = Field(
        default="",
        title="Public key file",
        description="Absolute path, on the worker, of a file with the recipients' public keys.",
    )
    secret_key_file: str = Field(
        default="",
        title="Secret key file",
        description="Absolute path of the secret key, only where one restores. The key itself never belongs here.",
    )
    passphrase: SecretStr = secret(
        "Passphrase",
        "At least 12 characters. Kept in Prefect's database, where whoever may call its API can read it,"
        " and lost with it: a reference is preferred.",
        holds="the passphrase",
        file="Absolute path, on the worker, of a file that holds the passphrase. As good as a variable.",
    )

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, as settings."""
        return filled_in("encryption", {name: getattr(self, name) for name in EncryptionKey.model_fields})

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says; secrets by reference where they are given so."""
        encryption = effective.system.encryption
        return cls.model_validate(
            {
                **secret_fields(effective.layer, "encryption.passphrase", "passphrase"),
                "recipients": list(encryption.recipients),
                "gnupg_home": text(encryption.gnupg_home),
                "public_key_file": text(encryption.public_key_file),
                "secret_key_file": text(encryption.secret_key_file),
            }
        )
