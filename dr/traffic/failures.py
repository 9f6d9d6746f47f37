"""Whatever keeps traffic from being switched, as one kind of error: the provider's own words, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dr.errors import DrError, InfrastructureError, ServerUnreachable, SourceBusy, SourceError
from dr.traffic.protocol import Change, Now


class NotAnswering(InfrastructureError):
    """The provider does not answer, or asks to slow down: it may answer later."""

    retryable = True


class ChangedSince(InfrastructureError):
    """Something is neither as it was planned from nor as it is wanted. Nothing of it was touched."""


@contextmanager
def as_infrastructure() -> Iterator[None]:
    """Raise what a provider or program answers as ``InfrastructureError``; one that may pass can be tried again."""
    found: DrError
    try:
        yield
        return
    except (SourceBusy, ServerUnreachable) as error:
        found = NotAnswering(error.message, error.detail, error.hint)
    except SourceError as error:
        found = InfrastructureError(error.message, error.detail, error.hint)
    raise found from None


def changed_since(change: Change, now: Now) -> ChangedSince:
    """Somebody else has been at it since the plan: to go on would undo what they did."""
    return ChangedSince(
        f"{change.name} was changed by somebody since the plan was made; nothing of it was touched",
        f"planned from: {change.before.words}; it is now: {now.words}",
        "Find out who did it. Then run this again: it plans anew, from what is there.",
    )


def without_effect(change: Change, now: Now) -> InfrastructureError:
    """The provider said yes, and looking again shows something else."""
    return InfrastructureError(
        f"{change.name} was changed, and did not become what was wanted",
        f"wanted: {change.after.words}; read back: {now.words}",
        "Something else may write there as well (external-dns, an autoscaling group). Stop it, then plan anew.",
    )
