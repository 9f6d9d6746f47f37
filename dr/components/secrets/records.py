"""What is stored of secrets: one document per source with the values in plain, and one index with their hashes.

The documents are objects of the backup, so they are encrypted; the manifest beside them is not, and holds a hash over
each object's bytes. The salt in every document keeps that hash, and the digest in the manifest, from telling anybody
who guesses a value that he guessed right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import msgspec

from dr.errors import BackupInvalid
from dr.secret import Secret

FORMAT_VERSION = 1
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Held:
    """One value of a secret. ``name`` is unique within the secret, and names its file.

    ``value`` is the text itself, or base64 of what is no text (``binary``). ``stages`` are the labels of an AWS
    version, ``version`` its id or number.
    """

    name: str
    value: Secret
    binary: bool = False
    version: str = ""
    stages: tuple[str, ...] = ()
    created: str = ""

    def plain(self) -> bytes:
        """The value's bytes."""
        text = self.value.reveal()
        try:
            return base64.b64decode(text, validate=True) if self.binary else text.encode()
        except (binascii.Error, UnicodeEncodeError):
            raise BackupInvalid(f"value {self.name} of a secret is not what it says it is") from None


def held(
    name: str,
    data: bytes,
    *,
    binary: bool = False,
    version: str = "",
    stages: Sequence[str] = (),
    created: str = "",
) -> Held:
    """A value from its bytes: text where it is UTF-8, base64 otherwise or where its place calls it ``binary``."""
    text = ""
    if not binary:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            binary = True
    if binary:
        text = base64.b64encode(data).decode()
    return Held(name, Secret(text), binary, version, tuple(stages), created)


@dataclass(frozen=True, slots=True)
class AwsAbout:
    """What AWS Secrets Manager knows of a secret beside its values.

    ``rotation`` and ``policy`` are JSON as AWS gives it; ``replicas`` are regions; ``deletion`` is when it is to be
    deleted: such a secret has no value that can be read.
    """

    arn: str
    description: str = ""
    kms_key: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    rotation: str = ""
    replicas: tuple[str, ...] = ()
    policy: str = ""
    deletion: str = ""


@dataclass(frozen=True, slots=True)
class VaultAbout:
    """What Vault knows beside the value. ``kind`` is ``kv2``, ``kv1``, ``policy`` or ``auth``.

    ``metadata`` is KV v2's own JSON: every version's number, when it was made, deleted or destroyed. ``deleted`` is
    when the current version was: it has no value then.
    """

    kind: str
    mount: str = ""
    path: str = ""
    metadata: str = ""
    deleted: str = ""


@dataclass(frozen=True, slots=True)
class FileAbout:
    """Where a file lay and whose it was."""

    path: str
    mode: int
    user: int
    group: int
    modified: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret: its path within the source, its values, and what else is known, by the source's kind."""

    path: str
    values: tuple[Held, ...]
    aws: AwsAbout | None = None
    vault: VaultAbout | None = None
    file: FileAbout | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Everything of one source."""

    source: str
    entries: tuple[Entry, ...]
    salt: str
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One value by its hash. ``file`` is where a restore lays it, relative to its directory."""

    source: str
    path: str
    name: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Index:
    """The hashes of all values of a backup."""

    values: tuple[Fingerprint, ...]
    salt: str
    format_version: int = FORMAT_VERSION


def new_salt() -> str:
    """256 bits that nobody guesses."""
    return secrets.token_hex(32)


def digest_of(data: bytes) -> str:
    """SHA-256, for the encrypted index only."""
    return hashlib.sha256(data).hexdigest()


def salted_digest(document: Document) -> str:
    """Over every value of a document, keyed by its salt: may stand in a manifest."""
    lines = sorted(
        f"{entry.path}\0{value.name}\0{digest_of(value.plain())}\n"
        for entry in document.entries
        for value in entry.values
    )
    return hashlib.blake2b("".join(lines).encode(), key=bytes.fromhex(document.salt), digest_size=32).hexdigest()


def canonical_json(raw: bytes) -> bytes:
    """JSON with sorted names and no spaces, every number as exact as it came: two servers' answers can be compared.

    >>> canonical_json(b'{"b": 1.10, "a": 12345678901234567890123}')
    b'{"a":12345678901234567890123,"b":1.10}'
    """
    return _exact.encode(json.loads(raw, parse_float=Decimal))


def encode(record: Document | Index) -> bytes:
    """As it is stored: indented JSON, values in plain."""
    return msgspec.json.format(_encoder.encode(record), indent=1) + b"\n"


def decode_document(data: bytes) -> Document:
    """Raises ``BackupInvalid``; its words never quote the document."""
    return _checked(_document, data)


def decode_index(data: bytes) -> Index:
    """Raises ``BackupInvalid``."""
    return _checked(_index, data)


def without_values(document: Document) -> Document:
    """The same, to lie beside the values' files: which values there are, and everything that is no secret."""
    entries = tuple(
        Entry(
            entry.path,
            tuple(Held(one.name, Secret(""), one.binary, one.version, one.stages, one.created) for one in entry.values),
            entry.aws,
            entry.vault,
            entry.file,
        )
        for entry in document.entries
    )
    return Document(document.source, entries, document.salt)


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"cannot store {type(value).__name__}")


def _conceal(kind: type, value: object) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"cannot read {kind.__name__}")


_exact = msgspec.json.Encoder(order="sorted", decimal_format="number")
_encoder = msgspec.json.Encoder(enc_hook=_reveal)


_document = msgspec.json.Decoder(Document, dec_hook=_conceal)
_index = msgspec.json.Decoder(Index, dec_hook=_conceal)


T = TypeVar("T", Document, Index)


def _checked(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    failed = ""
    try:
        record = decoder.decode(data)
        if record.format_version == FORMAT_VERSION:
            return record
        failed = f"format version {record.format_version}, and this program reads {FORMAT_VERSION}"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        failed = type(error).__name__
    # Outside of the handler: the decoder's own words may quote what it read.
    raise BackupInvalid("a document of the backup of secrets cannot be read", failed, "Use another copy.")
