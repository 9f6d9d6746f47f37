"""The shop's certificate as certbot lays it out, issued by an authority whose key is forgotten at once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dr.catalog.labels import Kind
from dr.components.certificates.places import CERTIFICATE, CHAIN, FULL_CHAIN, KEY
from dr.configuration.components import ComponentSettings
from dr.configuration.components.certificates import CertificatesSettings
from dr.configuration.model import System
from dr.demo.beside.part import Room
from dr.demo.beside.tree import Seen, TreePart, untimed, write
from dr.operations.component.restore import RestoredComponent

_NAME = "shop.example"
_LEAF, _AUTHORITY = timedelta(days=90), timedelta(days=1800)


class Certificates(TreePart):
    """One certificate with its key and chain."""

    kind = Kind.CERTIFICATES

    def __init__(self, room: Room) -> None:
        super().__init__(room.directory / "certificates" / _NAME)

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        (root,) = self.roots
        return dataclasses.replace(components, certificates=CertificatesSettings(directories=(root.parent,)))

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        (root,) = self.roots
        root.mkdir(mode=0o700)
        for name in (KEY, CERTIFICATE, CHAIN, FULL_CHAIN):
            Path(restored.directory, _NAME, name).rename(root / name)

    def _make(self) -> None:
        (root,) = self.roots
        authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _signed("Demo authority", authority_key, "Demo authority", authority_key, _AUTHORITY, ca=True)
        leaf = _signed(_NAME, key, "Demo authority", authority_key, _LEAF, ca=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write(root / KEY, private)
        write(root / CERTIFICATE, leaf, 0o644)
        write(root / CHAIN, authority, 0o644)
        write(root / FULL_CHAIN, leaf + authority, 0o644)

    def _judged(self, seen: Seen) -> Seen:
        return untimed(seen)


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    lasts: timedelta,
    *,
    ca: bool,
) -> bytes:
    """A certificate as PEM."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_called(name))
        .issuer_name(_called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lasts)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
