"""Settings of the component ``terraform``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class TerraformSettings:
    """The root modules of Terraform or OpenTofu to protect, and state files that stand for themselves.

    Credentials of a backend come from the environment, as the program itself takes them; ``backend_config`` are files
    that ``init`` is given where the module leaves something of its backend open.
    """

    directories: tuple[Path, ...] = given(parsers.paths, "root modules whose code and state are backed up", ())
    state_files: tuple[Path, ...] = given(parsers.paths, "single state files that are backed up as they are", ())
    workspaces: tuple[str, ...] = given(parsers.words, "workspaces to back up; every one when none is named", ())
    program: str = given(parsers.text, "terraform or tofu, or its path; whichever is found when not given", "")
    backend_config: tuple[Path, ...] = given(parsers.paths, "files with the rest of the backend's configuration", ())
    plan: bool = given(parsers.flag, "whether a plan records how far the real infrastructure has drifted", False)
    timeout_minutes: float = given(parsers.positive_minutes, "how long one command of the program may take", 15.0)
    lock_timeout_minutes: float = given(parsers.minutes, "how long to wait for a state that somebody has locked", 2.0)
