"""moto's server, which stands for Amazon's services here, with what it leaves out: it encrypts copies of images.

EC2 encrypts the snapshots of a copy when that is asked for. moto does not, and a copy that was to be encrypted and is
not is rightly a warning, by which no run would be green. Run as ``python -m dr.demo.moto_stand_in -H 127.0.0.1 -p 0``.

Nothing of EC2 is imported before somebody asks for it: that takes twice as long as all the rest, and most come for S3.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from moto.core.responses import ActionResult
    from moto.ec2.responses.amis import AmisResponse


def _encrypt_copies_of_images() -> None:
    from moto.ec2.responses.amis import AmisResponse

    copy_image = AmisResponse.copy_image

    def copy_encrypted(request: AmisResponse) -> ActionResult:
        answer = copy_image(request)
        if str(request._get_param("Encrypted")).lower() == "true":
            image = cast("Mapping[str, str]", answer.result)["ImageId"]
            request.ec2_backend.amis[image].ebs_snapshot.encrypted = True
        return answer

    AmisResponse.copy_image = copy_encrypted  # type: ignore[assignment, method-assign]  # no other way in


def main(arguments: list[str]) -> None:
    """Serve until it is killed."""
    from moto import backends, server

    # moto asks for a service's backend once, before its first request is answered.
    get_backend: Any = backends.get_backend

    def and_mended(name: str) -> object:
        found = get_backend(name)
        if name == "ec2":
            _encrypt_copies_of_images()
        return found

    backends.get_backend = and_mended  # type: ignore[assignment]
    server.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
