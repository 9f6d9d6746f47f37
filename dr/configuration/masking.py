"""Blotting out the passwords in what people are shown: connection URLs, conninfo strings, text that quotes them.

It would rather hide too much than too little: a password with an unescaped ``@`` in it is hidden whole.
"""

from __future__ import annotations

import re

MASK = "********"
_IN_URL = re.compile(r"(://[^:/?#@\s]*:)[^\s]*(@)")
_IN_PAIR = re.compile(r"(?i)\b((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&;,]+)")


def mask_url(text: str) -> str:
    """``text`` with every password in a URL, a query or a conninfo replaced by asterisks. Works on any text.

    >>> mask_url("postgresql://app:s3cret@db:5432/main?sslpassword=x&sslmode=require")
    'postgresql://app:********@db:5432/main?sslpassword=********&sslmode=require'
    >>> mask_url("host=db user=app password='two words' dbname=main")
    'host=db user=app password=******** dbname=main'
    >>> mask_url("postgresql:///main")
    'postgresql:///main'
    """
    return _IN_PAIR.sub(rf"\g<1>{MASK}", _IN_URL.sub(rf"\g<1>{MASK}\g<2>", text))
