"""An object on its way into the stores: whole everywhere it is said to be, and nowhere when a stage failed (I12)."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from dr.catalog.manifest import Compression, Role
from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import opened
from dr.crypto.packets import parse_envelope
from dr.errors import PipelineError, StoreDenied, StoreError, StoreFull
from dr.pipeline.process import Child
from dr.pipeline.write import ObjectPipeline
from dr.secret import Secret
from dr.storage.faults import CommitFails, Denied, FullAfter
from tests.unit.crypto.keyrings import new_keyring
from tests.unit.pipeline.streams import KEY, everything_in, pipeline, read, stores, threads, unfinished_in, write

MIB = 1 << 20
TEXT = b"INSERT INTO orders VALUES (1, 'some text');\n" * 20_000
NOISE = os.urandom(3 * MIB)


@pytest.mark.parametrize("compression", Compression)
def test_what_was_written_reads_back_and_the_record_tells_the_truth(cipher, tmp_path, compression):
    """Sizes and hashes of the record are those of the file on the disk."""
    places = stores(tmp_path)

    written = write(cipher, places, TEXT, compression)

    stored = (tmp_path / "local" / KEY).read_bytes()
    assert written.stores == ("local",)
    assert written.failures == {}
    assert written.record.plain_bytes == len(TEXT)
    assert written.record.stored_bytes == len(stored)
    assert written.record.stored_sha256 == hashlib.sha256(stored).hexdigest()
    assert parse_envelope(stored, "x").key_ids
    assert b"INSERT" not in stored
    assert read(cipher, places["local"], compression, written.record) == TEXT


def test_bytes_that_the_server_has_compressed_are_passed_through(cipher, tmp_path):
    """Nothing is compressed twice, and how much they unpack to is not claimed."""
    places = stores(tmp_path)
    with pipeline(cipher, places, Compression.ZSTD, packed=True) as (opened_, _):
        opened_.write(NOISE)
        written = opened_.finish(tablespace=(16385, "/srv/space"))

    assert written.record.plain_bytes is None
    assert written.record.packed_bytes == len(NOISE)
    assert written.record.packed_sha256 == hashlib.sha256(NOISE).hexdigest()
    assert (written.record.tablespace_oid, written.record.tablespace_path) == (16385, "/srv/space")
    assert read(cipher, places["local"], Compression.NONE) == NOISE


def test_every_store_gets_the_same_bytes_in_one_pass(cipher, tmp_path):
    """Encrypted once, so that one hash speaks for all copies."""
    write(cipher, stores(tmp_path, "local", "cloud", "second"), TEXT)

    copies = {(tmp_path / name / KEY).read_bytes() for name in ("local", "cloud", "second")}
    assert len(copies) == 1


def test_nothing_is_visible_before_the_end(cipher, tmp_path):
    """A reader sees the whole object or none."""
    places = stores(tmp_path)
    with pipeline(cipher, places) as (opened_, _):
        opened_.write(NOISE)
        assert list(places["local"].list("")) == []
        opened_.finish()
    assert [item.key for item in places["local"].list("")] == [KEY]


@pytest.mark.incident("I12")
def test_a_source_that_failed_leaves_nothing_in_any_store(cipher, tmp_path):
    """pg_dump's exit status counts, however good its output looked until then."""
    places = stores(tmp_path, "local", "cloud")
    argv = ("sh", "-c", "echo 'CREATE TABLE t ();'; echo 'pg_dump: error: connection lost' >&2; exit 3")

    def fail() -> None:
        with (
            pipeline(cipher, places) as (opened_, _),
            Child("pg_dump", argv, stdout=subprocess.PIPE) as source,
        ):
            opened_.write(source.stdout.read())
            opened_.finish(source.wait(10))

    with pytest.raises(PipelineError) as caught:
        fail()

    assert "pg_dump: exit status 3: pg_dump: error: connection lost" in caught.value.detail
    assert "gpg --encrypt" in caught.value.detail
    assert "exit status 0" in caught.value.detail
    assert everything_in(tmp_path) == []


