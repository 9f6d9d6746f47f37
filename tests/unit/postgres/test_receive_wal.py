"""pg_receivewal is begun with no secret in its arguments, and its complaints are understood."""

from __future__ import annotations

from pathlib import Path

from dr.catalog.wal_names import Segment
from dr.postgres.installations import Installation
from dr.postgres.receive_wal import begin_at, mend_partial, receive_argv, slot_is_gone, wal_was_removed

REMOVED = (
    "pg_receivewal: error: unexpected termination of replication stream: ERROR:  requested WAL segment "
    "000000010000000000000002 has already been removed"
)
GONE = (
    'pg_receivewal: error: could not send replication command "START_REPLICATION": ERROR:  replication slot "dr_shop" '
    "does not exist"
)


def test_its_arguments_hold_neither_an_address_nor_a_password(tmp_path: Path) -> None:
    """Those go by the environment; without --no-loop it would hide every broken connection."""
    program = tmp_path / "pg_receivewal"
    program.touch()
    argv = receive_argv(Installation(tmp_path, 18, 4, False), "dr_shop", tmp_path / "spool", True)

    assert argv[0] == str(program)
    assert {"--no-loop", "--no-password", "--slot=dr_shop", "--synchronous"} <= set(argv)
    assert not [word for word in argv if word.startswith(("--host", "--dbname", "--username", "--compress"))]


def test_removed_wal_and_a_missing_slot_are_told_apart() -> None:
    """The one is a loss, the other is mended by making a new slot."""
    assert (wal_was_removed(REMOVED), slot_is_gone(REMOVED)) == (True, False)
    assert (wal_was_removed(GONE), slot_is_gone(GONE)) == (False, True)
    assert (wal_was_removed("connection refused"), slot_is_gone("connection refused")) == (False, False)


def test_an_open_segment_that_was_killed_in_the_making_can_be_gone_on_with(tmp_path: Path) -> None:
    """Zeros only: made anew; with WAL in it: filled up, nothing is lost; whole or empty: left alone."""
    begin_at(tmp_path, Segment(1, 0, 5))
    partial = tmp_path / "000000010000000000000005.partial"
    assert not mend_partial(partial, 1 << 20)
    partial.write_bytes(bytes(4096))
    assert mend_partial(partial, 1 << 20)
    assert partial.stat().st_size == 0
    partial.write_bytes(b"\x16\xd1" + bytes(4094))
    assert mend_partial(partial, 1 << 20)
    assert partial.read_bytes() == b"\x16\xd1" + bytes((1 << 20) - 2)
    assert not mend_partial(partial, 1 << 20)
