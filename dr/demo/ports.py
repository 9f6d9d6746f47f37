"""A port that stays ours while nobody listens on it: between the broken server and the recovered one, for instance."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOPBACK = "127.0.0.1"


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free TCP port of the loopback address, bound but not listened on.

    On Linux a server that sets SO_REUSEADDR, as PostgreSQL does, can listen on it all the same, and nobody is given it
    by chance. Elsewhere two sockets cannot share a port, so there it is only free at this moment.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOOPBACK, 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port
