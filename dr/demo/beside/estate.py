"""Everything beside the database that can be had on this machine, as one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dr.components.redis.programs import servers
from dr.configuration.components import ComponentSettings
from dr.demo.beside.certificates import Certificates
from dr.demo.beside.code import Code
from dr.demo.beside.configuration import Configuration
from dr.demo.beside.images import Images
from dr.demo.beside.logs import Logs
from dr.demo.beside.part import Part, Room
from dr.demo.beside.redis import serving_redis
from dr.demo.beside.secrets import Secrets
from dr.demo.beside.terraform import Terraform
from dr.demo.beside.uploads import Uploads

WORKERS = 4


@dataclass(frozen=True, slots=True)
class Beside:
    """The parts in the order in which they are told of, and what is missing here. An estate without has none."""

    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> ComponentSettings:
        components = ComponentSettings()
        for part in self.parts:
            components = part.settle(components)
        return components

    @property
    def pids(self) -> tuple[int | None, ...]:
        """The processes that have to run all the while."""
        return tuple(pid for part in self.parts for pid in part.pids)

    def fill(self) -> None:
        """Make the content of everything, when the database holds the rows that name uploads."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for filled in [pool.submit(part.fill) for part in self.parts]:
                filled.result()

    def destroy(self) -> None:
        """Lose all of it."""
        for part in self.parts:
            part.destroy()


@contextmanager
def furnished(room: Room) -> Iterator[Beside]:
    """What can be had here, still empty; afterwards its processes have ended."""
    room.directory.mkdir(mode=0o700)
    notes = []
    with ExitStack() as stack:
        parts: list[Part] = []
        if programs := servers():
            parts.append(stack.enter_context(serving_redis(room, programs[0])))
        else:
            notes.append("No redis-server is installed: the demo is without Redis.")
        parts += [Uploads(room), Configuration(room)]
        if shutil.which("git") is not None:
            parts.append(Code(room))
        else:
            notes.append("git is not installed: the demo is without a repository of code.")
        parts += [Secrets(room), Certificates(room), Logs(room)]
        if room.aws is not None:
            parts.append(Images(room, room.aws))
        else:
            notes.append("moto is not installed: the demo is without Secrets Manager and without server images.")
        terraform = Terraform(room)
        parts.append(terraform)
        yield Beside(tuple(parts), (*notes, *([terraform.note] if terraform.note else ())))
