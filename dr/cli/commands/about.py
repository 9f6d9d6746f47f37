"""``dr version`` and ``dr exit-codes``: what this program is, and what its endings mean."""

from __future__ import annotations

from dr import __version__
from dr.cli.exit_codes import rows
from dr.cli.session import Session


def version(session: Session) -> None:
    """Say which version this is.

    Example:
      dr version --json
    """
    session.output.document["version"] = __version__
    session.output.say(f"coreflow360-dr {__version__}")


def exit_codes(session: Session) -> None:
    """List the exit codes and what they mean.

    Example:
      dr exit-codes
    """
    session.output.document["exit_codes"] = rows()
    session.output.table("Exit codes", rows())