@pytest.mark.incident("I12")
def test_a_source_that_was_killed_leaves_nothing(cipher, tmp_path):
    """The out-of-memory killer says nothing on stderr; the signal is told."""

    def fail() -> None:
        with (
            pipeline(cipher, stores(tmp_path)) as (opened_, _),
            Child("pg_dump", ("sleep", "60"), stdout=subprocess.PIPE) as source,
        ):
            opened_.write(TEXT)
            source.signal(signal.SIGKILL)
            opened_.finish(source.wait(10))

    with pytest.raises(PipelineError) as caught:
        fail()

    assert "pg_dump: killed by SIGKILL" in caught.value.detail
    assert everything_in(tmp_path) == []


@pytest.mark.incident("I12")
@pytest.mark.parametrize("compression", Compression)
def test_gpg_killed_half_way_is_told_with_every_stage_and_leaves_nothing(cipher, tmp_path, compression):
    """A broken pipe is the echo; the detail names who was killed, and the source as well."""

    def fail() -> None:
        with (
            pipeline(cipher, stores(tmp_path, "local", "cloud"), compression) as (opened_, encryptor),
            Child("pg_dump", ("true",)) as source,
        ):
            opened_.write(NOISE)
            encryptor.signal(signal.SIGKILL)
            opened_.finish(source.wait(10))

    with pytest.raises(PipelineError, match=r"writing .* failed") as caught:
        fail()

    assert "gpg --encrypt" in caught.value.detail
    assert "killed by SIGKILL" in caught.value.detail
    assert "pg_dump: exit status 0" in caught.value.detail
    assert caught.value.hint
    assert everything_in(tmp_path) == []


def test_gpg_that_refuses_is_quoted(tmp_path):
    """What gpg says about its key is in the error, not only its status."""
    with new_keyring() as ring, opened(ring.settings(ring.new_key("lost"))) as lost:
        (ring.home / "pubring.kbx").unlink()
        with pytest.raises(PipelineError, match="writing") as caught:
            write(lost, stores(tmp_path), TEXT)

    assert "No public key" in caught.value.detail
    assert everything_in(tmp_path) == []


def test_one_full_store_is_dropped_and_the_others_go_on(cipher, tmp_path):
    """The disk is full, the cloud copy is made all the same."""
    places = stores(tmp_path, "local", "cloud")
    places["local"].arm(FullAfter(MIB))

    written = write(cipher, places, NOISE)

    assert written.stores == ("cloud",)
    assert isinstance(written.failures["local"], StoreFull)
    assert everything_in(tmp_path / "local") == []
    assert read(cipher, places["cloud"], expected=written.record) == NOISE


@pytest.mark.parametrize("fault", [Denied(), CommitFails()], ids=["denied", "commit fails"])
def test_a_store_that_refuses_first_or_last_is_dropped_too(cipher, tmp_path, fault):
    """At its opening, or at the very commit."""
    places = stores(tmp_path, "local", "cloud")
    places["cloud"].arm(fault)

    written = write(cipher, places, TEXT)

    assert written.stores == ("local",)
    assert set(written.failures) == {"cloud"}
    assert everything_in(tmp_path / "cloud") == []


@pytest.mark.parametrize(
    "fault, kind",
    [(FullAfter(MIB), StoreFull), (FullAfter(0), StoreFull), (Denied(), StoreDenied), (CommitFails(), StoreError)],
    ids=["full", "full from the start", "denied", "commit fails"],
)
def test_when_every_store_fails_its_own_error_is_told(cipher, tmp_path, fault, kind):
    """Not the broken pipe that follows: whoever is called at night frees space at once."""
    places = stores(tmp_path, "local", "cloud")
    for place in places.values():
        place.arm(fault)

    with pytest.raises(kind) as caught:
        write(cipher, places, NOISE)

    assert not isinstance(caught.value, PipelineError)
    assert everything_in(tmp_path) == []


def test_when_every_store_fails_for_a_reason_of_its_own_all_are_told(cipher, tmp_path):
    """The disk is full and the bucket refuses: who frees the disk alone would be called again."""
    places = stores(tmp_path, "local", "cloud")
    places["local"].arm(FullAfter(MIB))
    places["cloud"].arm(Denied())

    with pytest.raises(StoreError) as caught:
        write(cipher, places, NOISE)

    told = f"{caught.value.message}; {caught.value.detail}"
    assert "local: " in told
    assert "cloud: " in told


