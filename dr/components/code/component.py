"""The git repositories of a system: found whole, compared with their remotes, bundled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from dr.catalog.manifest import ComponentContents, Compression, Item, Manifest, Role
from dr.components.code import index
from dr.components.code.bring_back import bring_back
from dr.components.code.git import failure, git, redacted, streamed
from dr.components.code.index import Index, IndexedRepository
from dr.components.code.pack import HEADER_BYTES, packed_objects, reachable_objects
from dr.components.code.questions import questions
from dr.components.code.refs import Refs
from dr.components.code.remotes import Difference, ask_remotes
from dr.components.code.whole import complete_refs, left_out, require_complete, require_whole
from dr.components.naming import unique_names
from dr.components.protocol import Laid, Sink, Source
from dr.configuration.model import System
from dr.errors import SourceError, SourceInvalid
from dr.pipeline.process import PIPE_BYTES
from dr.policy.drill_verdict import Probe


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one repository adds to the backup's contents."""

    item: Item
    indexed: IndexedRepository
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    facts: dict[str, str]


class Component:
    """The git repositories of one system."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.code
        self._deadline = self._settings.timeout_minutes * 60

    @property
    def configured(self) -> bool:
        return bool(self._settings.repositories or self._settings.urls)

    def check(self) -> tuple[str, ...]:
        refused: list[SourceError] = []
        sources = tuple(self._sources())
        for _, source in sources:
            try:
                self._require_readable(source)
            except SourceError as error:
                refused.append(error)
        if refused and len(refused) == len(sources):
            raise refused[0]
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        taken = datetime.now(UTC)
        found, refused = self._take_all(sink)
        with sink.object(index.NAME, role=Role.INDEX) as intake:
            intake.write(index.to_json(Index(tuple(one.indexed for one in found))))
        _, version = git(None, "version", deadline=self._deadline)
        facts = {"git": version.strip().removeprefix("git version ")}
        for one in found:
            facts |= one.facts
        return ComponentContents(
            taken,
            tuple(one.item for one in found),
            warnings=(*refused, *(f"{one.item.name}: {warning}" for one in found for warning in one.warnings)),
            notes=tuple(f"{one.item.name}: {note}" for one in found for note in one.notes),
            facts=facts,
        )

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return bring_back(source, directory, wanted, self._deadline)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        return questions(manifest, directory, self._deadline)

    def _sources(self) -> Iterator[tuple[str, Path | str]]:
        """Each repository once, with the name that it has in the backup."""
        paths = dict.fromkeys(path.resolve() for path in self._settings.repositories)
        sources: tuple[Path | str, ...] = (*paths, *dict.fromkeys(self._settings.urls))
        yield from zip(unique_names([str(source) for source in sources]), sources, strict=True)

    def _require_readable(self, source: Path | str) -> None:
        if isinstance(source, Path):
            require_complete(source, self._deadline)
            return
        patience = self._settings.remote_timeout_minutes * 60
        ended, _ = git(None, "ls-remote", "--quiet", "--", source, deadline=patience)
        if not ended.ok:
            raise failure(source, ended)

    def _take_all(self, sink: Sink) -> tuple[list[_Taken], list[str]]:
        """The repositories that are whole, and a warning for each that is not. Raises SourceError when none is."""
        found: list[_Taken] = []
        refused: dict[str, SourceError] = {}
        for name, source in self._sources():
            try:
                found.append(self._take(name, source, sink))
            except SourceError as error:
                refused[name] = error
        if refused and not found:
            raise next(iter(refused.values()))
        return found, [f"{name} is not in this backup: {_in_words(error)}" for name, error in refused.items()]

    def _take(self, name: str, source: Path | str, sink: Sink) -> _Taken:
        if isinstance(source, Path):
            return self._take_path(name, source, sink)
        with _mirror(source, self._deadline) as path:
            return self._bundled(name, path, source, sink, {"origin": source})

    def _take_path(self, name: str, path: Path, sink: Sink) -> _Taken:
        refs = complete_refs(path, self._deadline)
        listings, differences = ask_remotes(path, refs, self._deadline, self._settings.remote_timeout_minutes * 60)
        taken = self._bundled(name, path, str(path), sink, {listing.name: listing.url for listing in listings})
        facts = {f"{name} at {one.name}": one.described() for one in differences}
        warnings = (*taken.warnings, *(words for one in differences for words in one.warnings()))
        return replace(taken, warnings=(*warnings, *self._too_few(differences)), facts={**taken.facts, **facts})

    def _too_few(self, differences: Sequence[Difference]) -> tuple[str, ...]:
        demanded = self._settings.remotes or 0
        answering = sum(not one.error for one in differences)
        if answering >= demanded:
            return ()
        return (f"{answering} remotes answer, and code.remotes demands {demanded}",)

    def _bundled(self, name: str, path: Path, source: str, sink: Sink, remotes: dict[str, str]) -> _Taken:
        notes = require_whole(path, self._deadline)
        refs = complete_refs(path, self._deadline)
        warnings: tuple[str, ...] = ("it is empty: no commit, no ref",)
        if refs.by_name or refs.head_object:
            _bundle(name, path, refs, sink, self._deadline)
            missing = left_out(path, refs, self._deadline)
            warnings, notes = missing.warnings, notes + missing.notes
        item = Item(name, count=len(refs.by_name), digest=refs.digest, detail=refs.described())
        indexed = IndexedRepository(name, source, refs.head, refs.object_format, refs.by_name, remotes)
        return _Taken(item, indexed, warnings, notes, {f"head of {name}": refs.head})


def _bundle(name: str, path: Path, refs: Refs, sink: Sink, deadline: float) -> None:
    """The header is ours: ``git bundle create --all`` leaves out a ref whose name another one makes ambiguous (a branch
    called ``refs/heads/main`` hides ``main``), and lists what it finds a moment later than we did."""
    wanted = dict.fromkeys((*refs.by_name.values(), *([refs.head_object] if refs.head_object else [])))
    arguments = ("pack-objects", "--stdout", "--revs", "--delta-base-offset", "--quiet")
    expected = reachable_objects(path, wanted, deadline)
    begin = b""
    with (
        sink.object(f"{name}.bundle", compression=Compression.NONE) as intake,
        streamed(path, *arguments, lines="".join(f"{oid}\n" for oid in wanted), deadline=deadline) as child,
    ):
        intake.write(refs.header())
        while data := child.stdout.read(PIPE_BYTES):
            begin += data[: HEADER_BYTES - len(begin)]
            intake.write(data)
        ended = child.wait(deadline)
        intake.ended(ended)
        if ended.ok and (packed := packed_objects(begin)) != expected:
            raise SourceInvalid(
                f"git packed {packed} objects of {path}, and its refs reach {expected}",
                hint="Look at its configuration (git config --list --show-origin: pack.*); nothing of it was stored.",
            )


def _in_words(error: SourceError) -> str:
    """What is wrong and what to do, in one line."""
    detail = " ".join(error.detail.split())[:300]
    return redacted(". ".join(part.rstrip(".") for part in (error.message, detail, error.hint) if part))


@contextmanager
def _mirror(url: str, deadline: float) -> Iterator[Path]:
    """A clone of everything at ``url``, for as long as it is read."""
    with TemporaryDirectory(prefix="dr-code-") as scratch:
        path = Path(scratch, "mirror.git")
        ended, _ = git(None, "clone", "--quiet", "--mirror", "--template=", "--", url, path, deadline=deadline)
        if not ended.ok:
            raise failure(url, ended)
        yield path
