"""Bring the programs by which alerting rules are tested out of Debian's packages, without installing these.

Installed, the packages would start daemons. Downloaded and unpacked they start nothing, and an ordinary user can do
it as well. ``python debian_programs.py DIRECTORY`` puts the programs there; without apt it says what to install.
Standard library only: bootstrap.py runs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = {
    "prometheus": ("prometheus", "promtool"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "amtool"),
    "prometheus-node-exporter": ("prometheus-node-exporter",),
}
"""What each package brings."""
TEMPLATES = {"prometheus-alertmanager": Path("share/prometheus/alertmanager")}
"""What Debian's program reads below /usr, where others have it built in; it goes beside the directory of programs."""
PATIENCE = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20")
DEADLINE_SECONDS = 300
ELSEWHERE = "Install Prometheus (with promtool), Alertmanager (with amtool) and node_exporter; have them in PATH."


class Failure(Exception):
    """Why there are no programs."""


def lacking(directory: Path) -> list[str]:
    """Packages of which some program is neither in PATH nor in the directory."""

    def there(program: str) -> bool:
        elsewhere = program.removeprefix("prometheus-").replace("-", "_")  # only Debian calls two of them otherwise
        return bool(shutil.which(program) or shutil.which(elsewhere)) or os.access(directory / program, os.X_OK)

    return [package for package, programs in PROGRAMS.items() if not all(map(there, programs))]


def fetch(packages: list[str], directory: Path) -> None:
    """Put the programs of ``packages`` into the directory, each whole or not at all. Raises ``Failure``."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Failure(f"this machine has no apt. {ELSEWHERE}")
    with tempfile.TemporaryDirectory(prefix="dr-debian-") as name:
        place = Path(name)
        download(packages, place)
        for archive in sorted(place.glob("*.deb")):
            _run(place, "dpkg-deb", "-x", str(archive), str(place / "unpacked"))
        for package in packages:
            if package in TEMPLATES:
                templates = place / "unpacked" / "usr" / TEMPLATES[package]
                shutil.copytree(templates, directory.parent / TEMPLATES[package], symlinks=True, dirs_exist_ok=True)
            for program in PROGRAMS[package]:
                _put(place / "unpacked" / "usr" / "bin" / program, directory / program)


def download(packages: list[str], place: Path, *, of_release: str = "") -> None:
    """By the package lists of this machine; where there are none yet, or old ones, by newer ones of our own.

    ``of_release``: by lists of that release of Debian instead. ``place`` is a directory that has nothing else in it.
    """
    try:
        if of_release:
            raise Failure("this machine's lists are of its own release")
        _run(place, "apt-get", *PATIENCE, "download", *packages)
    except Failure:
        own = (*_lists_of_our_own(place), *_sources_of(of_release, place))
        _run(place, "apt-get", *PATIENCE, *own, "update")
        _run(place, "apt-get", *PATIENCE, *own, "download", *packages)


def _sources_of(release: str, place: Path) -> tuple[str, ...]:
    """Options by which apt takes the machine's own sources as if it were of that release; none for its own."""
    if not release:
        return ()
    parts = place / "sources.list.d"
    parts.mkdir()
    here = next(
        (line.partition("=")[2].strip('"') for line in _os_release() if line.startswith("VERSION_CODENAME=")), ""
    )
    found = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.*")]
    for file in found:
        if here and file.is_file():
            (parts / file.name).write_text(file.read_text().replace(here, release))
    return ("-o", f"Dir::Etc::sourcelist={parts}/sources.list", "-o", f"Dir::Etc::sourceparts={parts}")


def _os_release() -> list[str]:
    return Path("/etc/os-release").read_text().splitlines()


def _lists_of_our_own(place: Path) -> tuple[str, ...]:
    """Options by which apt keeps its lists here: it needs no root then, and waits for nobody's lock."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (place / part).mkdir(parents=True)
    options = (
        f"Dir::State={place}/state",
        "Dir::State::status=/var/lib/dpkg/status",
        f"Dir::Cache={place}/cache",
        # As root apt would give up its rights, and could not write here.
        *(("APT::Sandbox::User=root",) if os.geteuid() == 0 else ()),
    )
    return tuple(word for option in options for word in ("-o", option))


def _run(place: Path, *command: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} was not done after {DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}:\n{done.stdout[-1000:].decode(errors='replace').strip()}")


def _put(source: Path, target: Path) -> None:
    if not source.is_file():
        raise Failure(f"Debian's package holds no {source.name}. {ELSEWHERE}")
    partial = target.with_name(f".{target.name}.partial")
    shutil.copy(source, partial)
    partial.replace(target)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: debian_programs.py DIRECTORY", file=sys.stderr)
        return 2
    directory = Path(arguments[0]).resolve()
    try:
        packages = lacking(directory)
        if packages:
            fetch(packages, directory)
    except (Failure, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
