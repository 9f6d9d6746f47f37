"""``dr config show``: which settings are in effect, and where each of them comes from."""

from __future__ import annotations

import typer

from dr.cli.runners import effective_configuration
from dr.cli.session import Session, command

app = typer.Typer(
    no_args_is_help=True, help="Look at the configuration.", context_settings={"help_option_names": ["-h", "--help"]}
)


@app.callback()
def configuration() -> None:
    """Look at the configuration."""


def show(session: Session) -> None:
    """Show every setting in effect, its origin, and no secret.

    Example:
      dr config show --system shop
    """
    rows = [
        {"setting": key, "value": value, "origin": origin}
        for key, value, origin in effective_configuration(session, require_encryption=False).rows()
    ]
    session.output.document["settings"] = rows
    session.output.table("Settings in effect", rows)


app.command("show")(command(show))
