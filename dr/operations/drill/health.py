"""Ask a restored copy as the application would: the operator's own command, run where the copy is."""

from __future__ import annotations

import shlex
import subprocess
import threading

from dr.catalog.manifest import Level
from dr.errors import ConfigurationError, ToolError
from dr.pipeline.launch import Account, tool
from dr.pipeline.process import Child
from dr.policy.drill_verdict import Answer, Probe
from dr.postgres.cluster import Server
from dr.postgres.connection import client_environment, parameters

_NAME = "health check"
_DEADLINE_SECONDS = 600
_SHOWN_CHARACTERS = 500
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def health_check(command: str, server: Server, database: str) -> Probe:
    """Exit status 0 is healthy. The command finds the copy by DATABASE_URL and libpq's variables.

    It runs in the copy's namespaces where that is sealed: an application that is started for it reaches nobody either.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigurationError(f"drill.health_check is no command line: {error}", hint="Check its quotes.") from error
    if not words:
        return Probe(_NAME, Answer.UNPROVEN, "drill.health_check is empty", Level.APP_CHECKED)
    if tool(words[0]) is None:
        detail = f"{words[0]} is not installed on this host, or not in PATH"
        return Probe(_NAME, Answer.UNPROVEN, detail, Level.APP_CHECKED)
    url = server.url_for(database)
    where = parameters(url)
    address = f"postgresql://{where['user']}@/{database}?host={where['host']}&port={where['port']}"
    environment = {**client_environment(url, database), "DATABASE_URL": address}
    try:
        status, said = _run((*server.inside, *words), environment, server.account)
    except ToolError as error:
        return Probe(_NAME, Answer.UNPROVEN, f"{error.message} {error.detail}".strip(), Level.APP_CHECKED)
    shown = " ".join(said.split())[-_SHOWN_CHARACTERS:]
    if status == 0:
        return Probe(_NAME, Answer.PASSED, shown or "healthy", Level.APP_CHECKED)
    if status in (_NOT_FOUND, _NOT_EXECUTABLE):
        return Probe(_NAME, Answer.UNPROVEN, f"{words[0]} cannot be run here: {shown}", Level.APP_CHECKED)
    ended = f"exit status {status}" if status > 0 else f"no answer within {_DEADLINE_SECONDS} s, or killed"
    return Probe(_NAME, Answer.FAILED, f"{ended}: {shown}", Level.APP_CHECKED)


def _run(argv: tuple[str, ...], environment: dict[str, str], account: Account) -> tuple[int, str]:
    """Its status and what it said, on either stream."""
    # Whoever enters the namespaces of a server does so as who made them.
    with Child(_NAME, argv, environment=environment, account=_opener(account), stdout=subprocess.PIPE) as child:
        timer = threading.Timer(_DEADLINE_SECONDS, child.kill_group)
        timer.daemon = True
        timer.start()
        try:
            output = child.stdout.read().decode(errors="replace")
            ended = child.wait(_DEADLINE_SECONDS)
        finally:
            timer.cancel()
    return ended.status, f"{output}\n{ended.stderr}"


def _opener(account: Account) -> Account:
    return Account() if account.namespace else account
