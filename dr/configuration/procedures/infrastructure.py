"""Settings of the section ``infrastructure``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


def assignments(raw: object, base: Path) -> tuple[str, ...]:
    """Words of the form name=value."""
    pairs = parsers.words(raw, base)
    for pair in pairs:
        if not pair.partition("=")[0].strip() or "=" not in pair:
            raise ValueError(f"must hold variables as name=value, and {pair!r} is none")
    return pairs


@dataclass(frozen=True, slots=True)
class InfrastructureSettings:
    """How machines and networks are made again from their code. Which program does it, ``terraform.program`` says.

    ``variables`` are seen by whoever lists processes: what is secret belongs into a file of ``variable_files``, or into
    the environment as TF_VAR_name.
    """

    directory: Path | None = given(parsers.path, "root module; empty: the one of the terraform backup")
    workspace: str = given(parsers.text, "workspace that is applied", "default")
    variables: tuple[str, ...] = given(
        assignments, "variables of the module as name=value, beside disaster_recovery=true", ()
    )
    variable_files: tuple[Path, ...] = given(parsers.paths, "files with further variables (.tfvars)", ())
    provider_directory: Path | None = given(
        parsers.path, "providers that were fetched beforehand (terraform providers mirror): no registry is asked"
    )
    allow_destroy: bool = given(parsers.flag, "may a plan that destroys or replaces something be applied", False)
    plan_minutes: float = given(parsers.positive_minutes, "how long the preparation and the plan may take", 10.0)
    apply_minutes: float = given(parsers.positive_minutes, "how long the making may take", 60.0)
    lock_wait_minutes: float = given(parsers.minutes, "how long to wait for a state that somebody has locked", 2.0)
