"""A backup host in a test: its environment, and processes that run procedures on it, as the CLI does."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from dr.configuration.loading import DEFAULT_SYSTEM
from dr.secret import Secret
from tests.quick_key import quick_encryption

PROGRAM = """
import json, sys
from importlib import import_module
from dr.errors import DrError
from tasks.runner import RUNNER, last_record
call = json.loads(sys.argv[1])
name = call.pop("flow")
flow = getattr(import_module(f"flows.{name}"), name)
result = {"runner": RUNNER, "error": None, "message": "", "detail": ""}
try:
    flow(**{key: tuple(value) if isinstance(value, list) else value for key, value in call.items()})
except DrError as error:
    result |= {"error": type(error).__name__, "message": error.message, "detail": error.detail}
record = last_record()
result["steps"] = [step.name for step in record.steps]
result["artifacts"] = {item.key: [dict(row) for row in item.rows] or item.text for item in record.artifacts}
print(json.dumps(result))
"""


class Host:
    """A backup host. ``directory`` holds its repository, its state and its configuration."""

    def __init__(self, url: Secret, directory: Path) -> None:
        self.directory = directory
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DR_", "PREFECT_", "AWS_"))}
        self.environment = {
            **kept,
            "DR_RUNNER": "plain",
            "DR_RETRY_BASE_SECONDS": "0.05",
            "DATABASE_URL": url.reveal(),
            "DR_BACKUP_ROOT": str(directory / "backups"),
            "DR_STATE_DIRECTORY": str(directory / "state"),
            "DR_CONFIG": str(directory / "dr.toml"),
        }
        self._settings, self._system, self._quick = "", DEFAULT_SYSTEM, True
        self._write()

    def configure(self, text: str) -> None:
        """Settings that no variable gives, for the system ``shop``."""
        self.environment["DR_SYSTEM"] = "shop"
        self._settings, self._system = text, "shop"
        self._write()

    def use_passphrase(self) -> str:
        """Encrypt with a passphrase instead of this run's key; the passphrase."""
        self.environment["BACKUP_ENCRYPTION_KEY"] = secrets.token_hex(16)
        self._quick = False
        self._write()
        return self.environment["BACKUP_ENCRYPTION_KEY"]

    def _write(self) -> None:
        key = quick_encryption()
        section = (
            f"[system.{self._system}.encryption]\nrecipients = {json.dumps(key.recipients)}\n"
            f"gnupg_home = {json.dumps(str(key.gnupg_home))}\n"
        )
        (self.directory / "dr.toml").write_text(self._settings + (section if self._quick else ""))

    def begin(self, flow: str, **arguments: object) -> subprocess.Popen[str]:
        """Start a procedure by its name."""
        call = json.dumps({"flow": flow, **arguments})
        return subprocess.Popen(
            (sys.executable, "-c", PROGRAM, call),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for it and read what it says."""
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert result["runner"] == "plain"
        return result

    def run(self, flow: str, **arguments: object) -> dict[str, Any]:
        """Start it and wait for it."""
        return self.end(self.begin(flow, **arguments))

    def files(self, pattern: str) -> list[Path]:
        """What lies in the repository."""
        return sorted((self.directory / "backups").rglob(pattern))
