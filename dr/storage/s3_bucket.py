"""One bucket and how to speak to it: settings checked at once, boto3 loaded and the client made on first use."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dr.configuration.model import StoreSettings
from dr.errors import ConfigurationError
from dr.storage.keys import check_key, check_prefix
from dr.storage.s3_errors import Place, translated

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session
    from types_boto3_s3.client import S3Client

CHECKSUMS = ("sha256", "none")
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_CONNECTIONS = 32


class S3Bucket:
    """A bucket, a prefix in it and a client that threads may share.

    ``attempts`` is how often one request is tried (botocore's standard mode: backoff with jitter), and how often a read
    that is cut goes on. Raises ``ConfigurationError`` for settings that cannot work or are not safe.
    """

    def __init__(self, settings: StoreSettings, attempts: int = 5) -> None:
        self._settings = settings
        self.attempts = attempts
        self._prefix = settings.prefix.strip("/")
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        _check(settings)
        location = f"s3://{settings.bucket}/{self._prefix}".rstrip("/")
        self.place = Place(settings.name, location, settings.endpoint_url or "")
        self.bucket = settings.bucket
        self.storage_class = settings.storage_class
        self.with_checksum = settings.checksum == "sha256"

    @property
    def client(self) -> S3Client:
        with self._lock:
            if self._client is None:
                with self.translated("connect"):
                    self._client = self._connect()
            return self._client

    def object_name(self, key: str) -> str:
        return self._with_prefix(check_key(key))

    def name_prefix(self, prefix: str) -> str:
        return self._with_prefix(check_prefix(prefix))

    def key(self, object_name: str) -> str:
        return object_name[len(self._with_prefix("")) :]

    def translated(self, doing: str, key: str = "") -> AbstractContextManager[None]:
        return translated(self.place, doing, key)

    def _with_prefix(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _connect(self) -> S3Client:
        import boto3.session
        from botocore.config import Config

        settings = self._settings
        endpoint = settings.endpoint_url
        secret = settings.secret_access_key
        session = boto3.session.Session(
            botocore_session=_botocore_session(settings.profile),
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.reveal() if secret else None,
        )
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": self.attempts},
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Newer defaults add a CRC32 as a trailer, which several endpoints refuse; ours is SHA-256 in a header.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # A proxy of the environment must not see what is meant for this machine.
            proxies={} if endpoint and _is_loopback(endpoint) else None,
        )
        region = settings.region or session.region_name or ("us-east-1" if endpoint else None)
        client: S3Client = session.client("s3", region_name=region, endpoint_url=endpoint, config=config)
        # boto3 may have taken another endpoint from AWS_ENDPOINT_URL or the profile.
        check_endpoint(settings.name, client.meta.endpoint_url)
        return client


@cache
def _loader() -> Loader:
    """Reads botocore's descriptions of S3, once for all stores: that is most of the time a client takes to make."""
    from botocore.loaders import create_loader

    return create_loader()


def _botocore_session(profile: str | None) -> Session:
    from botocore.session import Session

    session = Session(profile=profile)
    session.register_component("data_loader", _loader())
    return session


def check_endpoint(store: str, url: str) -> None:
    """Refuse an endpoint that would carry backups or signatures in the clear beyond this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"store {store}: endpoint_url is not an http(s) address",
            hint="Write it as https://host[:port].",
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            f"store {store}: endpoint_url holds credentials",
            hint="Put them into access_key_id and secret_access_key, where they are kept out of messages.",
        )
    if parts.scheme == "http" and not _is_loopback(url):
        raise ConfigurationError(
            f"store {store}: plain http to another machine is refused",
            f"endpoint_url is {url}",
            "Use https://; plain http is for endpoints on this machine only (127.0.0.0/8, ::1, localhost).",
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check(settings: StoreSettings) -> None:
    if not settings.bucket:
        raise ConfigurationError(f"store {settings.name}: no bucket is given", hint="Set the store's bucket.")
    if settings.checksum not in CHECKSUMS:
        raise ConfigurationError(
            f"store {settings.name}: checksum {settings.checksum!r} is not known",
            hint=f"Use one of {', '.join(CHECKSUMS)}.",
        )
    if (settings.access_key_id is None) != (settings.secret_access_key is None):
        raise ConfigurationError(
            f"store {settings.name}: half of the credentials are missing",
            hint="Set access_key_id and secret_access_key together, or neither to use a profile or the role.",
        )
    if settings.endpoint_url is not None:
        check_endpoint(settings.name, settings.endpoint_url)
    if settings.prefix.strip("/"):
        check_key(settings.prefix.strip("/"))
