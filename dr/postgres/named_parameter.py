"""SQL of an operator with one named parameter, ``:subject``, made ready to be bound: it is never put into the text.

Statements are told apart as PostgreSQL's lexer does it, so that a semicolon or ``:subject`` within a string, a quoted
name, a comment or a dollar-quoted body is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dr.errors import ConfigurationError

_TOKEN = re.compile(
    r"""
    (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<dollar>(?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?\5)
    | (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<cast>::)
    | (?P<parameter>(?<!\w):(?P<which>[^\W\d]\w*))
    | (?P<percent>%)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_MARK = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` as psycopg takes it, with ``%(NAME)s`` where the parameter stands; ``uses`` says whether it does."""

    text: str
    uses: bool


def statements(sql: str, parameter: str, source: str) -> tuple[Statement, ...]:
    """The statements of a file. Raises ``ConfigurationError`` on a parameter of another name, or an unended comment.

    >>> statements("DELETE FROM a WHERE id = :who; -- and :who", "who", "a.sql")
    (Statement(text='DELETE FROM a WHERE id = %(who)s', uses=True),)
    """
    found: list[Statement] = []
    parts: list[str] = []
    uses = said = False
    place = 0
    while match := _TOKEN.search(sql, place):
        between = sql[place : match.start()]
        said = said or bool(between.strip())
        parts.append(between)
        place = match.end()
        kind = match.lastgroup if match.lastgroup != "which" else "parameter"
        if kind == "line":
            continue
        if kind == "block":
            place = _behind_comment(sql, match.start(), source)
            parts.append(" ")
            continue
        if kind == "end":
            if said:
                found.append(Statement("".join(parts).strip(), uses))
            parts, uses, said = [], False, False
            continue
        said = True
        if match["parameter"]:
            if match["which"] != parameter:
                raise ConfigurationError(
                    f"{source} has a parameter :{match['which']}", hint=f"The only one is :{parameter}."
                )
            uses = True
            parts.append(f"%({parameter})s")
        else:
            parts.append(match[0].replace("%", "%%"))
    rest = sql[place:]
    if said or rest.strip():
        found.append(Statement("".join((*parts, rest)).strip(), uses))
    return tuple(found)


def _behind_comment(sql: str, begin: int, source: str) -> int:
    """Where a comment ends; they nest."""
    depth, place = 0, begin
    while match := _MARK.search(sql, place):
        depth += 1 if match[0] == "/*" else -1
        place = match.end()
        if depth == 0:
            return place
    raise ConfigurationError(f"{source} has a comment that does not end", hint="End it with */.")
