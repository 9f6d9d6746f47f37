"""An OpenPGP key pair of this test run: opening an object with it takes milliseconds.

A passphrase is stretched for half a second of a processor each time that an object is written or read. That is right in
production, and was most of the time of these tests. Those that are about passphrases use ``by_passphrase``.
"""

from __future__ import annotations

import atexit
import secrets
from contextlib import ExitStack
from functools import cache

from dr.configuration.model import EncryptionSettings
from dr.secret import Secret
from tests.unit.crypto.keyrings import new_keyring


@cache
def quick_encryption() -> EncryptionSettings:
    """To the one key of this process; its ring goes when the process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    ring = stack.enter_context(new_keyring())
    return ring.settings(ring.new_key("quick"))


def by_passphrase() -> EncryptionSettings:
    """With a passphrase that is made up now."""
    return EncryptionSettings(passphrase=Secret(secrets.token_hex(16)))
