"""moto's server, which stands for Amazon's services here, with what it leaves out: it encrypts copies of images.

EC2 encrypts the snapshots of a copy when that is asked for. moto does not, and a copy that was to be encrypted and is
not is rightly a warning, by which no run would be green. Run as ``python -m dr.demo.moto_stand_in -H 127.0.0.1 -p 0``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import cast

from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.server import main

_copy_image = AmisResponse.copy_image


def _copy_encrypted(request: AmisResponse) -> ActionResult:
    answer = _copy_image(request)
    if str(request._get_param("Encrypted")).lower() == "true":
        image = cast("Mapping[str, str]", answer.result)["ImageId"]
        request.ec2_backend.amis[image].ebs_snapshot.encrypted = True
    return answer


if __name__ == "__main__":
    AmisResponse.copy_image = _copy_encrypted  # type: ignore[assignment, method-assign]  # no other way in
    main(sys.argv[1:])
