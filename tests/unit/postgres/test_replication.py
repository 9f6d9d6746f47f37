"""The messages of a base backup stream, as the protocol's documentation describes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import SourceError
from dr.postgres.replication import Archive, Data, ManifestBegin, Progress, _parse


@pytest.mark.parametrize(
    "message, wanted",
    [
        (b"nbase.tar\0\0", Archive("base.tar", None)),
        (b"n16385.tar.zst\0/srv/fast \xc3\xa9\0", Archive("16385.tar.zst", "/srv/fast é")),
        (b"m", ManifestBegin()),
        (b"p" + (1 << 40).to_bytes(8), Progress(1 << 40)),
        (b"p" + bytes(8), Progress(0)),
    ],
)
def test_each_message_is_told_by_its_first_byte(message, wanted):
    """A new archive, the manifest, progress."""
    assert _parse(memoryview(message)) == wanted


@given(st.binary(max_size=100))
def test_data_is_passed_on_as_it_is(payload):
    """Whatever is in it."""
    parsed = _parse(memoryview(b"d" + payload))

    assert isinstance(parsed, Data)
    assert parsed.payload == payload


@given(st.binary(max_size=20))
def test_what_the_protocol_does_not_know_is_refused(message):
    """A newer server's message is an error that says so, not a wrong archive; and no other error."""
    try:
        parsed = _parse(memoryview(message))
    except SourceError as error:
        assert error.hint  # noqa: PT017 - either way is right
        return
    assert message[:1] in b"dpmn"
    assert parsed is not None


@pytest.mark.parametrize(
    "message", [b"", b"x", b"n", b"nbase.tar", b"nbase.tar\0", b"nbase.tar\0/srv/caf\xe9\0", b"na\0b\0c\0"]
)
def test_a_message_that_is_cut_or_no_text_is_refused(message):
    """Told as the server's fault, with what to do."""
    with pytest.raises(SourceError) as caught:
        _parse(memoryview(message))

    assert caught.value.hint
