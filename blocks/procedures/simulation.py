"""The section ``simulation``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class Simulation(ComponentForm):
    """Whether disasters may be made on purpose here.

    Example:
        Load what is stored:
        ```python
        from blocks import Simulation

        simulation = Simulation.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Simulation"
    _block_type_slug: ClassVar[str] = "simulation"
    _description: ClassVar[str] = "Whether disasters may be made on purpose here."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    kind: ClassVar[str] = "simulation"

    allowed: bool = Field(
        default=False,
        title="Allowed",
        description="May disasters be made on purpose: on test systems only. Production is refused whatever this says.",
    )
    quarantine: str = Field(
        default="",
        title="Quarantine",
        description="Where a simulated disaster moves what it takes away. Empty: below the state directory.",
    )
    paths: list[str] = Field(
        default=[],
        title="Further paths",
        description="What a full system failure takes besides data, uploads and configuration: releases, certificates.",
    )
    region_services: list[str] = Field(
        default=[],
        title="The region's services",
        description="Those that an outage of the data centre takes down. Empty: all there are.",
    )
    region_paths: list[str] = Field(
        default=[],
        title="The region's paths",
        description="What an outage of the data centre takes besides that: a local store of the same region.",
    )
