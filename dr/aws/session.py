"""Clients of Amazon's services: time limits, botocore's own retries, and silence about bodies."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from dr.aws.errors import translated
from dr.configuration.components.aws import AwsSettings
from dr.configuration.endpoints import check_endpoint, is_loopback
from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.loaders import Loader
    from botocore.session import Session

ATTEMPTS = 6
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_TALKATIVE = ("botocore", "boto3", "urllib3")


def make_client(
    settings: AwsSettings, section: str, service: str, *, region: str | None = None, attempts: int = ATTEMPTS
) -> BaseClient:
    """A client of ``service`` (``secretsmanager``, ``ec2``, ``rds``) that threads may share; it has not connected.

    ``section`` is where the settings stand (``images``), for messages. ``region`` replaces the settings' own.
    ``attempts`` is how often a request is tried: botocore backs off when it is throttled or gets no answer.
    Raises ``ConfigurationError`` for settings that cannot work or are not safe.
    """
    check_settings(settings, section)
    keep_bodies_out_of_logs()
    import boto3.session
    from botocore.config import Config

    secret = settings.secret_access_key
    endpoint = settings.endpoint_url
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # A proxy of the environment must not see what is meant for this machine.
        proxies={} if endpoint and is_loopback(endpoint) else None,
    )
    with translated(section, f"use {service}"):
        session = boto3.session.Session(
            botocore_session=_botocore_session(),
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.reveal() if secret else None,
            profile_name=settings.profile,
        )
        # mypy's stubs list the services by name; which one, the caller says.
        client: BaseClient = session.client(  # type: ignore[call-overload]
            service, region_name=region or settings.region or session.region_name, endpoint_url=endpoint, config=config
        )
    # boto3 may have taken another endpoint from AWS_ENDPOINT_URL or the profile.
    check_endpoint(f"{section}.endpoint_url", client.meta.endpoint_url)
    return client


@cache
def _loader() -> Loader:
    """Reads botocore's descriptions of the services, once for all clients: EC2's is ten megabytes."""
    from botocore.loaders import create_loader

    return create_loader()


def _botocore_session() -> Session:
    from botocore.session import Session

    session = Session()
    session.register_component("data_loader", _loader())
    return session


def check_settings(settings: AwsSettings, section: str) -> None:
    """Raises ``ConfigurationError`` for half a credential or an endpoint that is not safe; asks nobody."""
    if (settings.access_key_id is None) != (settings.secret_access_key is None):
        raise ConfigurationError(
            "half of the AWS credentials are missing",
            hint=f"Set {section}.access_key_id and {section}.secret_access_key together, or neither to use a profile "
            "or the instance's role.",
        )
    if settings.endpoint_url is not None:
        check_endpoint(f"{section}.endpoint_url", settings.endpoint_url)


def keep_bodies_out_of_logs() -> None:
    """botocore writes whole requests and answers, secrets and user data included, to its loggers at level DEBUG."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.startswith(tuple(f"{talkative}." for talkative in _TALKATIVE)) and isinstance(logger, logging.Logger):
            logger.setLevel(logging.NOTSET if logger.level < logging.INFO else logger.level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger(name).level))
