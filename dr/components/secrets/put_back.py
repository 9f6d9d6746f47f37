"""Bringing a laid copy back to where secrets are kept: planned whole, refused rather than overwrite, read again after.

A value that is there already and differs is replaced only when its secret is named in full, never because it lies in
something that was named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dr.components.protocol import Laid
from dr.components.secrets.lay import is_wanted, whole_name
from dr.components.secrets.layout import INDEX, SNAPSHOT, about_name, placed
from dr.components.secrets.records import Entry, decode_document, decode_index, digest_of, held
from dr.components.secrets.sources import SecretSource, current, digests, some
from dr.errors import BackupInvalid, ConfigurationError, DrError, RecoveryFailed, TargetRefused

_SHOWN = 10
_OWN_POLICY = "sys/policies/acl/default"


@dataclass(frozen=True, slots=True)
class _Step:
    """One secret to write; ``existing`` is what it replaces."""

    source: SecretSource
    entry: Entry
    existing: Entry | None

    @property
    def name(self) -> str:
        return whole_name(self.source.name, self.entry.path)


@dataclass(slots=True)
class _Plan:
    """What is to be written, what is right already, and what is left to a person."""

    steps: list[_Step] = field(default_factory=list)
    same: int = 0
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def put_back(directory: Path, sources: Mapping[str, SecretSource], wanted: Sequence[str]) -> Laid:
    """Write what is absent.

    Raises ``TargetRefused`` before anything is written, ``RecoveryFailed`` when what is read afterwards differs.
    """
    plan = _planned(directory, sources, wanted)
    size = 0
    for number, step in enumerate(plan.steps):
        try:
            plan.notes += step.source.put(step.entry, step.existing)
        except DrError as error:
            raise _with_count(error, number, len(plan.steps)) from None
        size += sum(len(value.plain()) for value in step.entry.values)
    _compare(plan.steps)
    notes = list(dict.fromkeys(plan.notes))
    if plan.same:
        notes.append(f"{some(plan.same, 'secret')} had the right value already")
    if plan.left:
        notes.append(f"not put back, for there is no value or a person has to decide: {_shown(plan.left)}")
    if (directory / SNAPSHOT).exists():
        notes.append(f"{SNAPSHOT} was not loaded: it would replace everything in the Vault")
    return Laid(len(plan.steps), size, tuple(notes))


def _planned(directory: Path, sources: Mapping[str, SecretSource], wanted: Sequence[str]) -> _Plan:
    plan = _Plan()
    named = {one.strip("/") for one in wanted}
    for place, entry in _entries(directory, wanted):
        source = sources.get(place)
        if source is None:
            raise ConfigurationError(
                f"the copy holds secrets of {place}, and no {place} is set up here",
                hint="Set secrets.aws or secrets.vault_address, or name what to put back.",
            )
        step = _Step(source, entry, None)
        if not entry.values or (entry.vault is not None and entry.vault.kind == "auth"):
            plan.left.append(step.name)
            continue
        existing = source.now(entry)
        if existing is not None and current(existing) == current(entry):
            plan.same += 1
        elif entry.path == _OWN_POLICY and step.name not in named:
            plan.notes.append(f"{step.name} differs from that of this Vault, and was left as it is here")
        else:
            plan.steps.append(replace(step, existing=existing))
    _refuse([step for step in plan.steps if step.existing is not None and step.name not in named])
    return plan


def _entries(directory: Path, wanted: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    """What was laid, values included, each compared with its hash. Raises ``BackupInvalid``."""
    try:
        index = decode_index((directory / INDEX).read_bytes())
        abouts = {
            source: decode_document((directory / about_name(source)).read_bytes())
            for source in dict.fromkeys(one.source for one in index.values)
        }
    except OSError as error:
        raise BackupInvalid(
            f"{directory} holds no restored secrets",
            str(error.strerror),
            "Restore there first: dr restore LABEL --to DIR",
        ) from None
    files = {(one.source, one.path, one.name): one for one in index.values}
    for source, document in abouts.items():
        for entry in document.entries:
            if not is_wanted(source, entry.path, wanted):
                continue
            values = []
            for value in entry.values:
                known = files.get((source, entry.path, value.name))
                path = None if known is None else placed(directory, known.file)
                if (
                    known is None
                    or path is None
                    or not path.is_file()
                    or digest_of(data := path.read_bytes()) != known.sha256
                ):
                    raise BackupInvalid(
                        f"{whole_name(source, entry.path)} is missing in {directory} or was changed there",
                        hint="Restore into a new directory, and put that back.",
                    )
                full = held(value.name, data, binary=value.binary)
                values.append(replace(value, value=full.value, binary=full.binary))
            yield source, replace(entry, values=tuple(values))


def _refuse(steps: Sequence[_Step]) -> None:
    if steps:
        raise TargetRefused(
            f"{some(len(steps), 'secret')} there already, with another value; nothing was written",
            _shown([step.name for step in steps]),
            "To replace one, name it in full; the others are left alone.",
        )


def _compare(steps: Sequence[_Step]) -> None:
    """Read again what was written: a store of secrets may take a value and give another (I21)."""
    wrong = []
    for step in steps:
        found = step.source.now(step.entry)
        compare = digests if step.existing is None else current
        if found is None or not compare(step.entry).items() <= compare(found).items():
            wrong.append(step.name)
    if wrong:
        raise RecoveryFailed(
            f"{some(len(wrong), 'secret')} not what was put back",
            _shown(wrong),
            "Somebody may have written there meanwhile: look before anything uses them.",
        )


def _with_count(error: DrError, done: int, of: int) -> DrError:
    detail = "; ".join(part for part in (error.detail, f"{done} of {of} were written before") if part)
    return type(error)(error.message, detail, error.hint or "Run it again: what is there already is left alone.")


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
