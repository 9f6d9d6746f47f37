"""One backup of uploads in a process of its own, to be killed or to have rights taken away from it.

Called with the shelf's directory, the key ring, the recipient, the directory of uploads and the size of packs; prints
what the run would report.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.components.files import FilesSettings
from dr.configuration.model import EncryptionSettings
from tests.integration.components.shelf import make_shelf


def main(shelf: str, ring: str, recipient: str, uploads: str, pack_mib: str) -> None:
    """Back up and say how it went."""
    encryption = EncryptionSettings(recipients=(recipient,), gnupg_home=Path(ring))
    settings = FilesSettings(directories=(Path(uploads),), pack_mib=int(pack_mib))
    published = make_shelf(Path(shelf), encryption).with_components(files=settings).back_up(Kind.FILES)
    sys.stdout.write("\n".join(published.problems))


if __name__ == "__main__":
    main(*sys.argv[1:])
