"""Is what was brought back what was backed up, and does Terraform read it? Nothing outside of this host is asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from dr.catalog.manifest import Level, Manifest
from dr.components.terraform import index
from dr.components.terraform.bring_back import differing_files, digest, state_path
from dr.components.terraform.drift import SAME
from dr.components.terraform.index import IndexedModule, IndexedState
from dr.components.terraform.local_states import Taken
from dr.components.terraform.plans import lay_states, plan
from dr.components.terraform.program import Program, copied_back, found_program
from dr.components.terraform.state import State, parse_state
from dr.errors import BackupInvalid, SourceError
from dr.policy.drill_verdict import Answer, Probe

_OF_THE_STATE = re.compile(r"Failed to (?:load|read) state(?!.*\bnewer\b)|Unsupported state file")
"""What the program says of a state that it cannot read; a newer one wants a newer program."""


def questions(manifest: Manifest, directory: Path, scratch: Path, wanted: str, deadline: float) -> tuple[Probe, ...]:
    """Of each module its files; of each state its bytes, its own account, and what the program makes of it."""
    try:
        known = index.from_json((directory / index.NAME).read_bytes())
    except (OSError, BackupInvalid) as error:
        return (_probe("index", False, str(error)),)
    asking = _Asking(manifest, directory, scratch, wanted, deadline)
    return tuple(probe for module in known.modules for probe in asking.module(module))


class _Asking:
    """One restored copy under question."""

    def __init__(self, manifest: Manifest, directory: Path, scratch: Path, wanted: str, deadline: float) -> None:
        contents = manifest.component
        self._details = {item.name: item.detail for item in contents.items} if contents else {}
        self._facts = contents.facts if contents else {}
        self._directory = directory
        self._scratch = scratch
        self._program = found_program(wanted)
        self._deadline = deadline

    def module(self, module: IndexedModule) -> Iterator[Probe]:
        if module.files:
            folder = self._directory / module.name
            wrong = differing_files(module, folder)
            told = f"{len(wrong)} of {len(module.files)} files differ: {', '.join(wrong[:5])}"
            yield _probe(f"files of {module.name}", not wrong, told if wrong else f"{len(module.files)} files")
        for state in module.states:
            yield from self._state(module, state)

    def _state(self, module: IndexedModule, state: IndexedState) -> Iterator[Probe]:
        name = f"{module.name}/{state.workspace}"
        path = state_path(self._directory, module, state)
        same = digest(path) == state.sha256
        yield _probe(f"bytes of {name}", same, "as they were" if same else "not those that were backed up, or missing")
        if not path.is_file():
            return
        data = path.read_bytes()
        try:
            found = parse_state(data)
        except ValueError as error:
            yield _probe(f"state of {name}", False, str(error))
            return
        expected = self._details.get(name, "")
        differs = f"{found.described()}; backed up was {expected}"
        agrees = found.described() == expected and (found.serial, found.lineage) == (state.serial, state.lineage)
        yield _probe(f"state of {name}", agrees, expected if agrees else differs)
        if not found.encrypted:
            yield self._listed(name, path, found)
        if found.built_in_only and module.files and self._facts.get(f"plan of {name}") == SAME:
            yield self._planned(name, module, Taken(state.workspace, data, found))

    def _listed(self, name: str, path: Path, state: State) -> Probe:
        """The program reads the state by itself, and shows as many resources as it holds."""
        title = f"resources of {name}"
        if self._program is None:
            return Probe(title, Answer.UNPROVEN, "neither terraform nor tofu is installed here", Level.QUERIED)
        empty = self._place(name, "list")
        empty.mkdir(parents=True)
        program = Program(self._program, empty, self._deadline)
        try:
            listed = len(program.answer("state", "list", f"-state={path.resolve()}").splitlines())
        except SourceError as error:
            told = f"{error.message}: {error.detail}"
            answer = Answer.FAILED if _OF_THE_STATE.search(error.detail) else Answer.UNPROVEN
            return Probe(title, answer, told, Level.QUERIED)
        return _probe(title, listed == state.instances, f"{listed} listed, {state.instances} in the state")

    def _planned(self, name: str, module: IndexedModule, taken: Taken) -> Probe:
        """Code and state fit each other as they did. Only where no provider would speak to a cloud about it."""
        title = f"plan of {name}"
        if self._program is None:
            return Probe(title, Answer.UNPROVEN, "neither terraform nor tofu is installed here", Level.QUERIED)
        copy = self._place(name, "plan")
        copied_back(self._directory / module.name, copy)
        program = Program(self._program, copy / module.root, self._deadline)
        try:
            lay_states(program, (taken,))
        except SourceError as error:
            return Probe(title, Answer.UNPROVEN, f"{error.message}: {error.detail}", Level.QUERIED)
        drift = plan(program, taken.workspace)
        if drift.error:
            return Probe(title, Answer.UNPROVEN, drift.described(), Level.QUERIED)
        return _probe(title, not drift.changes, drift.described())

    def _place(self, name: str, purpose: str) -> Path:
        return self._scratch / f"{purpose}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _probe(name: str, passed: bool, detail: str) -> Probe:
    return Probe(name, Answer.PASSED if passed else Answer.FAILED, detail, Level.QUERIED)
