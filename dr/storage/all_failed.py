"""When no store is left, each has failed for a reason of its own: one error that tells all of them."""

from __future__ import annotations

from collections.abc import Mapping

from dr.errors import StoreError


def all_of(failures: Mapping[str, StoreError]) -> StoreError:
    """The first error, with what the others said in its detail; as it is where there is only one."""
    (name, first), *others = failures.items()
    if not others:
        return first
    told = [f"{other}: {_told(error)}" for other, error in others]
    return type(first)(f"{name}: {first.message}", "; ".join(filter(None, (first.detail, *told))), first.hint)


def _told(error: StoreError) -> str:
    return f"{error.message} ({error.detail})" if error.detail else error.message
