"""The address given by ``--to``, on its way to the flow: a password in it may not become a parameter of a run."""

from __future__ import annotations

import os

VARIABLE = "DR_TARGET_URL"


def holds_password(to: str) -> bool:
    """Whether this is an address with a password in it."""
    from dr.configuration.masking import mask_url

    return mask_url(to) != to


def target_for_flow(to: str) -> str:
    """``to`` itself, or, when it holds a password, the name of the variable of this process that holds it now."""
    if not holds_password(to):
        return to
    os.environ[VARIABLE] = to
    return f"env:{VARIABLE}"
