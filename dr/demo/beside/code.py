"""The shop's repository, with branches, tags and notes, and the two remotes that have the same."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path

from dr.catalog.labels import Kind
from dr.components.code.git import git
from dr.configuration.components import ComponentSettings
from dr.configuration.components.code import CodeSettings
from dr.configuration.model import System
from dr.demo.beside.part import Compared, Room, some
from dr.demo.beside.tree import write
from dr.errors import RecoveryFailed
from dr.operations.component.restore import RestoredComponent

_DEADLINE_SECONDS = 60
_REMOTES = ("origin", "mirror")
_COMMITS = 12
# Whoever runs the demo may sign commits, or have hooks and templates; ours are made without.
_AUTHOR = ("-c", "user.name=CoreFlow360 demo", "-c", "user.email=demo@shop.example")
_PLAIN = ("-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false", "-c", "core.autocrlf=false")


class Code:
    """A repository with a working tree, and two bare ones."""

    kind = Kind.CODE
    pids: tuple[int | None, ...] = ()

    def __init__(self, room: Room) -> None:
        self._place = room.directory / "code"
        self._repository = self._place / "shop"
        self._before: dict[str, dict[str, str]] = {}

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        settings = CodeSettings(repositories=(self._repository,), remotes=len(_REMOTES))
        return dataclasses.replace(components, code=settings)

    def fill(self) -> None:
        self._place.mkdir(mode=0o700)
        _git(self._place, "init", "--quiet", "--template=", "--initial-branch=main", "shop")
        for number in range(1, _COMMITS + 1):
            write(self._repository / f"part {number}.py", f'"""Part {number} of the shop."""\n' * number, 0o644)
            self._commit(f"Add part {number}")
        _git(self._repository, "tag", "--annotate", "--message", "the first", "v1.0", "HEAD~4")
        _git(self._repository, "notes", "add", "--message", "deployed")
        _git(self._repository, "checkout", "--quiet", "-b", "feature/größe", "HEAD~2")
        write(self._repository / "size.py", "SIZE = 42\n", 0o755)
        self._commit("Begin sizes")
        _git(self._repository, "checkout", "--quiet", "main")
        self._serve_remotes()
        self._before = self._now()

    def destroy(self) -> None:
        shutil.rmtree(self._place)

    def make_ready(self) -> None:
        """The place for it."""
        self._place.mkdir(mode=0o700)

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        """The bare repository becomes that of a working tree again, and the remotes get all of it."""
        self._repository.mkdir(mode=0o700)
        Path(restored.directory, "shop.git").rename(self._repository / ".git")
        _git(self._repository, "config", "core.bare", "false")
        _git(self._repository, "reset", "--quiet", "--hard")
        self._serve_remotes()

    def compare(self) -> Compared:
        now = self._now()
        problems = [
            f"{place}: {name} is not what it was"
            for place, before in self._before.items()
            for name in sorted(before.keys() | now[place].keys())
            if before.get(name) != now[place].get(name)
        ]
        refs = sum(name.startswith("refs/") for name in now["shop"])
        return Compared(f"1 repository with {refs} refs, and {len(_REMOTES)} remotes", some(problems))

    def _commit(self, message: str) -> None:
        _git(self._repository, "add", "--all")
        _git(self._repository, "commit", "--quiet", "--no-verify", "--message", message)

    def _serve_remotes(self) -> None:
        for name in _REMOTES:
            bare = self._place / f"{name}.git"
            _git(self._place, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", bare.name)
            _git(self._repository, "remote", "add", name, str(bare))
            _git(self._repository, "push", "--quiet", "--mirror", name)

    def _now(self) -> dict[str, dict[str, str]]:
        places = {"shop": self._repository, **{name: self._place / f"{name}.git" for name in _REMOTES}}
        return {name: _state(path) for name, path in places.items() if path.is_dir()} | {
            name: {} for name, path in places.items() if not path.is_dir()
        }


def _state(path: Path) -> dict[str, str]:
    """Every ref, HEAD, and one digest over all objects that are reachable. The working tree must be as HEAD says."""
    refs = _git(path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    found = dict(line.split(" ") for line in refs if "/remotes/" not in line)
    found["HEAD"] = _git(path, "symbolic-ref", "HEAD").strip()
    objects = sorted(line[:40] for line in _git(path, "rev-list", "--all", "--objects").splitlines())
    found["its objects"] = hashlib.sha256("".join(objects).encode()).hexdigest()
    found["what git fsck says"] = _git(path, "fsck", "--full", "--no-dangling", "--no-progress").strip()
    if (path / ".git").is_dir():
        found["its working tree"] = _git(path, "status", "--porcelain").strip()
    return found


def _git(path: Path, *arguments: str) -> str:
    ended, output = git(path, *_AUTHOR, *_PLAIN, *arguments, deadline=_DEADLINE_SECONDS)
    if not ended.ok:
        raise RecoveryFailed(f"git {arguments[0]} failed in the demo's {path.name}", str(ended), "Run it by hand.")
    return output
