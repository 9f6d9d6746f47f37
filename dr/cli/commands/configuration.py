"""``dr config``: which settings are in effect, and what changed in the product's configuration between two backups."""

from __future__ import annotations

from typing import Annotated

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


def diff(
    session: Session,
    before: Annotated[str, typer.Argument(metavar="LABEL", help="The earlier backup of the configuration.")],
    after: Annotated[str, typer.Argument(metavar="[LABEL]", help="The later one; the newest if absent.")] = "latest",
) -> None:
    """Show what changed in the product's configuration from one backup to another.

    Values are hidden unless they are harmless (switches, small numbers,
    durations): of others a fingerprint is shown, equal for equal values.

    Example:
      dr config diff config_20260101_023000 config_20260102_023000
    """
    from dr.operations.component.config_diff import diff_backups

    found = diff_backups(effective_configuration(session).system, before, after)
    rows = [
        {
            "place": _shown(item.place),
            "what": _shown(item.what),
            "how": str(item.how),
            "before": item.before,
            "after": item.after,
        }
        for item in found.changes
    ]
    session.output.document.update(before=found.before, after=found.after, changes=rows, same=found.same)
    session.output.table(f"{found.before} to {found.after}", rows)
    session.output.say(f"{len(rows)} differences; {found.same} files and variables are the same.")


def _shown(text: str) -> str:
    """A path may hold bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()


app.command("show")(command(show))
app.command("diff")(command(diff))
