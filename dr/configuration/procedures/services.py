"""Settings of one service of the product: what runs it, and what has to run before it.

Several make the application: each is a table of its own, ``services.NAME``. None of them holds a secret: what a service
must know it reads from an environment file, or from its own configuration.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given

DRIVERS = ("systemd", "compose", "kubernetes", "process")
STOP_SIGNALS = ("TERM", "INT", "QUIT", "HUP", "KILL")


def command(raw: object, base: Path) -> tuple[str, ...]:
    """A command as a list of words, or as one line with quotes. It is run without a shell."""
    if not isinstance(raw, str):
        return parsers.words(raw, base)
    try:
        return tuple(shlex.split(raw))
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One service, by the name that the operator gave it. ``after`` names those that have to run before it.

    ``unit`` is what its driver calls it: a unit of systemd, a service of compose, a workload such as deployment/web;
    empty where that is its name. ``releases`` is a directory with one directory per release; ``current`` beside it is
    the link to the one that runs.
    """

    name: str
    driver: str = given(parsers.choice(*DRIVERS), "what runs the service", "systemd")
    after: tuple[str, ...] = given(parsers.words, "services that have to run before this one", ())
    unit: str = given(parsers.text, "systemd unit, compose service or Kubernetes workload (deployment/web)", "")
    user_manager: bool = given(parsers.flag, "systemd: the user's own manager (systemctl --user)", False)
    directory: Path | None = given(parsers.path, "compose: project directory; process: where the command runs")
    files: tuple[Path, ...] = given(parsers.paths, "compose: files of the project, if not compose.yaml", ())
    context: str = given(parsers.text, "kubernetes: context of kubectl's configuration", "")
    namespace: str = given(parsers.text, "kubernetes: namespace", "")
    command: tuple[str, ...] = given(command, "process: the command that is supervised", ())
    environment_file: Path | None = given(parsers.path, "process: file of NAME=value lines, its whole environment")
    user: str = given(parsers.text, "process: account that runs it, where this program is root", "")
    owner_of: Path | None = given(
        parsers.path, "process: run as the owner of this directory, as PostgreSQL wants, where this program is root"
    )
    stop_signal: str = given(parsers.choice(*STOP_SIGNALS), "process: the signal that stops it in order", "TERM")
    releases: Path | None = given(
        parsers.path, "directory of releases, one directory each; 'current' beside it links to the one that runs"
    )
