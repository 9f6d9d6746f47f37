"""``dr deploy``: tell the Prefect server what runs when: Blocks, work pool, deployments with their schedules."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dr.cli.output import plain
from dr.cli.runners import RUNNER
from dr.cli.session import Session


def deploy(
    session: Session,
    replace_blocks: Annotated[
        bool, typer.Option("--replace-blocks", help="Make the Blocks anew even where they were edited in the UI.")
    ] = False,
) -> None:
    """Register Blocks, work pool and schedules with Prefect.

    Without --system every system of the configuration file. Can be repeated:
    what is there already is brought up to date. At the end it is checked that
    every schedule has a run to come.

    Example:
      PREFECT_API_URL=http://127.0.0.1:4200/api dr deploy
    """
    os.environ[RUNNER] = "prefect"  # only Prefect's runner makes flows that can be deployed
    from deployments.deploying import deploy as register

    say = session.output.note if session.output.json else session.output.say
    made = register(session.system or None, file=session.config, say=say, replace_blocks=replace_blocks)
    session.output.document["deployed"] = [plain(row) for row in made]
