"""One backup of application logs in a process of its own, to have rights taken away from it.

Called with the shelf's directory, the key ring, the recipient and the directory of logs; prints what the run reports.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.components.logs import LogsSettings
from dr.configuration.model import EncryptionSettings
from tests.integration.components.shelf import make_shelf


def main(shelf: str, ring: str, recipient: str, logs: str) -> None:
    """Back up and say how it went."""
    encryption = EncryptionSettings(recipients=(recipient,), gnupg_home=Path(ring))
    settings = LogsSettings(application=(Path(logs),))
    (published,) = make_shelf(Path(shelf), encryption).with_components(logs=settings).back_up_all(Kind.LOGS)
    sys.stdout.write("\n".join(published.problems))


if __name__ == "__main__":
    main(*sys.argv[1:])
