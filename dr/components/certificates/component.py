"""SSL certificates: each chain with its private key, proven to belong together before it is stored.

One tar per certificate: ``gpg -d shop.example.org.tar.zst.gpg | zstd -d | tar -x`` gives back its files, and
``sha256sum -c SHA256SUMS`` checks them. Links, as certbot makes them, are resolved: what comes back are files.
"""

from __future__ import annotations

import hashlib
import shlex
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Manifest, ObjectRecord
from dr.components.certificates.examine import Chain, Match
from dr.components.certificates.gather import Gathered, Held, gather
from dr.components.certificates.question import SUMS, probes_of
from dr.components.certificates.renewal import REFUSED, due, renew
from dr.components.protocol import Laid, Scanner, Sink, Source
from dr.components.tar_scan import Counted, TarCount
from dr.components.tarball import TarWriter, unpack
from dr.configuration.model import System
from dr.errors import BackupNotFound, SourceInvalid
from dr.pipeline.launch import tool
from dr.policy.certificate_age import CertificateState, Urgency, certificate_state
from dr.policy.drill_verdict import Probe

_PRIVATE = 0o600
_URGENT = (Urgency.CRITICAL, Urgency.EXPIRED)


class Component:
    """The certificates of one system on this host."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.certificates

    @property
    def configured(self) -> bool:
        return bool(self._settings.directories or self._settings.pairs)

    def check(self) -> tuple[str, ...]:
        now = datetime.now(UTC)
        gathered = gather(self._settings)
        _refuse_nothing(gathered)
        renewing = due(gathered, self._settings, now) if self._settings.renewal_command else ()
        states = [self._state(held, now) for name, held in gathered.held.items() if name not in renewing]
        notes = [state.reason for state in states if state.urgency in (Urgency.NOTICE, Urgency.WARNING)]
        return (*self._command_notes(), *_hollow(gathered), *notes)

    def _command_notes(self) -> tuple[str, ...]:
        words = shlex.split(self._settings.renewal_command)
        if not words or tool(words[0]) is not None:
            return ()
        return (f"certificates.renewal_command: {words[0]} is not installed on this host, or not in PATH",)

    def _state(self, held: Held, now: datetime) -> CertificateState:
        seen = held.examined
        return certificate_state(held.name, seen.not_before, seen.not_after, now, self._settings.warn_days)

    def back_up(self, sink: Sink) -> ComponentContents:
        now = datetime.now(UTC)
        renewed = renew(gather(self._settings), self._settings, now)
        gathered = renewed.gathered
        _refuse_nothing(gathered)
        taken = datetime.now(UTC)
        for held in gathered.held.values():
            _store(held, sink)
        states = [self._state(held, taken) for held in gathered.held.values()]
        warnings = [
            *(f"{name} is not in the backup: {problem}" for name, problem in gathered.problems.items()),
            *_hollow(gathered),
            *_gone(gathered, sink.previous()),
            *renewed.warnings,
            *(text for held in gathered.held.values() for text in _doubts(held)),
            *(state.reason for state in states if state.urgency in _URGENT),
        ]
        notes = [
            *(f"{name} was renewed before this backup" for name in renewed.renewed),
            *(state.reason for state in states if state.urgency in (Urgency.NOTICE, Urgency.WARNING)),
            *(text for held in gathered.held.values() for text in _open_keys(held)),
        ]
        items = tuple(_item(held) for held in gathered.held.values())
        return ComponentContents(taken, items, tuple(warnings), tuple(notes), facts=_facts(gathered))

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        contents = source.manifest.component
        names = [item.name for item in contents.items] if contents else []
        lacking = [name for name in wanted if name not in names]
        if lacking:
            raise BackupNotFound(f"the backup holds no {', '.join(lacking)}", hint=f"It holds {', '.join(names)}.")
        size, notes = 0, []
        chosen = [name for name in names if not wanted or name in wanted]
        for name in chosen:
            with source.chunks(source.named(f"{name}.tar")) as chunks:
                size += unpack(chunks, directory, f"{name}.tar").bytes
            notes.append(f"copy {directory / name} to where the server reads it, and reload the server")
        return Laid(len(chosen), size, tuple(notes))

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        contents = manifest.component or ComponentContents(manifest.begin)
        now = datetime.now(UTC)
        return tuple(
            probe
            for item in contents.items
            for probe in probes_of(item, contents.facts, directory, self._settings.passphrase, now)
        )


def _refuse_nothing(gathered: Gathered) -> None:
    if gathered.held:
        return
    raise SourceInvalid(
        "none of the certificates can be backed up",
        detail="; ".join(gathered.problems.values()),
        hint="Correct the files, or which they are: certificates.directories and certificates.pairs.",
    )


def _hollow(gathered: Gathered) -> list[str]:
    return [
        f"{directory} holds no certificate as certbot lays them out: name what is in it in certificates.pairs"
        for directory in gathered.hollow
    ]


def _gone(gathered: Gathered, previous: Source | None) -> list[str]:
    """What the backup before this one held. The next one is compared with this one: it is said once."""
    if previous is None or previous.manifest.component is None:
        return []
    label = previous.manifest.label
    here = {held.examined.fingerprint: name for name, held in gathered.held.items()}
    gone = []
    for item in previous.manifest.component.items:
        if item.name in gathered.held or item.name in gathered.problems:
            continue
        if item.digest not in here:
            gone.append(f"{item.name} was in {label}, the backup before this one, and is not there any more")
        elif item.name == f"{here[item.digest]}{REFUSED}":
            name = here[item.digest]
            gone.append(f"{name} is still what its renewal left in place of a better one; that one is in {label}")
    return gone


def _store(held: Held, sink: Sink) -> None:
    """All of one certificate is one object: its chain never comes back without its key."""
    key = next(item for item in held.files if item.name == held.key)
    with sink.object(f"{held.name}.tar") as intake, TarWriter(intake) as tar:
        tar.directory(held.name, replace(key.kept, mode=0o700))
        for item in held.files:
            kept = replace(item.kept, mode=_PRIVATE) if item is key else item.kept
            tar.file(f"{held.name}/{item.name}", kept, item.data)
        tar.file(f"{held.name}/{SUMS}", replace(key.kept, mode=_PRIVATE), _sums(held))


def _sums(held: Held) -> bytes:
    """What ``sha256sum -c`` reads. It is inside the encryption."""
    return "".join(f"{hashlib.sha256(item.data).hexdigest()}  {item.name}\n" for item in held.files).encode()


def _item(held: Held) -> Item:
    """All of it stands in the certificate, which every visitor of the site gets."""
    size = sum(len(item.data) for item in held.files)
    return Item(held.name, held.examined.length, size, held.examined.fingerprint, str(held.examined))


def _facts(gathered: Gathered) -> dict[str, str]:
    """Which file of each certificate is what (no name of a file has a slash), and what the tar must hold."""
    facts = {}
    for held in gathered.held.values():
        size = sum(len(item.data) for item in held.files) + len(_sums(held))
        facts[f"{held.name}/chain"] = "/".join(held.chain)
        facts[f"{held.name}/key"] = held.key
        facts[f"{held.name}/tar"] = f"{len(held.files) + 1} {size}"
    return facts


def _doubts(held: Held) -> list[str]:
    """What is stored and may not work."""
    seen = held.examined
    doubts = [] if seen.match is Match.PROVEN else [f"{held.name}: {seen.match}"]
    return doubts + ([f"{held.name}: {seen.chain}: {seen.broken}"] if seen.chain is Chain.BROKEN else [])


def _open_keys(held: Held) -> list[str]:
    return [
        f"{held.name}: every user of this host may read {item.name} (chmod o-r)"
        for item in held.files
        if item.name == held.key and item.kept.mode & stat.S_IROTH
    ]


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """A certificate's tar by its members and bytes."""
    name = item.key.rsplit("/", 1)[-1].partition(".tar.")[0]
    facts = manifest.component.facts if manifest.component else {}
    if f"{name}/tar" not in facts:
        return None
    files, size = map(int, facts[f"{name}/tar"].split())
    return TarCount(Counted(files + 1, files, size))
