"""pgBackRest, when it is installed: used as its own guide says, archiving included."""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.launch import Account
from dr.pipeline.process import Exit, run
from dr.postgres.account import make_directory

STANZA = "bench"


@dataclass(frozen=True, slots=True)
class PgBackRest:
    """One installation with a configuration of its own; nothing of the machine's pgBackRest is touched."""

    path: str
    version: str
    directory: Path
    data: Path
    account: Account

    @property
    def configuration(self) -> Path:
        return self.directory / "pgbackrest.conf"

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    def argv(self, command: str, *options: str) -> tuple[str, ...]:
        """The command line of one of its commands."""
        return (self.path, f"--config={self.configuration}", f"--stanza={STANZA}", *options, command)

    def run(self, command: str, *options: str) -> Exit:
        """Run one of its commands to the end. Raises ``ToolError`` with its message."""
        ended, output = run(f"pgbackrest {command}", self.argv(command, *options), account=self.account)
        if not ended.ok:
            raise ToolError(f"pgbackrest {command} failed", detail=f"{ended} {output[-2000:]}")
        return ended

    def configure(self, socket: str) -> str:
        """Write the configuration and make the repository; why it cannot serve this server, or nothing."""
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(self._text(socket), encoding="utf-8")
        if self.account.uid is not None and not self.account.namespace:
            shutil.chown(self.configuration, self.account.uid, self.account.gid)
        try:
            self.run("stanza-create")
        except ToolError as error:
            self.configuration.unlink()
            return " ".join(error.detail.split())
        return ""

    def _text(self, socket: str) -> str:
        """zstd 1, AES-256-CBC, two processes; old backups are not expired within the time of a new one."""
        lines = (
            "[global]",
            f"repo1-path={self.repository}",
            "repo1-cipher-type=aes-256-cbc",
            f"repo1-cipher-pass={secrets.token_hex(24)}",
            "compress-type=zst",
            "compress-level=1",
            "process-max=2",
            "start-fast=y",
            "expire-auto=n",
            "log-level-file=off",
            f"lock-path={self.directory}/lock",
            f"log-path={self.directory}/log",
            f"spool-path={self.directory}/spool",
            f"[{STANZA}]",
            f"pg1-path={self.data}",
            f"pg1-socket-path={socket}",
            "pg1-user=postgres",
        )
        return "\n".join(lines) + "\n"


def find_pgbackrest(work: Path, data: Path, account: Account) -> PgBackRest | None:
    """pgBackRest with directories of its own in ``work``, or None where it is not installed."""
    path = shutil.which("pgbackrest")
    if path is None:
        return None
    ended, text = run("pgbackrest version", (path, "version"), deadline_seconds=20)
    match = re.search(r"pgBackRest (\d+\.\d+)", text)
    if not ended.ok or match is None:
        return None
    directory = work / "pgbackrest"
    make_directory(directory, data)
    for name in ("repository", "lock", "log", "spool"):
        make_directory(directory / name, data)
    return PgBackRest(path, match[1], directory, data, account)
