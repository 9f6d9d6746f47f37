"""The component itself: reads every place that keeps secrets, lays a copy out, and compares it by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Manifest, Role
from dr.components.protocol import Laid, Sink, Source
from dr.components.secrets.lay import lay
from dr.components.secrets.layout import INDEX, value_name
from dr.components.secrets.put_back import put_back
from dr.components.secrets.questions import questions
from dr.components.secrets.records import (
    Document,
    Entry,
    Fingerprint,
    Held,
    Index,
    digest_of,
    encode,
    new_salt,
    salted_digest,
)
from dr.components.secrets.sources import SecretSource, some
from dr.configuration.components.secrets import SecretsSettings
from dr.configuration.model import System
from dr.errors import SourceInvalid
from dr.policy.drill_verdict import Probe
from dr.policy.masked_values import is_masked


class Component:
    """The secrets of one system."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.secrets

    @property
    def configured(self) -> bool:
        settings = self._settings
        return settings.aws or settings.vault_address is not None or bool(settings.paths)

    def check(self) -> tuple[str, ...]:
        with ExitStack() as stack:
            return tuple(note for source in _open(self._settings, stack) for note in source.check())

    def back_up(self, sink: Sink) -> ComponentContents:
        taken = datetime.now(UTC)
        items: list[Item] = []
        warnings: list[str] = []
        notes: list[str] = []
        facts: dict[str, str] = {}
        hashes: list[Fingerprint] = []
        with ExitStack() as stack:
            for source in _open(self._settings, stack):
                reading = source.read(sink)
                document = Document(source.name, reading.entries, new_salt())
                warnings += (*reading.warnings, *_masked(document))
                with sink.object(f"{source.name}.json") as intake:
                    intake.write(encode(document))
                items += (_item(document), *reading.items)
                notes += reading.notes
                facts |= reading.facts
                hashes += _fingerprints(document)
        index = encode(Index(tuple(hashes), new_salt()))
        with sink.object(INDEX, role=Role.INDEX) as intake:
            intake.write(index)
        # The salt inside makes this hash one that nobody can compute from a guessed value.
        facts["index_sha256"] = hashlib.sha256(index).hexdigest()
        return ComponentContents(taken, tuple(items), tuple(warnings), notes=tuple(notes), facts=facts)

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return lay(source, directory, wanted)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        return questions(manifest, directory)

    def put_back(self, manifest: Manifest, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        with ExitStack() as stack:
            return put_back(
                directory, {source.name: source for source in _open(self._settings, stack, all_files=True)}, wanted
            )


def _open(settings: SecretsSettings, stack: ExitStack, *, all_files: bool = False) -> Iterator[SecretSource]:
    """The places that the settings name, each imported when it is used: its client library loads slowly."""
    made: list[SecretSource] = []
    if settings.aws:
        from dr.components.secrets.aws import AwsSource

        made.append(AwsSource(settings))
    if settings.vault_address is not None:
        from dr.components.secrets.vault import VaultSource

        made.append(VaultSource(settings))
    if settings.paths or all_files:
        from dr.components.secrets.files import FilesSource

        made.append(FilesSource(settings))
    for source in made:
        stack.callback(source.close)
    yield from made


def ending(entry: Entry) -> str:
    """What the name of a value's file ends with, for programs that open it."""
    if entry.vault is None:
        return ""
    return ".hcl" if entry.vault.kind == "policy" else ".json"


def _fingerprints(document: Document) -> Iterator[Fingerprint]:
    for entry in document.entries:
        for value in entry.values:
            data = value.plain()
            file = value_name(document.source, entry.path, value.name, ending(entry))
            yield Fingerprint(document.source, entry.path, value.name, file, len(data), digest_of(data))


def _item(document: Document) -> Item:
    values = [value for entry in document.entries for value in entry.values]
    size = sum(len(value.plain()) for value in values)
    return Item(document.source, len(document.entries), size, salted_digest(document), some(len(values), "value"))


def _masked(document: Document) -> tuple[str, ...]:
    """Values that are nothing but asterisks were lost before they came here (I21)."""
    values = [value for entry in document.entries for value in entry.values if not _is_public(entry)]
    masked = sum(1 for value in values if _looks_masked(value))
    if masked and masked == len(values):
        raise SourceInvalid(
            f"{document.source}: every value is a mask, such as asterisks: a backup of them would restore nothing",
            f"{some(masked, 'value')}",
            "Let the place give real values to who backs it up.",
        )
    return (f"{document.source}: {some(masked, 'value')} is only a mask, such as asterisks",) if masked else ()


def _looks_masked(value: Held) -> bool:
    return not value.binary and is_masked(value.value.reveal())


def _is_public(entry: Entry) -> bool:
    """Policies and auth methods are no secrets: they must not make masked ones look like a part."""
    return entry.vault is not None and entry.vault.kind in ("policy", "auth")
