"""No secret in what is shown, and none in any command line of any process that we begin."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli.command import Dr, descendants, finished
from tests.integration.conftest import TestServer


def test_no_secret_is_shown_or_can_be_seen_by_ps(dr: Dr, server: TestServer) -> None:
    """A backup, watched from outside: neither the password nor the passphrase is in a stream or in an argv."""
    secrets = (server.password.reveal(), dr.environment["BACKUP_ENCRYPTION_KEY"])
    seen: set[str] = set()
    with dr.begun("backup", "--json", "-v") as process:
        while process.poll() is None:
            seen |= {" ".join(argv) for argv in descendants(process.pid).values()}
        ended = finished(process)

    programs = {Path(word).name for line in seen for word in line.split()}
    assert ended.code == 0, ended.err
    assert {"pg_dump", "gpg"} <= programs
    for secret in secrets:
        assert not [line for line in seen if secret in line]
        assert secret not in ended.out + ended.err


def test_the_configuration_is_shown_without_its_secrets(dr: Dr, server: TestServer) -> None:
    """``config show`` names every origin and masks every secret."""
    for arguments in (["config", "show"], ["config", "show", "--json", "-v"]):
        shown = dr(*arguments)
        assert shown.code == 0, shown.err
        assert "environment DATABASE_URL" in shown.out
        for secret in (server.password.reveal(), dr.environment["BACKUP_ENCRYPTION_KEY"]):
            assert secret not in shown.out + shown.err
