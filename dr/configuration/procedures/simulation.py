"""Settings of the section ``simulation``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """Whether disasters may be made on purpose here.

    ``allowed`` says it for this host; the database has to say it too, and nothing may know it as production.
    ``quarantine`` None: ``quarantine`` below the state directory. ``region_services`` empty: all there are.
    """

    allowed: bool = given(parsers.flag, "may disasters be made on purpose: true on test systems only", False)
    quarantine: Path | None = given(
        parsers.path, "where a simulated disaster moves what it takes away; empty: below the state directory"
    )
    paths: tuple[Path, ...] = given(
        parsers.paths,
        "what a full-system-failure takes besides data, uploads and configuration: releases, certificates",
        (),
    )
    region_services: tuple[str, ...] = given(
        parsers.words,
        "services of the region that a data-center-outage takes down, with their data; empty: all there is",
        (),
    )
    region_paths: tuple[Path, ...] = given(
        parsers.paths, "what a data-center-outage takes besides that: a local store of the same region", ()
    )
