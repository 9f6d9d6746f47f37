"""Settings of the component ``code``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """The git repositories to protect, as they lie on this host. Their remotes are those that git knows."""

    repositories: tuple[Path, ...] = given(parsers.paths, "git repositories to back up with all their refs", ())
