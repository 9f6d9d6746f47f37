"""What an OpenPGP message says about itself: told rightly, and whatever lies in a store, nothing else happens (I20)."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dr.crypto.packets import ENOUGH, Envelope, parse_envelope
from dr.errors import BackupInvalid
from tests.unit.crypto.keyrings import FAST

pytestmark = pytest.mark.incident("I20")

PLAIN = b"SELECT 1;\n" * 100
BY_PASSPHRASE = ("--pinentry-mode", "loopback", "--passphrase", "made up for this test", *FAST, "--symmetric")


def _old(tag: int, body: bytes) -> bytes:
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2) + body


def _new(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body


PKESK = b"\x03" + bytes.fromhex("0123456789ABCDEF") + b"\x12" + bytes(40)
PACKETS = st.builds(
    lambda form, tag, body: form(tag, body),
    st.sampled_from([_old, _new]),
    st.sampled_from([1, 2, 3, 4, 8, 9, 10, 11]),
    st.one_of(st.binary(max_size=30), st.just(PKESK)),
)
ENDS = st.sampled_from([b"", bytes([0xC0 | 18, 0xFF]), bytes([0xC0 | 20, 0xEB]), bytes([0xA4, 0x00]), b"\xd2"])


def _encrypted(people, *arguments: str) -> bytes:
    return people.ring.gpg("--compress-algo", "none", "--output", "-", *arguments, data=PLAIN)


def test_recipients_are_told_by_the_id_of_the_key_that_decrypts(people):
    """In the order in which gpg wrote them, 16 hex digits each."""
    message = _encrypted(people, "-r", people.ours, "-r", people.stranger, "--encrypt")

    envelope = parse_envelope(message, "x")

    assert len(envelope.key_ids) == 2
    assert not envelope.passphrase
    listed = people.ring.gpg("--list-keys", "--with-colons").decode()
    assert all(re.search(rf"^sub:.*:{key_id}:", listed, re.MULTILINE) for key_id in envelope.key_ids)


def test_a_passphrase_is_told(people):
    """Nobody's key, one passphrase."""
    assert parse_envelope(_encrypted(people, *BY_PASSPHRASE), "x") == Envelope((), True)


def test_a_message_for_a_key_and_a_passphrase_is_told_as_both(people):
    """Whoever knows the passphrase reads it, so that must not stay unseen."""
    both = parse_envelope(_encrypted(people, "-r", people.ours, "--encrypt", *BY_PASSPHRASE), "x")

    assert both.passphrase
    assert len(both.key_ids) == 1


def test_the_beginning_of_a_large_object_is_enough(people):
    """The rest of it need not be read."""
    large = people.ring.gpg("-r", people.ours, "--output", "-", "--compress-algo", "none", "-e", data=bytes(3 * ENOUGH))

    assert parse_envelope(large[:ENOUGH], "x") == parse_envelope(large, "x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1f\x8b\x08\x00" + bytes(60),
        b"\x28\xb5\x2f\xfd" + bytes(60),
        PLAIN,
        b"PGDMP\x01",
        b"-----BEGIN PGP MESSAGE-----\n",
    ],
    ids=["nothing", "gzip", "zstd", "sql", "custom format dump", "armored"],
)
def test_what_is_no_encrypted_message_is_refused(data):
    """Named, with what to do about data that lies in the clear."""
    with pytest.raises(BackupInvalid, match="x is not an OpenPGP-encrypted object") as caught:
        parse_envelope(data, "x")

    assert caught.value.hint


def test_signed_compressed_or_literal_openpgp_is_not_encrypted(people):
    """OpenPGP packets around plaintext are plaintext."""
    for made in (
        people.ring.gpg("--output", "-", "--store", data=PLAIN),
        people.ring.gpg("-u", people.ours, "--output", "-", "--sign", data=PLAIN),
        people.ring.gpg("--export", people.ours),
    ):
        with pytest.raises(BackupInvalid):
            parse_envelope(made, "x")


@pytest.mark.parametrize("tag", [8, 11], ids=["compressed", "literal"])
def test_a_session_key_in_front_of_plaintext_does_not_make_it_encrypted(tag):
    """What follows must be encrypted data."""
    assert parse_envelope(_old(1, PKESK) + _new(18, b"\x01"), "x") == Envelope(("0123456789ABCDEF",), False)
    with pytest.raises(BackupInvalid):
        parse_envelope(_old(1, PKESK) + _new(tag, PLAIN), "x")


def _parse(data: bytes) -> Envelope | None:
    try:
        return parse_envelope(data, "x")
    except BackupInvalid:
        return None


@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(lambda packets, end: b"".join(packets) + end, st.lists(PACKETS, max_size=4), ENDS),
    )
)
@example(bytes([0xC1, 0x00, 0xD2, 0xFF]))
@example(bytes([0xC1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]))
def test_whatever_lies_there_is_an_envelope_or_is_refused(data):
    """No other error, and an envelope always names its keys in full or a passphrase."""
    envelope = _parse(data)
    if envelope is not None:
        assert envelope.key_ids or envelope.passphrase
        assert all(re.fullmatch("[0-9A-F]{16}", key_id) for key_id in envelope.key_ids)


@given(st.data())
def test_no_damage_to_a_real_message_is_another_error(people, data):
    """Cut or changed anywhere in its head."""
    message = bytearray(_real(people))
    cut = data.draw(st.integers(0, len(message)))
    for place in data.draw(st.lists(st.integers(0, 120), max_size=3)):
        message[place] ^= data.draw(st.integers(1, 255))

    _parse(bytes(message[:cut]))


_made: dict[str, bytes] = {}


def _real(people) -> bytes:
    if people.ours not in _made:
        _made[people.ours] = _encrypted(people, "-r", people.ours, "-r", people.stranger, "--encrypt")
    return _made[people.ours]
