"""``python -m dr.demo.application``: serve until SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading

from dr.demo.application.server import ShopServer
from dr.demo.application.settings import ShopSettings, settings_from
from dr.demo.application.shop import Shop


def main(settings: ShopSettings | None = None) -> int:
    """Serve; the exit status."""
    settings = settings or settings_from()
    server = ShopServer(Shop(settings), settings.port)
    # Not in this thread: shutdown waits for the loop that the signal has interrupted.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stderr.write(f"release {settings.release or 'unknown'} serves port {settings.port}\n")
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
