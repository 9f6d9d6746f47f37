"""Settings of the component ``config``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class ConfigSettings:
    """What configures the product on this host: files, and variables of the environment.

    A pattern of ``exclude`` is held against a file's name and against its whole path. One of ``environment`` is held
    against the names of this process's variables; ``*`` is all of them.
    """

    paths: tuple[Path, ...] = given(parsers.paths, "configuration files and directories to back up", ())
    exclude: tuple[str, ...] = given(parsers.words, "names or paths below config.paths to leave out; * and ? match", ())
    environment: tuple[str, ...] = given(
        parsers.words, "environment variables of this process to back up, by name; * and ? match", ()
    )
    environment_files: tuple[Path, ...] = given(
        parsers.paths, "files of NAME=value lines to back up: dotenv, EnvironmentFile of systemd", ()
    )
