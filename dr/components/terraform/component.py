"""The infrastructure of a system: each root module with its states, and state files that stand for themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from dr.catalog.manifest import ComponentContents, Item, Manifest, Role
from dr.components.naming import unique_names
from dr.components.protocol import Laid, Sink, Source
from dr.components.terraform import index
from dr.components.terraform.bring_back import bring_back
from dr.components.terraform.drift import SAME
from dr.components.terraform.index import Index, IndexedModule, IndexedState
from dr.components.terraform.local_states import DEFAULT, STATE, WORKSPACES, Taken, read_state_file, state_paths
from dr.components.terraform.module import DATA, Module, read_module, write_tar
from dr.components.terraform.plans import planned
from dr.components.terraform.program import Program, copied, found_program, required_program
from dr.components.terraform.put_back import put_back
from dr.components.terraform.questions import questions
from dr.components.terraform.remote_states import pull
from dr.components.terraform.state import gone_back
from dr.configuration.model import System
from dr.errors import ConfigurationError, SourceError
from dr.policy.drill_verdict import Probe

FILE = "file"


@dataclass(slots=True)
class _Found:
    """What the backup's contents are put together from."""

    items: list[Item] = field(default_factory=list)
    modules: list[IndexedModule] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    workspaces: set[str] = field(default_factory=set)
    before: dict[str, str] = field(default_factory=dict)


