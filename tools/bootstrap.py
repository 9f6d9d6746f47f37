"""Build ``.venv`` once per content of pyproject.toml and constraints.txt, and see that gpg is there.

Prometheus with its companions, which tests need and no wheel brings, go into ``.venv/bin`` (debian_programs.py).

``make`` runs this before everything else, in a fresh clone as in one that is years old, as root or as an ordinary
user, and two at a time: so it holds a lock while it builds, and the stamp inside ``.venv`` is written last. A ``.venv``
without a stamp is an interrupted build and is begun again. Standard library only; nothing is installed yet.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

EXTRAS = "dev,demo"
# What may be missing on a fresh machine, and the package that brings it, by package manager. Debian and its children
# ship the interpreter without ensurepip, in one package per version.
PACKAGES = {
    "gpg": {"apt-get": "gnupg", "dnf": "gnupg2", "apk": "gnupg", "brew": "gnupg"},
    "ensurepip": {"apt-get": f"python{sys.version_info.major}.{sys.version_info.minor}-venv"},
}
WHY = {
    "gpg": "GnuPG (gpg) encrypts every backup",
    "ensurepip": f"{sys.executable} cannot make virtual environments without ensurepip",
}
TEST_PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool", "prometheus-node-exporter")
TRY_AGAIN_SECONDS = 3600
INSTALL: dict[str, tuple[str, ...]] = {
    # Another clone may be installing at this moment: wait for dpkg's lock instead of failing on it.
    "apt-get": ("apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"),
    "dnf": ("dnf", "install", "-y"),
    "apk": ("apk", "add"),
    "brew": ("brew", "install"),
}


class Failure(Exception):
    """What stands in the way and what to do about it, in words for the person who typed ``make``."""


class State(enum.StrEnum):
    """What is to be done about a ``.venv``: nothing, build it, begin again, or bring it up to date in place."""

    READY = "ready"
    ABSENT = "absent"
    INTERRUPTED = "interrupted"
    MOVED = "moved"
    BROKEN = "broken"
    OUTDATED = "outdated"


def say(text: str) -> None:
    print(f"bootstrap: {text}", flush=True)


def wanted(root: Path) -> dict[str, str]:
    """The stamp that a finished build of ``root`` carries. Settings of tools do not count: they install nothing."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = {
        "build-system": project.get("build-system"),
        "project": project.get("project"),
        "setuptools": project.get("tool", {}).get("setuptools"),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    digest.update((root / "constraints.txt").read_bytes())
    return {"content": digest.hexdigest(), "place": str(root)}


def state(root: Path) -> State:
    """Compare ``.venv`` with what is wanted. Scripts in a venv carry its absolute path, so a moved one is useless."""
    venv = root / ".venv"
    if not (venv.exists() or venv.is_symlink()):
        return State.ABSENT
    try:
        built = json.loads((venv / ".built").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return State.INTERRUPTED
    now = wanted(root)
    if built.get("place") != now["place"]:
        return State.MOVED
    if not os.access(venv / "bin" / "python", os.X_OK):
        return State.BROKEN
    return State.READY if built == now else State.OUTDATED


@contextlib.contextmanager
def lock(root: Path) -> Iterator[int]:
    """Hold the clone's build lock and give its file descriptor.

    The installer inherits the descriptor, so that killing this process does not free the lock while an orphaned
    installer still writes into ``.venv``.
    """
    path = root / ".bootstrap.lock"
    flags = os.O_RDWR | os.O_CREAT if not path.exists() or os.access(path, os.W_OK) else os.O_RDONLY
    handle = os.open(path, flags, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is building .venv here; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def missing(found: State) -> list[str]:
    """What this machine lacks for the work ahead: keys of ``PACKAGES``."""
    lacks = [] if shutil.which("gpg") else ["gpg"]
    if found is not State.READY and not shutil.which("uv") and importlib.util.find_spec("ensurepip") is None:
        lacks.append("ensurepip")
    return lacks


def install(lacks: list[str]) -> None:
    """Install system packages where this user may, else raise ``Failure`` with the very command to run."""
    why = "; ".join(f"{WHY[thing]}, and it is missing" for thing in lacks)
    tool = next(
        (tool for tool in INSTALL if shutil.which(tool) and all(tool in PACKAGES[thing] for thing in lacks)), ""
    )
    if not tool:
        raise Failure(f"{why}.\nInstall it with this machine's package manager, then run make again.")
    packages = [PACKAGES[thing][tool] for thing in lacks]
    by_hand = f"{tool} {INSTALL[tool][1]} {' '.join(packages)}"
    prefix: tuple[str, ...] = ("env", "DEBIAN_FRONTEND=noninteractive")
    if os.geteuid() != 0 and tool != "brew":
        by_hand = f"sudo {by_hand}"
        prefix = ("sudo", "-n", *prefix)
        if not (shutil.which("sudo") and attempt("sudo", "-n", "true") is None):
            raise Failure(f"{why}.\nRun this, then make again:\n    {by_hand}")
    say(f"{why}; running {by_hand}")
    complaint = attempt(*prefix, *INSTALL[tool], *packages)
    if complaint is not None and tool == "apt-get":  # a fresh machine has no package lists yet, or old ones
        complaint = attempt(*prefix, tool, "update") or attempt(*prefix, *INSTALL[tool], *packages)
    if complaint is not None:
        raise Failure(f"{complaint}\n{why}, and installing failed (above).\nRun this, then make again:\n    {by_hand}")


def attempt(*command: str) -> str | None:
    """Run a command: None when it succeeded, else the end of what it said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else done.stdout[-2000:].decode(errors="replace")


def base_python() -> str:
    """The interpreter outside any venv, so that .venv does not depend on the one it replaces."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def run(log: Path, lock_handle: int, *command: str) -> None:
    """Run one step of the build with its output in ``log``; raises ``CalledProcessError``."""
    with log.open("ab") as out:
        subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, pass_fds=(lock_handle,)
        )


def remove(venv: Path) -> None:
    if venv.is_symlink():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)


