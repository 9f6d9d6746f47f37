"""``dr metrics --push``: what a push gateway is given, and what happens when there is none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dr.errors import NotDelivered
from dr.operations.measure.push import push
from dr.policy.metric import sample

SAMPLES = (sample("storage_up", 1, "shop", "local"), sample("wal_lag_seconds", float("inf"), "shop"))


class _Gateway(ThreadingHTTPServer):
    """Answers as a push gateway does, and keeps what it is given."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Gateway

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""

    def do_PUT(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.given.append((self.command, unquote(self.path), text))
        self.send_response(self.server.status)
        self.end_headers()


@contextmanager
def gateway() -> Iterator[_Gateway]:
    """On loopback."""
    with _Gateway() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_a_gateway_is_given_everything_of_one_system() -> None:
    """In a group of its own, so that another system's measurements stay; what was there is replaced (PUT)."""
    with gateway() as made:
        push(SAMPLES, "shop", made.url)
        ((method, path, text),) = made.given

    found = {item.name: item for family in text_string_to_metric_families(text) for item in family.samples}
    assert (method, path) == ("PUT", "/metrics/job/coreflow360-dr/system/shop")
    assert found["storage_up"].labels == {"system": "shop", "tier": "local"}
    assert found["wal_lag_seconds"].value == float("inf")


def test_a_gateway_that_refuses_or_is_not_there_is_said() -> None:
    """With its address, and as an error that trying again may help."""
    with gateway() as made:
        made.status = 500
        with pytest.raises(NotDelivered, match="did not take the measurements") as refused:
            push(SAMPLES, "shop", made.url)
    with pytest.raises(NotDelivered, match=made.url):
        push(SAMPLES, "shop", made.url)

    assert "500" in refused.value.detail
