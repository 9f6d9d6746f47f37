"""What a backup run achieved, part by part, and the one error that says so at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dr.catalog.labels import Kind
from dr.errors import DrError, Interrupted, LeaseHeld, PartialBackup, ServerUnreachable
from dr.operations.draft import Draft
from dr.operations.publish import Published

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """One backup of this run: how it was made, and what was published."""

    draft: Draft
    published: Published


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What the run hands back: the backups that exist now, and what is missing."""

    system: str
    backups: tuple[Published, ...]
    problems: tuple[str, ...]


class BackupRun:
    """Collects the parts of a run. A part that fails is noted and the next is tried.

    ``failed`` are the kinds of which something is missing: nothing older of those may go (I14).
    """

    def __init__(self, problems: Sequence[str] = ()) -> None:
        self._problems = list(problems)
        self._errors: list[DrError] = []
        self.made: list[MadeBackup] = []
        self.notes: list[str] = []
        self.failed: set[Kind] = set()

    @contextmanager
    def part(self, name: str, kind: Kind | None = None, *, may_be_missing: bool = False) -> Iterator[None]:
        """Try one part; its failure is kept for the end, so that the other parts are still made safe.

        With ``may_be_missing`` a source that does not answer is a note: whatever else goes wrong still counts.
        """
        try:
            yield
        except (LeaseHeld, Interrupted):
            raise
        except DrError as error:
            self._fail(name, kind, error, may_be_missing=may_be_missing)
        except Exception as error:
            logger.exception("%s ended with an error that was not foreseen", name)
            unforeseen = DrError(f"{type(error).__name__}: {error}", hint="This is a defect: report it with the log.")
            self._fail(name, kind, unforeseen, may_be_missing=False)

    def _fail(self, name: str, kind: Kind | None, error: DrError, *, may_be_missing: bool) -> None:
        if kind is not None:
            self.failed.add(kind)
        told = f"{name}: {error.message}" + (f" ({error.detail})" if error.detail else "")
        if may_be_missing and isinstance(error, ServerUnreachable):
            self.notes.append(told)
            return
        self._errors.append(error)
        self._problems.append(told)

    def add(self, draft: Draft, published: Published) -> None:
        """A backup exists from now on."""
        self.made.append(MadeBackup(draft, published))
        self._problems += published.problems
        if published.problems:
            self.failed.add(draft.manifest.kind)

    def concern(self, problems: Iterable[str]) -> None:
        """What is wrong and speaks against no single backup."""
        self._problems += problems

    def miss(self, name: str, reason: str, kind: Kind) -> None:
        """A part that was asked for and cannot be made."""
        self.failed.add(kind)
        self._problems.append(f"{name} not made: {reason}")

    def require(self, check: Callable[[], None]) -> None:
        """What ends the run at once when it does not hold: then that error also tells what had failed until then."""
        try:
            check()
        except DrError as error:
            if not self.problems:
                raise
            before = f"before that: {'; '.join(self.problems)}"
            raise type(error)(error.message, "; ".join(filter(None, (error.detail, before))), error.hint) from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The backups that exist now."""
        return tuple(item.published.label for item in self.made)

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._problems))

    @property
    def succeeded(self) -> bool:
        """Everything that was asked for is safe in every store that was asked for."""
        return bool(self.made) and not self._problems

    def conclude(self, system: str) -> BackupSummary:
        """The summary of a good run; otherwise the error that tells what is safe and what is not."""
        if self.succeeded:
            return BackupSummary(system, tuple(item.published for item in self.made), self.problems)
        if not self.made and len(self._errors) == len(self.problems) == 1:
            raise self._errors[0]
        safe = ", ".join(f"{item.published.label} in {' and '.join(item.published.stores)}" for item in self.made)
        raise PartialBackup(
            f"safe: {safe or 'nothing'}; not everything that was asked for",
            detail="; ".join(self.problems),
            hint="Nothing older of what is not whole expired. Mend the cause and run the backup again; "
            "what is safe can be restored meanwhile.",
        )
