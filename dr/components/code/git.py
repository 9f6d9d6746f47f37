"""Running git over a repository that we only want to read: it asks nothing, runs no hook and fetches nothing by itself.

It believes the objects and nothing that stands beside them: with a damaged commit-graph, or a line in info/grafts, it
would pack a history that ends early and call it whole.

Variables such as GIT_DIR, which a hook or a rebase leaves in the environment, would send every command to another
repository than the one named; they are taken away.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dr.errors import AuthenticationFailed, ServerUnreachable, SourceError, ToolError
from dr.pipeline.process import Child, Exit, run

_NOT_INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_QUARANTINE_PATH",
)
_GUARDS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.commitGraph=false",
    "core.multiPackIndex=false",
    "pack.useBitmaps=false",
    "advice.graftFileDeprecated=false",
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_REFUSED = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied|terminal prompts disabled"
    r"|requested URL returned error: 40[13]"
)
_UNREACHABLE = re.compile(
    r"Could not resolve|unable to access|Connection (?:refused|timed out|reset|closed)|No route to host"
    r"|unable to connect|early EOF|requested URL returned error: 5\d\d"
)


def redacted(text: str) -> str:
    """What git says, without the user and password of an address in it.

    >>> redacted("unable to access 'https://me:word@example.org/shop.git'")
    "unable to access 'https://example.org/shop.git'"
    """
    return _USERINFO.sub("", text)


def command(path: Path | None, *arguments: str | Path) -> tuple[str | Path, ...]:
    """The argv of git in ``path``, or outside of any repository."""
    if shutil.which("git") is None:
        raise ToolError("the program git is missing", hint="Install git; restored bundles can be cloned by it later.")
    unset = tuple(word for name in _NOT_INHERITED for word in ("-u", name))
    guards = tuple(word for guard in _GUARDS for word in ("-c", guard))
    place = () if path is None else ("-C", path)
    return ("env", *unset, "git", *guards, *place, *arguments)


def environment(ssh: str = "") -> dict[str, str]:
    """What git finds in its environment. ``ssh`` is the repository's own command for it, when it has one."""
    ssh = os.environ.get("GIT_SSH_COMMAND") or ssh or "ssh"
    added = {
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        # What a replacement hides is part of the repository, and so is the replacement: both are backed up as they are.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": "/dev/null",
    }
    return added if "GIT_SSH" in os.environ else {**added, "GIT_SSH_COMMAND": f"{ssh} -oBatchMode=yes"}


def git(path: Path | None, *arguments: str | Path, deadline: float, ssh: str = "") -> tuple[Exit, str]:
    """Run one command to its end; the caller judges the status. ``deadline`` in seconds, then it is killed."""
    return run(
        f"git {arguments[0]}", command(path, *arguments), environment=environment(ssh), deadline_seconds=deadline
    )


def asked(path: Path, *arguments: str | Path, deadline: float) -> str:
    """What git answers. Raises SourceError, with what to do, when it does not."""
    ended, output = git(path, *arguments, deadline=deadline)
    if not ended.ok:
        raise failure(str(path), ended)
    return output


def failure(source: str, ended: Exit) -> SourceError:
    """The error behind a command that failed over ``source``."""
    source, detail = redacted(source), redacted(str(ended))
    if "dubious ownership" in ended.stderr:
        return SourceError(
            f"{source} belongs to another account, and git does not read it",
            detail,
            f"As the account that makes backups: git config --global --add safe.directory {source}",
        )
    if _REFUSED.search(ended.stderr):
        return AuthenticationFailed(
            f"{source} refuses us", detail, "Give the account that makes backups a key or a credential helper."
        )
    if _UNREACHABLE.search(ended.stderr):
        return ServerUnreachable(f"{source} does not answer", detail, "Look at the network and at its host.")
    if ended.status < 0:
        return SourceError(f"git was not done with {source} in time", detail, "Raise code.timeout_minutes.")
    return SourceError(
        f"{source} is no git repository that can be read", detail, "Correct code.repositories or code.urls."
    )


@contextmanager
def streamed(path: Path, *arguments: str, lines: str, deadline: float) -> Iterator[Child]:
    """A command that is given ``lines`` and whose output is read as it comes; killed after ``deadline`` seconds."""
    name = f"git {arguments[0]}"
    with Child(
        name,
        command(path, *arguments),
        environment=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        timer = threading.Timer(deadline, child.kill_group)
        timer.daemon = True
        timer.start()
        # Aside, or both would wait: git for its output to be read, we for our lines to be.
        feeder = threading.Thread(target=_feed, args=(child, lines), daemon=True, name="refs")
        feeder.start()
        try:
            yield child
        finally:
            timer.cancel()
            child.kill_group()
            feeder.join(timeout=5)


def _feed(child: Child, lines: str) -> None:
    with suppress(BrokenPipeError, ValueError):
        child.stdin.write(lines.encode())
    child.close_stdin()
