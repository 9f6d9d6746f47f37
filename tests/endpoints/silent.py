"""A process that lets everybody connect and never says a word: ``python -m tests.endpoints.silent [PORT]``.

Prints its TCP port. With a port it swallows datagrams there as well: a resolver that never answers.
"""

from __future__ import annotations

import socket
import sys
import time


def main() -> None:
    """Until it is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    kept = []
    if len(sys.argv) > 1:
        swallowing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        swallowing.bind(("127.0.0.1", int(sys.argv[1])))
        kept.append(swallowing)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:  # nobody accepts: the kernel does, and keeps what is sent
        time.sleep(3600)


if __name__ == "__main__":
    main()
