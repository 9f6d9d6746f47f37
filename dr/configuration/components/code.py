"""Settings of the component ``code``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given

_ADDRESS = re.compile(r"(?:https?|ssh|git|file)://[^\s]+|[A-Za-z0-9][\w.-]*@[A-Za-z0-9][\w.-]*:[^\s]+")


def addresses(raw: object, base: Path) -> tuple[str, ...]:
    """Addresses that git clones from, without a password: it would be in the list of processes."""
    found = parsers.words(raw, base)
    for address in found:
        if re.match(r"[a-z]+://[^/@]*:[^/@]*@", address):
            raise ValueError("must hold no password: let git ask a credential helper, or use a key (ssh://)")
        if not _ADDRESS.fullmatch(address):
            raise ValueError(
                f"must hold addresses such as https://host/team/shop.git or git@host:shop.git: {address!r}"
            )
    return found


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """The git repositories to protect: ``repositories`` lie on this host, ``urls`` are cloned for each backup.

    ``remotes``: how many remotes each repository of this host must have, all of them the same as it.
    """

    repositories: tuple[Path, ...] = given(parsers.paths, "git repositories to back up with all their refs", ())
    urls: tuple[str, ...] = given(addresses, "addresses of git repositories that are cloned and backed up", ())
    remotes: int | None = given(parsers.count, "how many remotes every repository on this host must have")
    remote_timeout_minutes: float = given(parsers.positive_minutes, "how long a remote may take to list its refs", 1.0)
    timeout_minutes: float = given(parsers.positive_minutes, "how long one step over one repository may take", 60.0)