class Component:
    """The root modules and state files of one system."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.terraform
        self._deadline = self._settings.timeout_minutes * 60
        self._patience = self._settings.lock_timeout_minutes * 60

    @property
    def configured(self) -> bool:
        return bool(self._settings.directories or self._settings.state_files)

    def check(self) -> tuple[str, ...]:
        for name, directory in self._directories():
            module = read_module(name, directory)
            if not module.backend.local:
                required_program(self._settings.program, module)
        for path in self._settings.state_files:
            if not path.is_file():
                raise SourceError(f"{path} is no file", hint="Correct terraform.state_files.")
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        taken = datetime.now(UTC)
        found = _Found(before=_details_before(sink))
        for name, directory in self._directories():
            self._module(read_module(name, directory), sink, found)
        for name, path in self._state_files():
            state = read_state_file(name, DEFAULT, path, self._patience)
            states = self._store(name, FILE, (state,), sink, found)
            found.modules.append(IndexedModule(name, str(path), ".", FILE, str(path), "", states))
        if unknown := sorted(set(self._settings.workspaces) - found.workspaces):
            raise ConfigurationError(
                f"there is no workspace {', '.join(unknown)} with a state",
                detail=f"there are {', '.join(sorted(found.workspaces)) or 'none'}",
                hint="Correct terraform.workspaces.",
            )
        with sink.object(index.NAME, role=Role.INDEX) as intake:
            intake.write(index.to_json(Index(tuple(found.modules))))
        return ComponentContents(
            taken, tuple(found.items), warnings=tuple(found.warnings), notes=tuple(found.notes), facts=found.facts
        )

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return bring_back(source, directory, wanted)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        return questions(manifest, directory, scratch, self._settings.program, self._deadline)

    def put_back(self, manifest: Manifest, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return put_back(manifest, directory, wanted, self._settings, self._deadline)

    def _directories(self) -> Iterator[tuple[str, Path]]:
        names = unique_names([str(path) for path in self._sources()])
        yield from zip(names, self._sources()[: len(self._settings.directories)], strict=False)

    def _state_files(self) -> Iterator[tuple[str, Path]]:
        names = unique_names([str(path) for path in self._sources()])
        first = len(self._settings.directories)
        yield from zip(names[first:], self._sources()[first:], strict=True)

    def _sources(self) -> tuple[Path, ...]:
        return (*self._settings.directories, *self._settings.state_files)

    def _module(self, module: Module, sink: Sink, found: _Found) -> None:
        with self._ready(module) as program:
            states, notes = self._states(module, program)
            found.notes += [f"{module.name}: {note}" for note in notes]
            if program is not None:
                found.facts[f"program of {module.name}"] = f"{Path(program.path).name} {program.version()}"
            with sink.object(f"{module.name}.module.tar") as intake:
                files, warnings = write_tar(module, intake)
            found.warnings += [f"{module.name}: {warning}" for warning in warnings]
            size = sum(one.bytes for one in files)
            found.items.append(
                Item(module.name, len(files), size, detail=f"code; backend {module.backend.described()}")
            )
            indexed = self._store(module.name, module.backend.kind, states, sink, found)
            if self._settings.plan:
                self._plan(module, program, states, found)
        if not states:
            found.warnings.append(f"{module.name}: it has no state: nothing was applied yet, or it is kept elsewhere")
        values = module.backend.values
        found.modules.append(
            IndexedModule(
                module.name,
                str(module.directory),
                module.root,
                module.backend.kind,
                values.get("path") or STATE,
                values.get("workspace_dir") or WORKSPACES,
                indexed,
                files,
            )
        )

    @contextmanager
    def _ready(self, module: Module) -> Iterator[Program | None]:
        """The program in a copy of the module; None where it is not here and not needed."""
        path = found_program(self._settings.program, module)
        if path is None or (module.backend.local and not self._settings.plan):
            yield None
            return
        providers = module.directory / DATA / "providers"
        with TemporaryDirectory(prefix="dr-terraform-") as scratch:
            copy = copied(module, Path(scratch))
            yield Program(path, copy, self._deadline, providers if providers.is_dir() else None)

    def _states(self, module: Module, program: Program | None) -> tuple[tuple[Taken, ...], tuple[str, ...]]:
        wanted = self._settings.workspaces
        if module.backend.local:
            paths = state_paths(module.directory, module.backend)
            return tuple(
                read_state_file(module.name, workspace, path, self._patience)
                for workspace, path in paths.items()
                if not wanted or workspace in wanted
            ), ()
        if program is None:
            required_program(self._settings.program, module)
            return (), ()
        backend = program.backend_ready(module.backend, self._settings.backend_config)
        pulled = pull(module.name, program, backend, wanted, self._patience)
        return pulled.taken, pulled.notes

    def _store(
        self, name: str, kind: str, states: Sequence[Taken], sink: Sink, found: _Found
    ) -> tuple[IndexedState, ...]:
        indexed = []
        for taken in states:
            label, stored = f"{name}/{taken.workspace}", state_object(name, taken.workspace)
            with sink.object(stored) as intake:
                intake.write(taken.data)
            found.items.append(Item(label, taken.state.instances, len(taken.data), detail=taken.state.described()))
            found.facts[f"object {stored}"] = label
            found.warnings += [f"{name}: {warning}" for warning in taken.warnings]
            if odd := gone_back(found.before.get(label, ""), taken.state):
                found.warnings.append(f"{label}: {odd}")
            found.workspaces.add(taken.workspace)
            digest = hashlib.sha256(taken.data).hexdigest()
            path = f"{name}.states/{_safe(taken.workspace)}.tfstate"
            indexed.append(IndexedState(taken.workspace, stored, path, digest, taken.state.serial, taken.state.lineage))
        found.facts[f"backend of {name}"] = kind
        return tuple(indexed)

    def _plan(self, module: Module, program: Program | None, states: Sequence[Taken], found: _Found) -> None:
        if program is None:
            found.warnings.append(f"{module.name}: no plan: neither terraform nor tofu is installed")
            return
        for taken, drift in planned(program, module, states):
            name = f"{module.name}/{taken.workspace}"
            found.facts[f"plan of {name}"] = drift.described()
            if drift.described() != SAME:
                found.warnings.append(f"{name} is not as its code says: {drift.described()}")


def _details_before(sink: Sink) -> dict[str, str]:
    """What the newest backup says of each state."""
    previous = sink.previous()
    contents = previous.manifest.component if previous is not None else None
    return {} if contents is None else {item.name: item.detail for item in contents.items}


def state_object(name: str, workspace: str) -> str:
    """The name of a state in the backup.

    >>> state_object("network", "default")
    'network@default.tfstate'
    """
    return f"{name}@{_safe(workspace)}.tfstate"


def _safe(workspace: str) -> str:
    """A workspace as part of a file name, different for different ones."""
    kept = re.sub(r"[^A-Za-z0-9._-]", "-", workspace)[:80].strip(".") or "-"
    return kept if kept == workspace else f"{kept}-{hashlib.sha256(workspace.encode()).hexdigest()[:8]}"
