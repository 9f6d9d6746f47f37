"""Where the demo's alerts arrive: a webhook's receiver on the loopback address, and a page that shows them.

So that a newcomer sees what people would be told, without an account anywhere.
"""

from __future__ import annotations

import html
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dr.demo.ports import LOOPBACK

_LARGEST_BODY = 1 << 20
_KEPT = 200
_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>alerts</title>
<h1>Alerts of the demo system</h1><p>The newest first. This page looks again every 5 seconds.</p>{alerts}
"""


class Inbox(ThreadingHTTPServer):
    """Takes what is posted and appends its text to ``file``; any GET shows the newest."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, file: Path) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self._file = file
        self._lock = threading.Lock()
        self._newest: deque[str] = deque(maxlen=_KEPT)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/"

    def take(self, text: str) -> None:
        """One message."""
        told = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}\n"
        with self._lock:
            self._newest.appendleft(told)
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(f"{told}\n")

    def page(self) -> str:
        """All that is kept, for a browser."""
        with self._lock:
            shown = "".join(f"<pre>{html.escape(told)}</pre><hr>" for told in self._newest)
        return _PAGE.format(alerts=shown or "<p>None so far.</p>")


class _Handler(BaseHTTPRequestHandler):
    timeout = 30
    server: Inbox

    def do_GET(self) -> None:
        self._answer(HTTPStatus.OK, self.server.page())

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _LARGEST_BODY))
        try:
            document = json.loads(body)
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, "not JSON")
            return
        text = document.get("text") if isinstance(document, dict) else None
        self.server.take(str(text) if text else json.dumps(document, indent=1))
        self._answer(HTTPStatus.OK, "ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Requests are not worth a line each."""

    def _answer(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def inbox(file: Path) -> Iterator[Inbox]:
    """One that is open."""
    with Inbox(file) as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True, name="inbox").start()
        try:
            yield made
        finally:
            made.shutdown()
