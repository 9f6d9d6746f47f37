"""Restored states go where Terraform looks for them, by ``state push``, never over a newer one or another's.

Terraform refuses these too, and is never forced, but lets anything overwrite a state without resources: one that says
that all was destroyed would be replaced by one that says that all is still there. So we compare before we push.
Who wants to overwrite a newer state does it by hand and knows why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from dr.catalog.manifest import Manifest
from dr.components.protocol import Laid
from dr.components.terraform import index
from dr.components.terraform.backend import LOCAL
from dr.components.terraform.bring_back import chosen_states, require_known, state_path
from dr.components.terraform.index import IndexedModule, IndexedState
from dr.components.terraform.local_states import DEFAULT
from dr.components.terraform.program import Program, copied_back, headlines, required_program, use_local_backend
from dr.components.terraform.state import never_written, parse_state
from dr.configuration.components.terraform import TerraformSettings
from dr.errors import BackupInvalid, RecoveryFailed, SourceBusy, SourceError, TargetRefused

_ELSEWHERE = "file"
_BEGUN = 1
"""The serial of a state in which nothing was done yet."""
_LOCKED = re.compile("Error acquiring the state lock|Error locking state")


def put_back(
    manifest: Manifest, directory: Path, wanted: Sequence[str], settings: TerraformSettings, deadline: float
) -> Laid:
    """Raises ``TargetRefused`` at a state that is newer or another's; those before it have been put back then."""
    path = required_program(settings.program)
    try:
        known = index.from_json((directory / index.NAME).read_bytes())
    except OSError as error:
        raise BackupInvalid(f"{directory} is no restored copy", str(error), "Restore into it first.") from error
    require_known(known, wanted, manifest.label)
    count = size = 0
    notes = []
    for module in known.modules:
        states = tuple(chosen_states(module, wanted))
        if not states:
            continue
        with TemporaryDirectory(prefix="dr-terraform-") as scratch:
            program = _ready(module, directory, Path(scratch, "module"), path, settings, deadline)
            for state in states:
                restored = state_path(directory, module, state).resolve()
                notes.append(f"{module.name}/{state.workspace}: {_push(program, module, state, restored)}")
                count, size = count + 1, size + restored.stat().st_size
    return Laid(count, size, tuple(notes))


def _ready(
    module: IndexedModule, directory: Path, copy: Path, path: str, settings: TerraformSettings, deadline: float
) -> Program:
    """The program in a copy of the restored module, whose backend is the real one."""
    if module.files:
        copied_back(directory / module.name, copy)
    program = Program(path, copy / module.root, deadline)
    program.directory.mkdir(parents=True, exist_ok=True)
    if module.backend in (LOCAL, _ELSEWHERE):
        source = Path(module.source) if module.backend == LOCAL else Path(module.source).parent
        if not source.is_dir():
            raise TargetRefused(
                f"{source} is not there: {module.name} had its state in it",
                hint=f"Copy the restored module there ({directory / module.name}): its states come with it.",
            )
        places = {"path": str(source / module.state_path)}
        if module.backend == LOCAL:
            places["workspace_dir"] = str(source / module.workspace_directory)
        use_local_backend(program.directory, places)
    program.init(() if module.backend in (LOCAL, _ELSEWHERE) else settings.backend_config)
    return program


def _push(program: Program, module: IndexedModule, state: IndexedState, restored: Path) -> str:
    """What was done. Raises unless what lies there afterwards is what was restored."""
    name = f"{module.name}/{state.workspace}"
    if not restored.is_file():
        raise BackupInvalid(f"{restored} is not there", hint="Restore the whole backup, then put it back.")
    if state.workspace != DEFAULT:
        ended, _ = program.run("workspace", "select", "-or-create", "-no-color", state.workspace)
        if not ended.ok:
            raise SourceError(f"{name} cannot be selected", headlines(ended), "Look at the backend's rights.")
    workspace = DEFAULT if state.workspace == DEFAULT else ""
    wanted = restored.read_bytes()
    there = program.answer("state", "pull", workspace=workspace).encode()
    if _same(there, wanted):
        return "it is there already"
    _refuse_to_lose(name, there, state)
    ended, _ = program.run("state", "push", "-lock-timeout=10s", restored, workspace=workspace)
    if not ended.ok and _LOCKED.search(ended.stderr):
        raise SourceBusy(f"the state of {name} is locked", headlines(ended), "Wait for whoever is changing it.")
    if not ended.ok:
        raise TargetRefused(
            f"{name}: terraform does not take the restored state", headlines(ended), "Look at the state that is there."
        )
    found = program.answer("state", "pull", workspace=workspace).encode()
    if not _same(found, wanted):
        raise RecoveryFailed(f"{name} is not what was pushed", hint="Compare terraform state pull with the copy.")
    lineage = parse_state(found).lineage
    anew = "" if lineage == state.lineage else f", by terraform under the new lineage {lineage}"
    return f"serial {state.serial} pushed{anew}"


def _refuse_to_lose(name: str, there: bytes, state: IndexedState) -> None:
    """Raises ``TargetRefused`` unless there is nothing, or what the restored state came after."""
    if never_written(there):
        return
    try:
        found = parse_state(there)
    except ValueError as error:
        raise TargetRefused(
            f"what lies where the state of {name} belongs cannot be read", str(error), "Move it away, then try again."
        ) from error
    hint = "Look at it with terraform state pull. If it is to be given up, terraform state push -force does it."
    if found.lineage != state.lineage:
        # A backend begins a workspace, also one that we have just asked for, with an empty state of its own lineage.
        if found.serial <= _BEGUN and not found.types and not found.outputs:
            return
        detail = f"its lineage is {found.lineage}, that of the restored one {state.lineage}"
        raise TargetRefused(f"the state of {name} is another's: it was begun anew", detail, hint)
    if found.serial >= state.serial:
        raise TargetRefused(
            f"the state of {name} is newer than the restored one",
            f"its serial is {found.serial}, that of the restored one {state.serial}; {found.instances} resources",
            hint,
        )


def _same(one: bytes, other: bytes) -> bool:
    """Whether two states hold the same. A remote backend that was empty gives what is pushed a lineage of its own."""
    contents = []
    for data in (one, other):
        try:
            document = msgspec.json.decode(data, type=dict[str, object])
        except (msgspec.DecodeError, msgspec.ValidationError):
            return False
        contents.append({name: document.get(name) for name in ("version", "outputs", "resources")})
    return contents[0] == contents[1]
