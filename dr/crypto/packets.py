"""What an OpenPGP message says about itself before it is decrypted (RFC 4880 sections 4.2, 5.1, 5.3).

Used to be sure that what lies in a store is encrypted, and for whom, without any key (I20).
"""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import BackupInvalid

_PUBLIC_KEY_SESSION, _PASSPHRASE_SESSION = 1, 3
_ENCRYPTED_DATA = {9, 18, 20}
ENOUGH = 64 * 1024


@dataclass(frozen=True, slots=True)
class Envelope:
    """Key ids (16 hex digits) a message is encrypted to, and whether a passphrase opens it."""

    key_ids: tuple[str, ...]
    passphrase: bool


def _length(data: bytes, at: int, new_format: bool, length_type: int) -> tuple[int | None, int]:
    """A packet's body length (None: until the end) and where its body begins."""
    if new_format:
        first = data[at]
        if first < 192:
            return first, at + 1
        if first < 224:
            return ((first - 192) << 8) + data[at + 1] + 192, at + 2
        if first == 255:
            return int.from_bytes(data[at + 1 : at + 5]), at + 5
        return None, at + 1
    if length_type == 3:
        return None, at
    size = 1 << length_type
    return int.from_bytes(data[at : at + size]), at + size


def parse_envelope(head: bytes, origin: str) -> Envelope:
    """Read the session-key packets at the beginning of a message. Raises ``BackupInvalid`` if it is not encrypted.

    ``head`` needs the first ``ENOUGH`` bytes of the object, or all of a shorter one.
    """
    key_ids: list[str] = []
    passphrase = False
    at = 0
    try:
        while True:
            header = head[at]
            if not header & 0x80:
                raise _plaintext(origin)
            new_format = bool(header & 0x40)
            tag = header & 0x3F if new_format else (header >> 2) & 0x0F
            length, body = _length(head, at + 1, new_format, header & 0x03)
            if tag in _ENCRYPTED_DATA:
                break
            if tag == _PUBLIC_KEY_SESSION:
                key_ids.append(head[body + 1 : body + 9].hex().upper())
                if length is None or length < 10 or len(key_ids[-1]) != 16:
                    raise _plaintext(origin)
            elif tag == _PASSPHRASE_SESSION:
                passphrase = True
            else:
                raise _plaintext(origin)
            if length is None:
                raise _plaintext(origin)
            at = body + length
    except IndexError:
        raise _plaintext(origin) from None
    if not key_ids and not passphrase:
        raise _plaintext(origin)
    return Envelope(tuple(key_ids), passphrase)


def _plaintext(origin: str) -> BackupInvalid:
    return BackupInvalid(
        f"{origin} is not an OpenPGP-encrypted object",
        hint="Do not use it. If it holds data, it lies there in the clear: remove it and look for what wrote it.",
    )
