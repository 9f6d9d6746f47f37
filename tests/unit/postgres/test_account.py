"""Under which account a server runs: never root, always the owner of its directory."""

from __future__ import annotations

import os
import pwd

import pytest

from dr.pipeline.launch import Account
from dr.pipeline.process import run
from dr.postgres.account import account_for, make_directory, namespaces_work

NOBODY = pwd.getpwnam("nobody")
ONLY_ROOT = "not applicable: only root has the choice of an account"


def _number(account: Account) -> int:
    ended, text = run("id", ("id", "-u"), account=account)
    assert ended.ok, str(ended)
    return int(text)


def test_a_server_never_runs_as_root(tmp_path):
    """PostgreSQL refuses to, and rightly."""
    assert _number(make_directory(tmp_path / "data")) != 0


def test_a_directory_for_a_server_is_private_and_can_be_written_by_its_account(tmp_path):
    """PostgreSQL refuses one that others can read."""
    directory = tmp_path / "deeper" / "data"

    account = make_directory(directory)

    assert directory.stat().st_mode & 0o777 == 0o700
    ended, _ = run("touch", ("touch", directory / "PG_VERSION"), account=account)
    assert ended.ok, str(ended)
    make_directory(directory)  # again, with something in it
    assert account_for(directory) == account


def test_an_ordinary_user_runs_as_himself(tmp_path):
    """There is no choice, and none is needed."""
    if os.geteuid() == 0:
        account = Account(NOBODY.pw_uid, NOBODY.pw_gid)
        os.chown(tmp_path, NOBODY.pw_uid, NOBODY.pw_gid)
        assert account_for(tmp_path) == account
        assert _number(account) == NOBODY.pw_uid
    else:
        assert account_for(tmp_path) == Account()


def test_a_new_directory_beside_an_old_one_has_the_same_owner(tmp_path):
    """Tablespaces and sockets belong to whoever runs the server."""
    if os.geteuid() != 0:
        pytest.skip(ONLY_ROOT)
    old = tmp_path / "old"
    old.mkdir()
    os.chown(old, NOBODY.pw_uid, NOBODY.pw_gid)

    account = make_directory(tmp_path / "new", old)

    assert (tmp_path / "new").stat().st_uid == NOBODY.pw_uid
    assert account == Account(NOBODY.pw_uid, NOBODY.pw_gid)


def test_root_gets_another_number_where_the_kernel_allows_it(tmp_path):
    """Nothing is handed to another account: files stay root's."""
    if os.geteuid() != 0 or not namespaces_work():
        pytest.skip("not applicable: no root, or no user namespaces")
    account = make_directory(tmp_path / "data")

    assert account.namespace
    assert _number(account) == NOBODY.pw_uid
    run("touch", ("touch", tmp_path / "data" / "file"), account=account)
    assert (tmp_path / "data" / "file").stat().st_uid == 0
