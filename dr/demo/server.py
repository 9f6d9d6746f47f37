"""The shop's PostgreSQL server: one address, served from one data directory and after the disaster from another.

Unlike a sandbox it is run as a production is: by its own configuration files, over TCP, with passwords.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from dr.errors import RecoveryFailed, ServerUnreachable
from dr.pipeline.process import Child
from dr.postgres.account import account_for
from dr.postgres.cluster import stop
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from dr.secret import Secret

_BOOT_SECONDS = 120


class Production:
    """The server behind the shop's address. At most one data directory is served at a time."""

    def __init__(self, installation: Installation, url: Secret) -> None:
        self.installation = installation
        self._url = url
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process, while one runs."""
        return self._child.process.pid if self._child is not None else None

    def begin(self, directory: Path) -> float:
        """Serve ``directory``; seconds from the start of the process to the first answer.

        Raises ``RecoveryFailed`` with PostgreSQL's own words when it ends instead.
        """
        if self._child is not None:
            raise RecoveryFailed("the shop's server is running already", hint="Stop it first.")
        begin = time.monotonic()
        argv = (self.installation.program("postgres"), "-D", directory)
        # Without us there is nobody to stop it, so it ends with us, at once and without a checkpoint.
        self._child = Child("postgres", argv, account=account_for(directory), death_signal="QUIT")
        self._wait(directory, begin)
        return time.monotonic() - begin

    def _wait(self, directory: Path, begin: float) -> None:
        while self._child is not None:
            ended = self._child.poll()
            if ended is None and time.monotonic() - begin < _BOOT_SECONDS:
                try:
                    with connected(self._url):
                        return
                except ServerUnreachable:
                    time.sleep(0.02)
                continue
            said = ended.stderr if ended is not None else self._child.stderr_so_far()
            self.crash()
            raise RecoveryFailed(
                f"the server of {directory} does not {'start' if ended else f'answer within {_BOOT_SECONDS} s'}",
                detail=said.strip()[-2000:],
                hint="The message above is PostgreSQL's own.",
            )

    def end(self) -> None:
        """Stop in order: sessions are ended, and what is in memory is written."""
        if self._child is not None:
            stop(self._child)
            self._forget()

    def crash(self) -> None:
        """Stop at once, as a power failure would: nothing is written any more."""
        if self._child is not None:
            self._child.signal(signal.SIGQUIT)
            self._child.wait(20)
            self._forget()

    def kill(self) -> None:
        """SIGKILL for the server and all its sessions: nobody has a chance to send or write anything more."""
        if self._child is not None:
            self._child.kill()
            self._forget()

    def _forget(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
