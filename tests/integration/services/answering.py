"""An application that answers as its path says: well, sick, slowly, never. Prints its port, then serves."""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.strip("/").split("/"):
            case ["status", code]:
                self._send(int(code), "text/plain", "so it is")
            case ["says", word]:
                self._send(200, "application/json", json.dumps({"status": word}))
            case ["list"]:
                self._send(200, "application/json", "[]")
            case ["torn"]:
                self._send(200, "application/json", '{"status": "ok"')
            case ["moved"]:
                self._send(302, "text/plain", "elsewhere")
            case ["never"]:
                time.sleep(600)
            case ["drip"]:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(600):
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.2)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def _send(self, code: int, kind: str, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
