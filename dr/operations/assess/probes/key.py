"""Is the key usable: can a backup be encrypted now, and can what was encrypted be opened on this host?"""

from __future__ import annotations

import secrets

from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.crypto.packets import parse_envelope
from dr.errors import KeyUnusable
from dr.operations.assess.wire import Line, Question
from dr.pipeline.process import Child
from dr.policy.next_step import ENCRYPTS_ONLY
from dr.policy.observation import Condition, Observation, Subject


def answer(system: System, question: Question) -> Line:
    """A few bytes there and back. A host that only backs up has no secret key, and is told so: that is no fault."""
    return Line(answers=question, observed=(_there_and_back(system, question.seconds),))


def _there_and_back(system: System, seconds: float) -> Observation:
    plain = secrets.token_hex(16).encode()
    with opened(system.encryption) as cipher:
        if not cipher.recipients and system.encryption.passphrase is None:
            said = "no recipient is configured: backups are opened here, none are made"
            return Observation(Subject.KEY, Condition.OK, "OK (opens only)", said)
        message = _encrypted(cipher, plain, seconds)
        whose = ", ".join(key.fingerprint[-16:] for key in cipher.recipients) or "the passphrase"
        if not cipher.can_decrypt(parse_envelope(message, "a test")):
            said = f"encrypts for {whose}; the secret key is not on this host: to restore, bring the escrowed one"
            return Observation(Subject.KEY, Condition.OK, ENCRYPTS_ONLY, said)
        if _decrypted(cipher, message, seconds) != plain:
            raise KeyUnusable("what was encrypted came back as something else", hint="Look at the installation of gpg.")
    return Observation(Subject.KEY, Condition.OK, "OK", f"{whose}: encrypted and opened again on this host")


def _encrypted(cipher: Cipher, plain: bytes, seconds: float) -> bytes:
    with cipher.encryptor("a test") as gpg:
        return _through(gpg, plain, seconds)


def _decrypted(cipher: Cipher, message: bytes, seconds: float) -> bytes:
    with cipher.decryptor("a test") as gpg:
        return _through(gpg, message, seconds)


def _through(gpg: Child, data: bytes, seconds: float) -> bytes:
    """What a few bytes become. Raises ``KeyUnusable`` with gpg's own words."""
    gpg.stdin.write(data)
    gpg.close_stdin()
    result = gpg.stdout.read()
    ended = gpg.wait(seconds)
    if not ended.ok:
        last = [line for line in ended.stderr.splitlines() if not line.startswith("[GNUPG:]")]
        raise KeyUnusable(f"{ended.name} fails", "; ".join(last[-3:]), "Look at encryption.* (dr config show).")
    return result
