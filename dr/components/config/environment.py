r"""Variables of an environment as a file that ``sh``, systemd and this program read alike.

One ``NAME="value"`` per variable, sorted by name, with a backslash before each of ``\ " $`` and the backquote; a value
may run over several lines. Load it by ``set -a; . ./environment; set +a``, or name it as EnvironmentFile of a unit. A
name that no shell takes stands in a comment, from which only this program reads it.
"""

from __future__ import annotations

import fnmatch
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence

from dr.errors import BackupInvalid

_RANDOM_BYTES = 16
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ODD = "#:"
"""Begins the line of a variable whose name is none for a shell."""
_TO_ESCAPE = re.compile(r'([\\"$`])')
_ESCAPED = re.compile(r'\\([\\"$`\n])')
_HEAD = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[^\s=#\"'][^\n=]*?)[ \t]*=[ \t]*")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'([^']*)'")}


def chosen(patterns: Sequence[str], environ: Mapping[bytes, bytes] | None = None) -> dict[str, str]:
    """The variables whose names match, sorted. What is no UTF-8 is kept as the file system keeps odd names."""
    everything = os.environb if environ is None else environ
    found = {os.fsdecode(name): os.fsdecode(value) for name, value in everything.items()}
    return {
        name: found[name] for name in sorted(found) if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def missing(patterns: Sequence[str], found: Mapping[str, str]) -> tuple[str, ...]:
    """What was asked for and is not set."""
    return tuple(item for item in patterns if not any(fnmatch.fnmatchcase(name, item) for name in found))


def encode(variables: Mapping[str, str]) -> bytes:
    """The file. Its first line is random, for the manifest has a hash of it: no value can be guessed by that."""
    lines = [f"# {secrets.token_hex(_RANDOM_BYTES)}\n"]
    for name, value in sorted(variables.items()):
        quoted = _TO_ESCAPE.sub(r"\\\1", value)
        if _NAME.fullmatch(name):
            lines.append(f'{name}="{quoted}"\n')
        else:
            lines.append(f'{_ODD}{os.fsencode(name).hex()}="{os.fsencode(value).hex()}"\n')
    return os.fsencode("".join(lines))


def decode(data: bytes, origin: str) -> dict[str, str]:
    """What ``encode`` has written. Raises ``BackupInvalid`` on anything else."""
    text = os.fsdecode(data)
    found: dict[str, str] = {}
    position = text.find("\n") + 1
    while position < len(text):
        odd = text.startswith(_ODD, position)
        begin = position + (len(_ODD) if odd else 0)
        name, equals, _ = text[begin:].partition("=")
        match = _QUOTED['"'].match(text, begin + len(name) + 1)
        if not equals or match is None or "\n" in name or not text.startswith("\n", match.end()):
            line = text.count("\n", 0, position) + 1
            raise BackupInvalid(f"line {line} of {origin} is no variable", hint="Use another copy.")
        value = _ESCAPED.sub(r"\1", match[1])
        if odd:
            name, value = (os.fsdecode(bytes.fromhex(part)) for part in (name, value))
        found[name] = value
        position = match.end() + 1
    return found


def parse(text: str) -> dict[str, str] | None:
    """Any file of ``NAME=value`` lines, as dotenv and systemd write them; None when a line is something else."""
    found: dict[str, str] = {}
    for name, value in _assignments(text):
        if name is None:
            return None
        found[name] = value
    return found


def _assignments(text: str) -> Iterator[tuple[str | None, str]]:
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].strip()
        head = _HEAD.match(text, position)
        if not line or line[0] in "#;":
            position = end + 1
        elif head is None:
            yield None, ""
            position = end + 1
        else:
            value, position = _value(text, head.end(), end)
            yield head["name"], value


def _value(text: str, begin: int, end: int) -> tuple[str, int]:
    """The value and where the next line begins. A quoted one may run over lines."""
    quoted = _QUOTED.get(text[begin : begin + 1])
    match = quoted.match(text, begin) if quoted else None
    if match is None:
        return text[begin:end].strip(), end + 1
    after = text.find("\n", match.end())
    value = _ESCAPED.sub(r"\1", match[1]) if text[begin] == '"' else match[1]
    return value, len(text) if after < 0 else after + 1
