"""An operator's SQL is told apart as PostgreSQL tells it apart, and the person's key never becomes part of it."""

from __future__ import annotations

import pytest

from dr.errors import ConfigurationError
from dr.postgres.named_parameter import Statement, statements


def read(sql: str) -> list[tuple[str, bool]]:
    """Each statement, and whether it names the parameter."""
    return [(item.text, item.uses) for item in statements(sql, "subject", "a.sql")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ':subject;'",
        "SELECT E'it\\'s :subject;'",
        "SELECT 'it''s :subject;'",
        'SELECT ":subject;" FROM a',
        "SELECT $$ :subject; $$",
        "SELECT $body$ :subject; $$ $body$",
        "SELECT a::subject FROM b",
    ],
)
def test_what_only_looks_like_a_parameter_or_an_end_is_left_alone(sql: str) -> None:
    """In strings, quoted names, dollar-quoted bodies and casts."""
    assert read(sql) == [(sql, False)]


def test_comments_are_no_statements_and_hold_no_parameter() -> None:
    """Not on their own, not nested, not behind the last statement."""
    sql = "-- database: shop :other\n/* a /* :nested; */ ; */ DELETE FROM a WHERE id = :subject; -- :other\n/* ; */"

    assert read(sql) == [("DELETE FROM a WHERE id = %(subject)s", True)]


def test_statements_are_told_apart() -> None:
    """Empty ones are none."""
    sql = "DELETE FROM a WHERE id=:subject;;\n UPDATE b SET c = 'x;y' WHERE d LIKE '%' AND e=:subject::int"

    assert read(sql) == [
        ("DELETE FROM a WHERE id=%(subject)s", True),
        ("UPDATE b SET c = 'x;y' WHERE d LIKE '%%' AND e=%(subject)s::int", True),
    ]


def test_a_percent_sign_stays_one() -> None:
    """psycopg reads it as a placeholder's beginning otherwise, in comments of the text too."""
    assert read("SELECT 5 % 2, '%s', \"a%\"") == [("SELECT 5 %% 2, '%%s', \"a%%\"", False)]


def test_another_parameter_is_refused_by_name() -> None:
    """A misspelt one would otherwise be a syntax error at the worst moment."""
    with pytest.raises(ConfigurationError, match=r"a\.sql has a parameter :subjekt"):
        statements("DELETE FROM a WHERE id = :subjekt", "subject", "a.sql")


def test_a_comment_without_an_end_is_refused() -> None:
    """All that follows would be part of it."""
    with pytest.raises(ConfigurationError, match="does not end"):
        statements("DELETE FROM a /* WHERE id = :subject", "subject", "a.sql")


def test_a_statement_says_whether_it_names_the_parameter() -> None:
    """By which one that is about everybody is refused."""
    assert statements("DELETE FROM a", "subject", "a.sql") == (Statement("DELETE FROM a", False),)
