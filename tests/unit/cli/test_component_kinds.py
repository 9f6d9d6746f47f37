"""What may be named behind ``--only`` is what the command backs up, and nothing else."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dr.cli.app import app
from dr.cli.commands.components import APPLICATION, INFRASTRUCTURE
from dr.components.registry import ROWS, Part


@pytest.mark.parametrize(
    ("part", "listed"), [(Part.APPLICATION, APPLICATION), (Part.INFRASTRUCTURE, INFRASTRUCTURE)], ids=str
)
def test_the_help_lists_the_kinds_of_its_own_procedure(part: Part, listed: tuple[str, ...]) -> None:
    """In the order in which they are backed up; a further kind of component is noticed here."""
    shown = " ".join(CliRunner().invoke(app, [part.procedure, "--help"], terminal_width=200).output.split())

    assert listed == tuple(str(row.kind) for row in ROWS if row.part is part)
    assert f"({', '.join(listed)})" in shown.replace("│ │ ", "")