class _SlowToEnd:
    """A stream that takes a while to come back from being closed, as on a busy machine."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.close, self.fileno = stream.close, stream.fileno

    def __enter__(self) -> IO[bytes]:
        return self._stream

    def __exit__(self, *exc: object) -> None:
        self._stream.close()
        time.sleep(0.5)


def _write_for_ever(opened_: ObjectPipeline) -> None:
    while True:
        opened_.write(NOISE)


def test_a_full_store_is_told_even_if_the_broken_pipe_is_noticed_first(cipher, tmp_path):
    """The pipe closes a moment before the store's error is noted: the writer waits for that moment."""
    places = stores(tmp_path)
    places["local"].arm(FullAfter(0))
    with cipher.encryptor(KEY) as encryptor:
        encryptor.process.stdout = _SlowToEnd(encryptor.stdout)
        with ObjectPipeline(KEY, Role.DUMP, Compression.NONE, encryptor, places) as opened_, pytest.raises(StoreFull):
            _write_for_ever(opened_)


@pytest.mark.parametrize("compression", Compression)
def test_leaving_early_undoes_everything(cipher, tmp_path, compression):
    """Without finishing, for whatever reason: no object, no temporary file, no process, no thread that goes on."""
    before = threads()

    with pipeline(cipher, stores(tmp_path), compression) as (opened_, encryptor):
        opened_.write(NOISE)

    assert encryptor.poll() is not None
    assert everything_in(tmp_path) == []
    end = time.monotonic() + 1
    while threads() - before and time.monotonic() < end:
        time.sleep(0.01)
    assert threads() - before == set()


def test_a_pipeline_that_was_finished_takes_no_more(cipher, tmp_path):
    """A late chunk would be lost in silence."""
    with pipeline(cipher, stores(tmp_path)) as (opened_, _):
        opened_.finish()
        with pytest.raises(ValueError, match="finished"):
            opened_.write(b"late")


def test_an_older_object_of_the_same_name_survives_a_failure(cipher, tmp_path):
    """What was whole stays whole until something whole replaces it."""
    places = stores(tmp_path)
    first = write(cipher, places, TEXT)

    def fail() -> None:
        with pipeline(cipher, places) as (opened_, encryptor):
            opened_.write(NOISE)
            encryptor.signal(signal.SIGKILL)
            opened_.finish()

    with pytest.raises(PipelineError):
        fail()

    assert unfinished_in(tmp_path) == []
    assert read(cipher, places["local"], expected=first.record) == TEXT


def test_the_passphrase_is_in_no_argument_and_in_no_environment(tmp_path, monkeypatch):
    """Anybody may list processes; gpg reads it from a pipe."""
    token = secrets.token_hex(16)
    monkeypatch.setenv("BACKUP_ENCRYPTION_KEY", token)
    with opened(EncryptionSettings(passphrase=Secret(token))) as by_passphrase:
        places = stores(tmp_path)
        with pipeline(by_passphrase, places) as (opened_, encryptor):
            process = Path(f"/proc/{encryptor.process.pid}")
            opened_.write(TEXT)
            shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            opened_.finish()

        assert token.encode() not in shown
        assert b"--passphrase-fd" in shown
        assert read(by_passphrase, places["local"]) == TEXT


def test_the_hash_of_a_salted_object_does_not_tell_what_is_in_it(cipher, tmp_path):
    """Twice the same password file: two hashes, one content, and stock zstd passes over the salt."""
    data, records = b"DB_PASSWORD=winter24\n", []
    places = stores(tmp_path)
    for _ in range(2):
        with (
            cipher.encryptor(KEY) as encryptor,
            ObjectPipeline(KEY, Role.CONTENT, Compression.ZSTD, encryptor, places, salted=True) as pipeline,
        ):
            pipeline.write(data)
            records.append(pipeline.finish().record)
    with cipher.decryptor(KEY) as decryptor:
        decryptor.stdin.write(places["local"].read_bytes(KEY))
        decryptor.stdin.close()
        packed = decryptor.stdout.read()
    stock = subprocess.run(("zstd", "-dc"), input=packed, capture_output=True)

    assert records[0].packed_sha256 != records[1].packed_sha256
    assert read(cipher, places["local"], Compression.ZSTD, records[1]) == data
    assert stock.stdout == data
