"""``dr``: reads the command line, runs the command, and turns every ending into a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dr.cli.app import read
from dr.cli.failures import report
from dr.cli.interruption import interruptible
from dr.cli.session import Action


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (docs/exit-codes.md)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with interruptible():
        what = read(given)
        return what if isinstance(what, int) else _run(what)


def _run(action: Action) -> int:
    session = action.session
    code = 0
    try:
        with session.output.isolated():
            session.begin()
            action.run()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the boundary: nothing leaves without an explanation
        code = report(error, session)
    session.output.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
