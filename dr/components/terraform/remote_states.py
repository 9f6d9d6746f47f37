"""States that only the program can reach: pulled, workspace by workspace, from whatever backend the module names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dr.components.terraform.backend import Backend
from dr.components.terraform.local_states import Taken, parsed
from dr.components.terraform.locks import LockInfo, lock_notice, s3_lock, wait_until_free
from dr.components.terraform.program import Program
from dr.components.terraform.state import never_written
from dr.errors import SourceBusy, StoreError


@dataclass(frozen=True, slots=True)
class Pulled:
    """What there was to pull, and what is worth knowing of how."""

    taken: tuple[Taken, ...]
    notes: tuple[str, ...]


def pull(name: str, program: Program, backend: Backend, wanted: Sequence[str], patience: float) -> Pulled:
    """Raises SourceError, SourceBusy, SourceInvalid. A workspace that has no state is left out."""
    taken: list[Taken] = []
    notice = lock_notice(backend)
    notes = {notice} if notice else set()
    for workspace in program.workspaces():
        if wanted and workspace not in wanted:
            continue

        def look(workspace: str = workspace) -> LockInfo | None:
            if notice:
                return None
            try:
                return s3_lock(backend, workspace)
            except StoreError as error:
                notes.add(f"locks of its backend could not be looked at: {error.message}")
                return None

        wait_until_free(f"{name}, workspace {workspace},", look, patience)
        text = program.answer("state", "pull", workspace=workspace)
        if (lock := look()) is not None:
            raise SourceBusy(
                f"the state of {name}, workspace {workspace}, was locked while it was read",
                lock.described(),
                "Try again.",
            )
        data = text.encode()
        if not never_written(data):
            taken.append(Taken(workspace, data, parsed(name, workspace, data)))
    return Pulled(tuple(taken), tuple(sorted(notes)))
