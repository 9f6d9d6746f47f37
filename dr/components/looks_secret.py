"""Does it look like a secret? For what is shown to people: it would rather hide too much than too little. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter

from dr.configuration.masking import MASK, mask_url

_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_PRIVATE_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_USERINFO = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s@]*:[^/?#\s]*@")
_TOKEN = re.compile(r"[A-Za-z0-9+/_~.=-]{20,}")
_TOKEN_BITS = 3.2
"""Bits per character above which a long word is no language: hexadecimal has up to 4, base64 up to 6."""
_NAMED = re.compile(r"(?i)\b[a-z0-9_.-]{2,60}[\"']?\s*[=:]\s*")
_VALUE = re.compile(r"""\"[^\"]*\"|'[^']*'|\S+""")
_BEARER = re.compile(r"(?i)\b(bearer|basic|token)\s+[^\s,;]+")
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "key keys pw pass pin otp seed salt cert auth url uri dsn conn connection cookie session sid psk hmac jwt sas",
    )
)
_PARTS = (
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "private",
    "apikey",
    "accesskey",
    "signature",
    "authorization",
    "webhook",
    "license",
)
_ADDRESSES = frozenset(("url", "uri", "dsn", "conn", "connection", "webhook", "cert"))
"""Names of what holds a secret only now and then: an address without a password is none."""


def words_of(name: str) -> list[str]:
    """The words of a name in any of the usual spellings, in lower case.

    >>> words_of("smtp.apiKey_old")
    ['smtp', 'api', 'key', 'old']
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def secret_name(name: str) -> bool:
    """Whether what has this name may be a secret.

    >>> [secret_name(item) for item in ("DB_PASSWORD", "databaseUrl", "keyboard", "log.level")]
    [True, True, False, False]
    """
    flat = re.sub(r"[^a-z0-9]", "", name.lower())
    return any(part in flat for part in _PARTS) or not _WORDS.isdisjoint(words_of(name))


def secret_value(value: str) -> bool:
    """Whether the value itself looks like one, whatever its name: a PEM block, a URL with a password, random text.

    >>> [secret_value(item) for item in ("redis://:b@host/1", "https://host/path", "9f86d081884c7d659a2feaa0c55ad015")]
    [True, False, True]
    """
    if _PEM.search(value) or _USERINFO.search(value):
        return True
    return any(_random(word) for word in _TOKEN.findall(value))


def holds_secret(name: str, value: str) -> bool:
    """Whether a file with this in it should not be for everybody. Stricter than ``secret_name``: fewer false alarms."""
    if not value.strip() or harmless(value):
        return False
    if secret_value(value):
        return True
    named = set(words_of(name))
    return secret_name(name) and named.isdisjoint(_ADDRESSES) and not value.startswith(("/", "./", "file:"))


def private_key(value: str) -> bool:
    """Whether it holds a private key in PEM form."""
    return _PRIVATE_PEM.search(value) is not None


def _random(word: str) -> bool:
    """Letters and digits mixed, and as many different ones as only chance makes; a path's words are looked at apart."""
    parts = re.split(r"[/.]", word)
    if "+" in word or "=" in word:
        parts.append(word.replace("/", ""))
    return any(len(part) >= 20 and _mixed(part) and _bits(part) >= _TOKEN_BITS for part in parts)


def _mixed(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)


def _bits(text: str) -> float:
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


_HARMLESS = re.compile(
    r"(?i)|true|false|yes|no|on|off|null|none|-?[0-9]{1,5}|[0-9]{1,2}\.[0-9]{1,3}"
    r"|[0-9]{1,5} ?(?:ms|s|sec|m|min|h|d|[kmg]i?b?)|trace|debug|info|notice|warn|warning|error|critical|fatal"
)


def harmless(value: str) -> bool:
    """A switch, a small number, a duration, a size, a log level: what cannot be a secret worth the name.

    >>> [harmless(item) for item in ("true", "5432", "30s", "warning", "", "hunter2", "4929123412341234")]
    [True, True, True, True, True, False, False]
    """
    return _HARMLESS.fullmatch(value.strip()) is not None


def blotted(text: str) -> str:
    """What a program has said, with everything replaced that looks like a secret.

    >>> blotted("login failed: password=hunter2 for https://me:pw@host/")
    'login failed: password=******** for https://me:********@host/'
    """
    text = _PEM.sub(MASK, text)
    text = _BEARER.sub(lambda found: f"{found[1]} {MASK}", mask_url(text))
    text = _without_named(text)
    return _TOKEN.sub(lambda found: MASK if _random(found[0]) else found[0], text)


def _without_named(text: str) -> str:
    """Without the values of what has a secret's name: ``token=...``, ``"password": "..."``."""
    kept, position = [], 0
    while name := _NAMED.search(text, position):
        value = _VALUE.match(text, name.end())
        hide = value is not None and secret_name(name[0]) and _ADDRESSES.isdisjoint(words_of(name[0]))
        kept.append(text[position : name.end()] + (MASK if hide else ""))
        position = value.end() if hide and value is not None else name.end()
    return "".join(kept) + text[position:]
