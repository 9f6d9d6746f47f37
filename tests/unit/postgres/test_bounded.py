"""A server that takes a connection and says nothing holds nobody up, and is not taken for one that has stopped."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from dr.errors import RecoveryFailed, ServerUnreachable
from dr.postgres.bounded import within
from dr.postgres.standby import is_refused, server_role
from dr.secret import Secret


@pytest.fixture
def silent() -> Iterator[Secret]:
    """The address of something that listens and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Secret(f"host=127.0.0.1 port={listener.getsockname()[1]} user=postgres sslmode=disable")


def test_a_frozen_server_is_asked_no_longer_than_the_limit(silent: Secret) -> None:
    """It would be waited for without end."""
    begun = time.monotonic()

    with pytest.raises(ServerUnreachable, match="does not answer"):
        server_role(silent, seconds=0.3)
    assert time.monotonic() - begun < 3


def test_silence_is_no_refusal(silent: Secret) -> None:
    """Only a host that says that nobody listens there says that its server has stopped."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    assert not is_refused(silent)
    assert is_refused(Secret(f"host=127.0.0.1 port={port}"))


def test_answers_and_errors_come_through(silent: Secret) -> None:
    """As without the limit."""

    def failing() -> None:
        raise RecoveryFailed("no")

    assert within(5, silent, lambda: 7) == 7
    with pytest.raises(RecoveryFailed, match="no"):
        within(5, silent, failing)
