"""Where the local install keeps everything: one directory, for its owner's eyes, that holds no production.

Its processes get an environment without any setting of a real system: a newcomer's shell may well hold the address of
the production database, and the first click in the UI must not reach it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployments.local_parts import MARK, Part
from dr.configuration.environment import OTHER_VARIABLES, VARIABLES
from dr.errors import ConfigurationError

ADDRESS = "127.0.0.1"
USUAL_PORT = 4200
_PORTS_TRIED = 100
_TEMPORARY = "dr-local-"
_NOT_INHERITED = ("PREFECT_", "AWS_", "PG")


class Place:
    """The directory of one local install, and what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.demo_directory = self.directory / "demo"
        self.ready_file = self.directory / "run" / "demo-ready.json"
        self.lock_file = self.directory / "lock"
        self.port_file = self.directory / "run" / "port"
        self._temporary_file = self.directory / "run" / "temporary"
        self.demo = Part("demo", self.directory, patience_seconds=60)
        self.server = Part("server", self.directory, patience_seconds=30)
        self.worker = Part("worker", self.directory, patience_seconds=60)

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which they begin; they end in the opposite one."""
        return (self.demo, self.server, self.worker)

    def make(self) -> None:
        """Create the directory for its owner alone. Raises ConfigurationError when somebody else's is there."""
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            self.directory.chmod(0o700)
            (self.directory / "run").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{self.directory} cannot be used: {error.strerror}",
                hint="It may belong to another user: stop what runs there as that user, or name another --directory.",
            ) from None

    @property
    def mark(self) -> str:
        """What processes of this install carry in their environment; made once."""
        file = self.directory / "mark"
        if not file.exists():
            file.write_text(secrets.token_hex(16), encoding="ascii")
        return file.read_text(encoding="ascii")

    @property
    def port(self) -> int | None:
        """Where the server listens, or did last."""
        try:
            return int(self.port_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    @property
    def temporary(self) -> Path:
        """Our own directory for passing things; made when it is missing.

        Prefect's worker uses a fixed name in the common one, where another user's would be in the way. And it is not in
        our directory, because sockets (GnuPG's) need short paths.
        """
        known = self._temporary()
        if known is None:
            known = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            self._temporary_file.write_text(str(known), encoding="utf-8")
        return known

    def remove_temporary(self) -> None:
        """Remove it with everything that a killed process left in it."""
        known = self._temporary()
        if known is not None:
            shutil.rmtree(known, ignore_errors=True)
        self._temporary_file.unlink(missing_ok=True)

    def _temporary(self) -> Path | None:
        if not self._temporary_file.exists():
            return None
        known = Path(self._temporary_file.read_text(encoding="utf-8"))
        return known if known.name.startswith(_TEMPORARY) and known.is_dir() else None

    def choose_port(self, wanted: int) -> int:
        """``wanted`` or the next free one; kept for later commands."""
        chosen = next((port for port in range(wanted, wanted + _PORTS_TRIED) if _is_free(port)), None)
        if chosen is None:
            raise ConfigurationError(
                f"no port of {wanted} to {wanted + _PORTS_TRIED - 1} is free", hint="Name another with --port."
            )
        self.port_file.write_text(str(chosen), encoding="ascii")
        return chosen

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Ours without what belongs to real systems, plus Prefect's settings for this directory, plus ``extra``."""
        foreign = {*VARIABLES, *(f"{name}_FILE" for name in VARIABLES), *OTHER_VARIABLES}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in foreign and not name.startswith(_NOT_INHERITED)
        }
        return {
            **kept,
            MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "PREFECT_HOME": str(self.directory / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            # A proxy of the operator's cannot reach this machine's loopback.
            "NO_PROXY": f"{ADDRESS},localhost",
            "no_proxy": f"{ADDRESS},localhost",
            **extra,
        }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
