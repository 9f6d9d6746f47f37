"""A real Docker engine for tests of Compose: Debian's programs, unpacked and not installed, in directories of its own.

It makes no bridge and no firewall rule. Containers have this machine's network and process numbers, and one program:
busybox. Fetched when it is needed first, for only these tests need it; it stays in the virtual environment.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.pipeline.process import Child
from tools import debian_programs

PACKAGES = ("docker.io", "containerd", "runc", "busybox-static")
COMPOSE = "docker-compose"
NEWER = {"bullseye": "trixie", "bookworm": "trixie"}
"""Where Debian's Compose is of the first generation yet: the release to take it from. It is linked statically."""
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Engine:
    """``variables`` lead ``docker`` to it."""

    variables: dict[str, str]

    def docker(self, *words: str, given: bytes = b"") -> str:
        """``docker`` with these words; what it said."""
        environment = {**os.environ, **self.variables}
        ended = subprocess.run(("docker", *words), env=environment, input=given, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout.decode()

    def clear(self) -> None:
        """No container is left."""
        if found := self.docker("ps", "--all", "--quiet").split():
            self.docker("rm", "--force", *found)


@contextmanager
def engine(*images: str) -> Iterator[Engine]:
    """One that runs, with busybox as each of these images."""
    tree = fetched(Path(sys.prefix) / "docker-engine")
    # Short, because a socket's path may have 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="dr-engine-", dir="/tmp"))
    socket = f"unix://{place}/engine.sock"
    plugins = {"cliPluginsExtraDirs": [str(tree / "usr" / "libexec" / "docker" / "cli-plugins")]}
    (place / "config.json").write_text(json.dumps(plugins))
    path = os.pathsep.join((str(tree / "usr" / "bin"), str(tree / "usr" / "sbin"), os.environ["PATH"]))
    variables = {"PATH": path, "DOCKER_HOST": socket, "DOCKER_CONFIG": str(place)}
    argv = (
        str(tree / "usr" / "sbin" / "dockerd"),
        f"--data-root={place}/data",
        f"--exec-root={place}/run",
        f"--pidfile={place}/pid",
        f"--host={socket}",
        f"--containerd-namespace={place.name}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--storage-driver=vfs",
    )
    try:
        with Child("dockerd", argv, environment=variables) as child:
            made = Engine(variables)
            _wait_until_answering(made, child)
            _furnish(made, tree, images)
            try:
                yield made
            finally:
                made.clear()
                child.signal(signal.SIGTERM)
                child.wait(_SECONDS)
    finally:
        subprocess.run(("umount", place / "run" / "netns" / "default"), capture_output=True, check=False)
        shutil.rmtree(place)


def fetched(tree: Path) -> Path:
    """Debian's programs below ``tree``, whole or not at all."""
    if tree.is_dir():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".docker-engine-", dir=tree.parent) as name:
        place = Path(name)
        for part, packages, codename in ((place / "engine", PACKAGES, ""), (place / "compose", (COMPOSE,), _newer())):
            part.mkdir()
            debian_programs.download(list(packages), part, of_release=codename)
            for archive in sorted(part.glob("*.deb")):
                subprocess.run(("dpkg-deb", "-x", archive, place / "tree"), check=True)
        (place / "tree").rename(tree)
    return tree


def _newer() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return NEWER.get(found.get("VERSION_CODENAME", "").strip('"'), "")


def _wait_until_answering(made: Engine, child: Child) -> None:
    """Where the kernel or a container refuses it cgroups and mounts, it ends at once and says so."""
    deadline = time.monotonic() + _SECONDS
    while not _answers(made.variables):
        if child.poll() is not None:
            pytest.skip(f"not applicable: no Docker engine runs here: {child.stderr_so_far()[-500:]}")
        assert time.monotonic() < deadline, child.stderr_so_far()[-2000:]
        time.sleep(0.1)


def _answers(variables: Mapping[str, str]) -> bool:
    environment = {**os.environ, **variables}
    return subprocess.run(("docker", "info"), env=environment, capture_output=True, check=False).returncode == 0


def _furnish(made: Engine, tree: Path, images: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "bin").mkdir()
        shutil.copy(tree / "bin" / "busybox", root / "bin" / "busybox")
        for program in ("sh", "sleep"):
            (root / "bin" / program).symlink_to("busybox")
        packed = subprocess.run(("tar", "-C", root, "-c", "."), capture_output=True, check=True).stdout
    for image in images:
        made.docker("import", "-", image, given=packed)
