"""Does the private key belong to the certificate, and do the certificates of the chain sign one another?

Everything that is said here of a certificate is public. Nothing of the key but its type is.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dr.errors import SourceInvalid
from dr.secret import Secret

_KEY = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_AGAIN = "Issue it anew, or correct which file is which; this certificate is not backed up until then."


class Match(StrEnum):
    """Whether the key was seen to belong to the certificate. ``CLOSED`` and ``NOT_OPENED`` are encrypted ones."""

    PROVEN = "the key matches"
    CLOSED = "the key is encrypted and certificates.passphrase is not set: not proven to match"
    NOT_OPENED = "certificates.passphrase does not open the key: not proven to match"
    UNSUPPORTED = "the key is of a kind that cannot be read here: not proven to match"


class Chain(StrEnum):
    """How far the certificates of the file sign one another."""

    ROOT = "the chain goes up to its own root"
    ISSUER_ABSENT = "the chain is in order; the issuer of its last certificate is not included"
    ALONE = "the certificate stands alone: its issuer is not included"
    BROKEN = "the chain is not in order"


@dataclass(frozen=True, slots=True)
class Examined:
    """One certificate with its key. ``not_after`` is the earliest end in the chain, roots aside; times are UTC.

    ``fingerprint`` is SHA-256 in lower-case hex, ``serial`` hexadecimal. ``broken`` says where the chain is.
    """

    names: tuple[str, ...]
    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key_type: str
    length: int
    match: Match
    chain: Chain
    broken: str = ""

    @property
    def self_signed(self) -> bool:
        """Issued by nobody but itself: no visitor's browser takes it."""
        return self.issuer == self.subject

    def __str__(self) -> str:
        return (
            f"{', '.join(self.names) or self.subject}; until {self.not_after:%Y-%m-%d %H:%M} UTC; "
            f"issuer {self.issuer}; serial {self.serial}; {self.key_type}; {self.match}; "
            f"{self.chain}{self.broken and f': {self.broken}'}"
        )


def examine(name: str, chain: bytes, key: bytes, passphrase: Secret | None) -> Examined:
    """``chain`` and ``key`` are the files' bytes. Raises ``SourceInvalid`` when the key is not the certificate's."""
    certificates = _certificates(name, chain)
    leaf = certificates[0]
    match = _matched(name, certificates, key, passphrase)
    end, broken = _chained(certificates)
    ends = [item.not_valid_after_utc for item in certificates if item is leaf or item.issuer != item.subject]
    return Examined(
        names=_names(leaf),
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        serial=leaf.serial_number.to_bytes((leaf.serial_number.bit_length() + 7) // 8 or 1).hex().upper(),
        not_before=leaf.not_valid_before_utc,
        not_after=min(ends),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        key_type=_key_type(leaf),
        length=len(certificates),
        match=match,
        chain=end,
        broken=broken,
    )


def _certificates(name: str, data: bytes) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(data)
        for certificate in found:
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SourceInvalid(f"{name} holds no certificate that can be read", str(error), _AGAIN) from None
    return found


def _matched(name: str, certificates: list[x509.Certificate], data: bytes, passphrase: Secret | None) -> Match:
    block = _KEY.search(data)
    if block is None:
        raise SourceInvalid(f"{name} has no private key in PEM form", hint=_AGAIN)
    encrypted = block[1].startswith(b"ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block[0]
    if encrypted and passphrase is None:
        return Match.CLOSED
    password = passphrase.reveal().encode() if encrypted and passphrase else None
    try:
        key = serialization.load_pem_private_key(block[0], password)
    except UnsupportedAlgorithm:
        return Match.UNSUPPORTED
    except (ValueError, TypeError):
        if encrypted:
            return Match.NOT_OPENED
        raise SourceInvalid(f"the private key of {name} cannot be read", hint=_AGAIN) from None
    public = _spki(key.public_key())
    fitting = [number for number, item in enumerate(certificates, 1) if _spki(item.public_key()) == public]
    if fitting[:1] == [1]:
        return Match.PROVEN
    told = f"it belongs to certificate {fitting[0]} of the chain: the order is wrong" if fitting else ""
    raise SourceInvalid(f"the private key of {name} does not belong to its certificate", told, _AGAIN)


def _spki(key: object) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)  # type: ignore[attr-defined,no-any-return]


def _chained(certificates: list[x509.Certificate]) -> tuple[Chain, str]:
    for number, (item, issuer) in enumerate(itertools.pairwise(certificates), 1):
        if not _issued(item, issuer):
            return Chain.BROKEN, f"certificate {number + 1} has not signed certificate {number}"
    last = certificates[-1]
    if _issued(last, last):
        return Chain.ROOT, ""
    return Chain.ALONE if len(certificates) == 1 else Chain.ISSUER_ABSENT, ""


def _issued(item: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        item.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = (str(item) for item in found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _key_type(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")
