"""Where a recovery goes, read from one word."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.errors import ConfigurationError, DrError, TargetRefused
from dr.operations.target import DatabaseTarget, DirectoryTarget, parse_target
from dr.postgres.connection import parameters


def test_nothing_given_is_no_target():
    """The caller chooses one of its own."""
    assert parse_target("") is None


@pytest.mark.parametrize("text", ["/srv/restored", "/srv/with space", "/srv/postgresql"])
def test_a_path_is_a_directory_for_a_base_backup(text):
    """Whatever it is called."""
    target = parse_target(text)

    assert target == DirectoryTarget(Path(text))
    assert target.kind is Kind.BASE
    assert str(target) == text


def test_a_relative_path_is_made_absolute_at_once(tmp_path, monkeypatch):
    """The plan shows where it really goes."""
    monkeypatch.chdir(tmp_path)

    assert parse_target("restored") == DirectoryTarget(tmp_path / "restored")


def test_the_home_directory_is_meant_by_a_tilde(tmp_path, monkeypatch):
    """No shell expands it behind --to= or in a form."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert parse_target("~/restored") == DirectoryTarget(tmp_path / "restored")


def test_the_home_of_nobody_is_told():
    """A mistyped name behind the tilde is no traceback."""
    with pytest.raises(DrError):
        parse_target("~no-such-user/restored")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:{token}@db:5433/main",
        "postgres://app:{token}@db:5433/main",
        "host=db port=5433 user=app password={token} dbname=main",
    ],
)
def test_an_address_is_a_database_for_a_dump_and_never_shows_its_password(text):
    """In either of libpq's forms."""
    token = secrets.token_hex(12)

    target = parse_target(text.format(token=token))

    assert isinstance(target, DatabaseTarget)
    assert target.kind is Kind.DUMP
    assert target.database == "main"
    assert str(target) == "database main on db:5433/main"
    assert token not in repr(target)
    maintenance = parameters(target.maintenance_url)
    assert maintenance == {"user": "app", "password": token, "host": "db", "port": "5433", "dbname": "postgres"}


def test_an_address_can_come_from_a_variable():
    """So that no password is in a form or a shell's history."""
    target = parse_target("env:TARGET", {"TARGET": "postgresql://db/main"})

    assert isinstance(target, DatabaseTarget)
    assert parse_target("env:TARGET", {"TARGET": "/srv/restored"}) == DirectoryTarget(Path("/srv/restored"))


@pytest.mark.parametrize("environ", [{}, {"TARGET": ""}, {"TARGET": "  "}], ids=["not set", "empty", "blank"])
def test_a_variable_that_holds_nothing_is_told(environ):
    """Nothing is never taken for the current directory."""
    with pytest.raises(ConfigurationError, match="TARGET"):
        parse_target("env:TARGET", environ)


@pytest.mark.parametrize("text", ["postgresql://db:5432/", "postgresql://db", "postgres://"])
def test_an_address_without_a_database_is_refused(text):
    """libpq would take the user's name for one."""
    with pytest.raises(TargetRefused, match="names no database") as caught:
        parse_target(text)

    assert caught.value.hint


def test_a_malformed_address_is_told_without_its_password():
    """Not even in the exception that caused it."""
    token = secrets.token_hex(12)
    with pytest.raises(DrError) as caught:
        parse_target(f"postgresql://app:{token}@db:port/main?nonsense")

    error = caught.value
    behind = None if error.__suppress_context__ else error.__context__
    assert token not in f"{error} {error.__cause__} {behind}"
