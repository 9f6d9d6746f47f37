"""Which of PostgreSQL's messages speak of the host, and which of the data (I27). Pure.

Whoever drills on a host without the original's extensions or locales gets errors that look like a broken backup. What
is not listed here counts against the backup: a message that nobody knows is no excuse.
"""

from __future__ import annotations

import re

_FAULTS: tuple[tuple[str, str], ...] = (
    (
        r'extension "([^"]+)" is not available|could not open extension control file "[^"]*/([^/"]+)\.control"',
        "extension {} is not installed on this host: install its package for this PostgreSQL",
    ),
    (
        r'could not (?:access|load) (?:file|library) "(?:\$libdir/|/[^"]*/)?([^/"]+?)(?:\.so)?"',
        "library {} is not installed on this host: install its package for this PostgreSQL",
    ),
    (r"No space left on device|[Dd]isk quota exceeded", "this host's disk is full: free space, or set drill.directory"),
    (r"Cannot allocate memory|out of memory", "this host has too little memory"),
    (r"could not (?:create|map|resize) (?:anonymous )?shared memory", "this host gives too little shared memory"),
    (r"could not create semaphores", "this host gives too few semaphores"),
    (r"[Tt]oo many open files", "this host lets too few files be open: raise ulimit -n"),
    (
        (
            r'database locale is incompatible with operating system|invalid locale name: "?([^"\n]*)"?'
            r'|could not create locale "([^"]+)"|new collation \([^)]*\) is incompatible'
        ),
        "a locale {} of the original is not installed on this host: install it (locale-gen)",
    ),
    (r"ICU is not supported in this build", "this host's PostgreSQL is built without ICU: use the distribution's"),
    (
        (
            r"(?:compression method )?(lz4|zstd) (?:is )?not supported"
            r"|This functionality requires the server to be built with (lz4|zstd) support"
            r'|invalid value for parameter "(?:wal_compression|default_toast_compression)": "([^"]+)"'
        ),
        "this host's PostgreSQL is built without {}: use the distribution's",
    ),
    (
        r'unrecognized configuration parameter "([^"]+)"',
        "the setting {} is not known on this host: the extension that it belongs to is not installed",
    ),
    (
        r"could not load (?:server certificate|private key|root certificate) file",
        "a TLS file of the original is missing",
    ),
    (r"initdb: error: program \"postgres\" was not found", "this host's PostgreSQL is not complete"),
    (
        r"could not (?:create|write|extend|open) .*: (Permission denied|Read-only file system)",
        "this host does not let it write: {}",
    ),
)
_COMPILED = tuple((re.compile(pattern), sentence) for pattern, sentence in _FAULTS)


def environment_fault(text: str) -> str | None:
    """What this host lacks, in a sentence that says what to do; None when the message says no such thing.

    >>> environment_fault('FATAL:  could not access file "timescaledb": No such file or directory')
    'library timescaledb is not installed on this host: install its package for this PostgreSQL'
    """
    for pattern, sentence in _COMPILED:
        found = pattern.search(text)
        if found:
            named = next((item for item in found.groups() if item), "")
            return " ".join(sentence.format(named).split())
    return None
