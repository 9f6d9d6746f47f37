"""What stands for ``docker compose`` and ``kubectl`` where no Docker and no cluster can run.

It answers the calls that our drivers make, in the formats that these programs document. Its directory is ``$STAND_IN``;
behind each container is one real process, which the drivers' orders really start and end.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.integration.services.containers import keep
from tests.integration.services.stand_in_compose import compose
from tests.integration.services.stand_in_kubectl import kubectl, remove


def main(arguments: list[str]) -> int:
    """The exit status."""
    match arguments:
        case ["keep", state, how, *argv]:
            keep(Path(state), how == "restart", argv)
        case ["remove", state]:
            remove(Path(state))
        case ["docker", "compose", *words]:
            return compose(words)
        case ["kubectl", *words]:
            return kubectl([word for word in words if not word.startswith(("--request-timeout=", "--namespace="))])
        case _:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
