"""Under which account a server runs: the owner of its data directory, as PostgreSQL wants it.

Root owns directories too, and PostgreSQL refuses to run as root. Such a server runs in a user namespace in which
root has an ordinary number: nothing is handed to another account, and it works below root's home as well. Where the
kernel forbids that, new directories are handed to ``nobody``, who must then be able to reach them.
"""

from __future__ import annotations

import os
import pwd
from functools import cache
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.launch import Account
from dr.pipeline.process import run


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


@cache
def namespaces_work() -> bool:
    """Whether this machine lets us give root another number."""
    nobody = _nobody()
    try:
        ended, _ = run(
            "true", ("true",), account=Account(nobody.pw_uid, nobody.pw_gid, namespace=True), deadline_seconds=10
        )
    except ToolError:
        return False
    return ended.ok


def account_for(directory: Path) -> Account:
    """Who must run the server, or the programs that write, in this directory."""
    if os.geteuid() != 0:
        return Account()
    owner = directory.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    if namespaces_work():
        return Account(_nobody().pw_uid, _nobody().pw_gid, namespace=True)
    raise ToolError(
        f"{directory} belongs to root, PostgreSQL does not run as root, and this machine allows no user namespaces",
        hint=f"chown {directory} to the account that runs PostgreSQL (usually postgres).",
    )


def make_directory(path: Path, owner_of: Path | None = None) -> Account:
    """Create a private directory a server can use and say who uses it; it gets the owner of ``owner_of`` if given."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    if os.geteuid() == 0:
        if owner_of is not None:
            owner = owner_of.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        if path.stat().st_uid == 0 and not namespaces_work():
            os.chown(path, _nobody().pw_uid, _nobody().pw_gid)
    return account_for(path)
