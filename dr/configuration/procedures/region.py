"""Settings of the section ``region``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given
from dr.secret import Secret

FENCES = ("service", "command", "ec2", "sql")
"""Every way to keep a server from writing, in the order in which they are tried by default."""


def command(raw: object, base: Path) -> str:
    """A command line that splits into words."""
    line = parsers.text(raw, base)
    try:
        shlex.split(line)
    except ValueError as error:
        raise ValueError(f"must be a command line: {error}") from None
    return line


def fences(raw: object, base: Path) -> tuple[str, ...]:
    """Ways to fence, each once, in the order in which they are to be tried."""
    words = parsers.words(raw, base)
    for word in words:
        if word not in FENCES:
            raise ValueError(f"must hold words of {', '.join(FENCES)}, and {word!r} is none")
    return tuple(dict.fromkeys(words))


@dataclass(frozen=True, slots=True)
class RegionSettings(AwsSettings):
    """Two servers of one cluster, one in each region: where they are, and how either is kept from writing.

    ``primary`` is the first region's, ``standby`` the second's, whichever is in charge at the moment. The addresses are
    the servers' own, not the name that DNS moves; their role must be a superuser. Directories and services are given
    where they are on this host. The AWS settings are of ``fence_instances``.
    """

    primary_url: Secret | None = given(
        parsers.secret, "address of the first region's server itself", check=parsers.check_connection
    )
    primary_directory: Path | None = given(parsers.path, "its data directory, where it is on this host")
    primary_service: str | None = given(parsers.text, "the service that runs it (a name of services.*)")
    standby_url: Secret | None = given(
        parsers.secret, "address of the second region's server itself", check=parsers.check_connection
    )
    standby_directory: Path | None = given(parsers.path, "its data directory, where it is on this host")
    standby_service: str | None = given(parsers.text, "the service that runs it (a name of services.*)")
    services: tuple[str, ...] = given(
        parsers.words, "services of the application in the second region, begun after a failover", ()
    )
    fence: tuple[str, ...] = given(fences, f"how a server is fenced, in this order: {', '.join(FENCES)}", FENCES)
    fence_command: str | None = given(
        command, "command that fences a server; exit status 0: it is fenced. DR_FENCE says which: primary or standby"
    )
    fence_instances: tuple[str, ...] = given(
        parsers.words, "EC2 instances of the first region's server, by id, to be stopped", ()
    )
    witnesses: tuple[str, ...] = given(
        parsers.words, "stores whose majority must be asked before a promotion; empty: any one of all stores", ()
    )
    quiet_minutes: float = given(
        parsers.positive_minutes, "no WAL may have come into any store for this long before a promotion", 1.0
    )
    catch_up_minutes: float = given(parsers.positive_minutes, "how long a replica may take to catch up", 240.0)