def with_uv(venv: Path, log: Path, handle: int) -> None:
    python = str(venv / "bin" / "python")
    if not venv.exists():
        run(log, handle, "uv", "venv", "--python", base_python(), str(venv))
    pip = ("uv", "pip", "install", "--python", python, "--compile-bytecode", "-c", "constraints.txt")
    run(log, handle, *pip, "setuptools>=77")
    run(log, handle, *pip, "--no-build-isolation", "-e", f".[{EXTRAS}]")


def with_pip(venv: Path, log: Path, handle: int) -> None:
    python = str(venv / "bin" / "python")
    if not (venv / "bin" / "pip").exists():  # uv makes them without
        remove(venv)
        run(log, handle, base_python(), "-I", "-m", "venv", str(venv))
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-c", "constraints.txt")
    run(log, handle, *pip, "setuptools>=77")
    run(log, handle, *pip, "--no-compile", "--no-build-isolation", "-e", f".[{EXTRAS}]")
    # pip compiles on one core, this on all. A package may ship files that no Python compiles: that is not our failure.
    with contextlib.suppress(subprocess.CalledProcessError):
        run(log, handle, python, "-m", "compileall", "-q", "-j", "0", str(venv / "lib"))


def build(root: Path, found: State, handle: int) -> None:
    """Make or update ``.venv``; the stamp goes first and comes last, so that a killed build never looks finished."""
    venv, log = root / ".venv", root / ".bootstrap.log"
    stamp = wanted(root)
    log.write_bytes(b"")
    (venv / ".built").unlink(missing_ok=True)
    (venv / ".programs-tried").unlink(missing_ok=True)
    if found is not State.OUTDATED:
        remove(venv)
    begun = time.monotonic()
    done = shutil.which("uv") is not None and built_with(with_uv, root, found, handle)
    if not (done or built_with(with_pip, root, found, handle)):
        raise Failure(f"building .venv failed (above). The whole output: {log}")
    partial = venv / ".built.partial"
    partial.write_text(json.dumps(stamp), encoding="utf-8")
    partial.replace(venv / ".built")
    say(f"built .venv in {time.monotonic() - begun:.0f} s")


def built_with(tool: Callable[[Path, Path, int], None], root: Path, found: State, handle: int) -> bool:
    """Build with one tool; when it fails, show the end of its output and leave nothing of it."""
    venv, log = root / ".venv", root / ".bootstrap.log"
    name = tool.__name__.removeprefix("with_")
    say(f"building .venv with {name} and {base_python()} (it is {found}); this takes a minute or two")
    try:
        tool(venv, log, handle)
    except subprocess.CalledProcessError as error:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        print("\n".join(tail), file=sys.stderr, flush=True)
        say(f"{name} could not do it: {' '.join(error.cmd)}")
        remove(venv)
        return False
    return True


def bootstrap(root: Path) -> None:
    """Leave a ready ``.venv`` and a gpg behind, or raise ``Failure``."""
    if state(root) is State.READY and shutil.which("gpg"):
        return
    if not os.access(root, os.W_OK):
        raise Failure(f"{root} belongs to somebody else; clone the repository into a directory of your own.")
    with lock(root) as handle:
        found = state(root)
        lacks = missing(found)
        if lacks:
            install(lacks)
        if found is State.READY:
            return
        if found is not State.ABSENT and not os.access(root / ".venv", os.W_OK):
            raise Failure(
                f"{root}/.venv is {found} and belongs to somebody else.\n"
                "Remove it (sudo rm -rf .venv) or use a clone of your own."
            )
        build(root, found, handle)


def programs_for_tests(root: Path) -> None:
    """Have programs that only tests need. Everything else works without them: failing is said, loudly, and no failure.

    It is tried again with the next build, and otherwise once an hour: whoever is offline need not wait each time.
    """
    directory, tried = root / ".venv" / "bin", root / ".venv" / ".programs-tried"
    # Debian's name, and everybody else's.
    names = {name: name.removeprefix("prometheus-").replace("-", "_") for name in TEST_PROGRAMS}
    if all(shutil.which(a) or shutil.which(b) or os.access(directory / a, os.X_OK) for a, b in names.items()):
        return
    if tried.exists() and 0 <= time.time() - tried.stat().st_mtime < TRY_AGAIN_SECONDS:
        return
    if not os.access(directory, os.W_OK):
        return
    with lock(root):
        say("fetching Prometheus, Alertmanager and node exporter for the tests")
        complaint = attempt(sys.executable, "-I", str(root / "tools" / "debian_programs.py"), str(directory))
        if complaint is None:
            return
        tried.touch()
    say(f"NO {', '.join(TEST_PROGRAMS).upper()}: {complaint.strip()}")
    say("Tests of alerting rules and dashboards CANNOT run without them, and fail in CI and in make test.")


def main(arguments: list[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    os.chdir(root)
    if arguments == ["--state"]:
        print(state(root))
        return 0
    try:
        bootstrap(root)
        programs_for_tests(root)
    except Failure as failure:
        print(f"bootstrap: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; the next make begins .venv again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
