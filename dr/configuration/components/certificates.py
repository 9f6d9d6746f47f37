"""Settings of the component ``certificates``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret

_LEVELS = 3


@dataclass(frozen=True, slots=True)
class PairFiles:
    """A certificate's chain, the certificate first, and its private key; both may be in one file."""

    chain: Path
    key: Path

    def __str__(self) -> str:
        return f"{self.chain}:{self.key}"


def pairs(raw: object, base: Path) -> tuple[PairFiles, ...]:
    """``chain.pem:key.pem``, several as a list or separated by commas."""
    found = []
    for word in parsers.words(raw, base):
        chain, colon, key = word.partition(":")
        if not colon or not chain or not key or ":" in key:
            raise ValueError(f"must hold pairs such as chain.pem:key.pem, and {word!r} is none")
        found.append(PairFiles(parsers.path(chain, base), parsers.path(key, base)))
    return tuple(found)


def warn_days(raw: object, base: Path) -> tuple[int, ...]:
    """Three numbers of days that fall: for a notice, a warning, and when it is critical."""
    items = raw if isinstance(raw, list | tuple) else parsers.words(raw, base)
    days = tuple(parsers.count(item, base) for item in items)
    if len(days) != _LEVELS or list(days) != sorted(set(days), reverse=True):
        raise ValueError(f"must be three numbers of days that fall, such as 30, 14, 7, not {raw!r}")
    return days


def command(raw: object, base: Path) -> str:
    """A command line. It is run without a shell."""
    line = parsers.text(raw, base)
    try:
        shlex.split(line)
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None
    return line


@dataclass(frozen=True, slots=True)
class CertificatesSettings:
    """Which certificates there are, when somebody should know of their end, and what renews them.

    A directory is one that holds ``privkey.pem`` with ``fullchain.pem`` (or ``cert.pem`` and ``chain.pem``), or one of
    such directories, as ``/etc/letsencrypt/live`` is.
    """

    directories: tuple[Path, ...] = given(
        parsers.paths, "directories of certificates as certbot lays them out: fullchain.pem and privkey.pem", ()
    )
    pairs: tuple[PairFiles, ...] = given(pairs, "certificates elsewhere, each as CHAIN.pem:KEY.pem", ())
    passphrase: Secret | None = given(parsers.secret, "passphrase of the private keys that are encrypted")
    warn_days: tuple[int, ...] = given(
        warn_days, "days before a certificate's end: notice, warning, critical", (30, 14, 7)
    )
    renewal_command: str = given(command, "command that renews certificates which are due; run without a shell", "")
    renewal_minutes: float = given(
        parsers.positive_minutes, "minutes after which certificates.renewal_command is cut off", 10.0
    )
    renew_days: int = given(parsers.count, "days before a certificate's end from which it is due to be renewed", 30)
