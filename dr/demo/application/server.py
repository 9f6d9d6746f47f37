"""The application's HTTP side."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from redis.exceptions import RedisError

from dr.demo.application.shop import Shop
from dr.demo.ports import LOOPBACK
from dr.errors import DrError

_LARGEST_BODY = 1 << 20


class ShopServer(ThreadingHTTPServer):
    """Serves one shop on the loopback address. What hangs in a thread does not keep it from ending."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        super().__init__((LOOPBACK, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: ShopServer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Requests are not worth a line each."""

    def _get(self) -> tuple[int, dict[str, object]]:
        shop = self.server.shop
        match self.path:
            case "/api/health":
                well, told = shop.health()
                return (HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE), dict(told)
            case "/api/auth/session":
                cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
                return HTTPStatus.OK, shop.session(cookie.value if cookie is not None else "")
            case "/api/catalogue":
                return HTTPStatus.OK, shop.catalogue()
        return HTTPStatus.NOT_FOUND, {"error": f"there is no {self.path}"}

    def _post(self) -> tuple[int, dict[str, object]]:
        body = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _LARGEST_BODY)))
        match self.path:
            case "/api/orders":
                return HTTPStatus.CREATED, self.server.shop.order(body)
            case "/api/auth/session":
                return HTTPStatus.CREATED, {"token": self.server.shop.sign_in(int(body["user"]))}
        return HTTPStatus.NOT_FOUND, {"error": f"there is no {self.path}"}

    def _answer(self, action: Callable[[], tuple[int, dict[str, object]]]) -> None:
        try:
            status, document = action()
        except (DrError, RedisError, OSError) as error:
            status, document = HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)}
        except (KeyError, ValueError) as error:
            status, document = HTTPStatus.BAD_REQUEST, {"error": repr(error)}
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
