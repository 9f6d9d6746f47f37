"""The section ``simulation``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

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
