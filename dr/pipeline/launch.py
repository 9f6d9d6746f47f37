"""What a child process is started with: an account, words before its command, an environment without our secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from dr.errors import ToolError

_NOT_FOR_CHILDREN = frozenset(
    {
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "BACKUP_ENCRYPTION_KEY",
        "DATABASE_URL",
        "DR_TARGET_URL",
        "NOTIFICATION_WEBHOOK",
        "ALERT_SMS_WEBHOOK",
        "REDIS_URL",
        "VAULT_TOKEN",
    }
)


_withheld: set[str] = set()


def withhold(names: Iterable[str]) -> None:
    """From now on no child inherits these variables: the configuration names them as holding its secrets."""
    _withheld.update(names)


@dataclass(frozen=True, slots=True)
class Account:
    """Who a child runs as: None for ourselves, a number of a real account, or root under another number.

    PostgreSQL refuses to run as root. Root that owns the files can run it in a user namespace in which root has another
    number, so nothing has to be handed to a second account or moved out of root's home.
    """

    uid: int | None = None
    gid: int | None = None
    namespace: bool = False


@cache
def tool(name: str) -> str | None:
    """Where a system's program is; None when it is not installed."""
    return shutil.which(name)


def prefix(account: Account, death_signal: str) -> tuple[str, ...]:
    """What stands before a command so that it runs as ``account`` and gets ``death_signal`` when we die."""
    words: tuple[str, ...] = ()
    if account.namespace:
        unshare = tool("unshare")
        if unshare is None:
            raise ToolError(
                "the program unshare is missing, and PostgreSQL does not run as root without it",
                hint="Install util-linux, or run as an ordinary user.",
            )
        words += (unshare, "--user", f"--map-user={account.uid}", f"--map-group={account.gid}", "--")
    setpriv = tool("setpriv")
    if setpriv is not None:
        words += (setpriv, f"--pdeathsig={death_signal}", "--")
    return words


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment without our secrets, messages in English (they are parsed), and what the caller adds."""
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_CHILDREN | _withheld}
    everything = kept.pop("LC_ALL", "")  # it would win over LC_MESSAGES
    if everything:
        kept["LC_CTYPE"] = everything
    return {**kept, "LC_MESSAGES": "C", "LANGUAGE": "C", **extra}
