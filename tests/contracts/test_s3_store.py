"""What only S3 stores promise: refusals, credentials, storage classes, memory, what a probe finds."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import secrets
import socket
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from dr.errors import ConfigurationError, ObjectMissing, StoreDenied, StoreError, StoreUnavailable
from dr.secret import Secret
from dr.storage.local import LocalStore
from dr.storage.probe import probe
from dr.storage.s3 import S3Store
from dr.storage.s3_parts import PartPlan
from dr.storage.s3_writer import S3Writer
from tests.contracts.children import child, said
from tests.endpoints.lying import LyingEndpoint
from tests.endpoints.serving import Endpoint

MIB = 1 << 20
KEY = "system/base/base.tar.zst.gpg"


@pytest.fixture(params=["moto", "rclone"])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Two independent endpoints."""
    found: Endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    return found


def test_a_missing_bucket_is_not_a_missing_object(endpoint: Endpoint) -> None:
    """Every call says that the bucket is not there and how to go on; it is no use trying again."""
    store = S3Store(endpoint.settings(f"absent-{secrets.token_hex(4)}"))
    calls = (
        lambda: store.put_bytes(KEY, b"x"),
        lambda: store.head(KEY),
        lambda: store.read_bytes(KEY),
        lambda: list(store.list("")),
        lambda: store.create(KEY, b"x"),
    )
    for call in calls:
        with pytest.raises(StoreError, match="the bucket is not there") as failure:
            call()
        assert not isinstance(failure.value, ObjectMissing)
        assert not failure.value.retryable
        assert "Create bucket" in failure.value.hint


def test_a_wrong_secret_is_denied_and_told_nobody(rclone_endpoint: Endpoint) -> None:
    """rclone checks signatures (moto does not): the refusal is clear and holds no secret, neither right nor wrong."""
    wrong = secrets.token_hex(16)
    settings = rclone_endpoint.settings(rclone_endpoint.new_bucket(), secret_access_key=Secret(wrong))
    for call in (lambda store: store.put_bytes(KEY, b"x"), lambda store: store.head(KEY), lambda s: list(s.list(""))):
        with pytest.raises(StoreDenied, match="permission denied") as failure:
            call(S3Store(settings))
        text = "".join(traceback.format_exception(failure.value)) + repr(failure.value)
        assert wrong not in text
        assert rclone_endpoint.secret_access_key.reveal() not in text
        copy = pickle.loads(pickle.dumps(failure.value))
        assert str(copy) == str(failure.value)


def test_an_unknown_key_is_denied(rclone_endpoint: Endpoint) -> None:
    """A key that the endpoint does not know is denied, not unavailable."""
    settings = rclone_endpoint.settings(rclone_endpoint.new_bucket(), access_key_id=f"key{secrets.token_hex(4)}")
    with pytest.raises(StoreDenied):
        S3Store(settings).put_bytes(KEY, b"x")


def test_missing_credentials_are_told(moto_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where neither settings nor environment, profile or role give credentials, the hint lists them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings = moto_endpoint.settings("bucket", access_key_id=None, secret_access_key=None)

    with pytest.raises(StoreDenied, match="no credentials") as failure:
        S3Store(settings).head(KEY)
    assert "access key" in failure.value.hint


def test_an_unknown_profile_is_a_mistake_in_the_settings(moto_endpoint: Endpoint) -> None:
    """A profile that nobody has configured is told by its name."""
    settings = moto_endpoint.settings("bucket", profile="nobody", access_key_id=None, secret_access_key=None)
    with pytest.raises(ConfigurationError, match="not set up right") as failure:
        S3Store(settings).head(KEY)
    assert "nobody" in failure.value.detail


def test_an_endpoint_that_is_not_there_is_unavailable(moto_endpoint: Endpoint) -> None:
    """A refused connection may work later."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        settings = moto_endpoint.settings("bucket", endpoint_url=url)
        for call in (lambda store: store.put_bytes(KEY, b"x"), lambda store: list(store.list(""))):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                call(S3Store(settings, attempts=1))


def test_a_proxy_of_the_environment_sees_nothing_of_a_loopback_endpoint(
    moto_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http is let through only because it stays on this machine; a proxy would carry it away."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    store = S3Store(moto_endpoint.settings(moto_endpoint.new_bucket()), attempts=1)
    store.put_bytes(KEY, b"x")
    assert store.read_bytes(KEY) == b"x"


def test_an_endpoint_from_the_environment_is_held_to_the_same_rule(
    moto_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 takes AWS_ENDPOINT_URL when no endpoint is set; plain http to another machine is refused there too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:9000")
    settings = moto_endpoint.settings("bucket", endpoint_url=None)
    with pytest.raises(ConfigurationError, match="plain http"):
        S3Store(settings, attempts=1).head(KEY)


def test_the_storage_class_is_for_what_is_streamed(moto_endpoint: Endpoint) -> None:
    """Both small and large streamed objects are in the class asked for; records stay where they can be read at once."""
    store = S3Store(moto_endpoint.settings(moto_endpoint.new_bucket(), storage_class="STANDARD_IA"))
    for key, data in (("small", b"x"), ("large", os.urandom(9 * MIB))):
        with store.writer(key) as writer:
            writer.write(data)
    store.put_bytes("manifest", b"{}")
    store.create("created", b"{}")

    classes = {entry.key: entry.storage_class for entry in store.list("")}
    assert classes == {"small": "STANDARD_IA", "large": "STANDARD_IA", "manifest": "STANDARD", "created": "STANDARD"}
    assert store.head("large").storage_class == "STANDARD_IA"


@pytest.mark.incident("I30")
def test_a_glacier_object_is_refused_by_the_store_before_the_endpoint(moto_endpoint: Endpoint) -> None:
    """The same on moto, which keeps classes and refuses the GET itself."""
    store = S3Store(moto_endpoint.settings(moto_endpoint.new_bucket(), storage_class="GLACIER"))
    with store.writer(KEY) as writer:
        writer.write(b"x")
    with pytest.raises(StoreError, match="brought back first"):
        store.read_bytes(KEY)


def test_parts_too_large_for_memory_wait_in_a_file(endpoint: Endpoint, random_bytes: bytes) -> None:
    """With sizes made small, every part but the first goes through a temporary file, and every byte arrives."""
    store = S3Store(endpoint.settings(endpoint.new_bucket()))
    plan = PartPlan(first=5 * MIB, double_every=1, in_memory=5 * MIB, pending=10 * MIB)
    with S3Writer(store.bucket, KEY, plan) as writer:
        for offset in range(0, len(random_bytes), 333_333):
            writer.write(random_bytes[offset : offset + 333_333])
    digest = hashlib.sha256()
    for chunk in store.read(KEY):
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(random_bytes).digest()


def test_memory_does_not_grow_with_the_object(rclone_endpoint: Endpoint) -> None:
    """A process that streams 300 MiB to S3 grows by less than 120 MiB."""
    with child(rclone_endpoint.settings(rclone_endpoint.new_bucket()), "stream", KEY, "300") as process:
        grown = int(said(process))
    assert grown < 120 * 1024, f"grew by {grown // 1024} MiB"


def test_a_probe_tells_what_each_endpoint_does(moto_endpoint: Endpoint, rclone_endpoint: Endpoint) -> None:
    """Found by trying: moto honours conditions, rclone does not, neither compares checksums; nothing is left behind."""
    moto = S3Store(moto_endpoint.settings(moto_endpoint.new_bucket(), storage_class="STANDARD_IA"))
    found = probe(moto)
    assert (found.conditional_create, found.checksum_compared, found.multipart) == (True, False, True)
    assert (found.versioning, found.object_lock, found.storage_class_kept) == (False, False, True)
    assert found.notes == ()

    rclone = S3Store(rclone_endpoint.settings(rclone_endpoint.new_bucket()))
    assert (probe(rclone).conditional_create, probe(rclone).multipart) == (False, True)
    assert [*moto.list(""), *rclone.list("")] == []


def test_a_probe_sees_versions_and_locks_and_leaves_none(moto_endpoint: Endpoint) -> None:
    """In a bucket with versions and Object Lock both are found, and not even an old version stays."""
    client = moto_endpoint.client()
    bucket = f"locked-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    found = probe(S3Store(moto_endpoint.settings(bucket)))

    assert (found.versioning, found.object_lock) == (True, True)
    left = client.list_object_versions(Bucket=bucket, Prefix=".probe/")
    assert left.get("Versions", []) == []
    assert left.get("DeleteMarkers", []) == []


def test_a_probe_notes_what_could_not_be_found_out(lying_endpoint: LyingEndpoint) -> None:
    """An endpoint that does not know versioning says so; that is noted, not guessed."""
    lying_endpoint.lies.knows_settings = False
    found = probe(S3Store(lying_endpoint.settings(), attempts=1))
    assert (found.versioning, found.object_lock) == (None, None)
    assert [note.partition(":")[0] for note in found.notes] == ["versioning", "object lock"]
    assert found.conditional_create is True
    assert found.checksum_compared is False
    assert lying_endpoint.objects == {}


def test_a_probe_of_a_directory_says_what_applies(tmp_path: Path) -> None:
    """A directory creates exclusively; the rest is S3's."""
    found = probe(LocalStore("local", tmp_path / "store"))
    assert found.conditional_create is True
    assert dataclasses.asdict(found)["multipart"] is None
    assert list((tmp_path / "store").rglob("*")) == []


def test_boto3_is_loaded_on_first_use_only() -> None:
    """``dr --help`` must be quick: making an S3 store loads neither boto3 nor botocore."""
    program = (
        "import sys; from dr.configuration.model import StoreSettings; from dr.storage.opening import open_store;"
        "import dr.storage.lease, dr.storage.probe, dr.storage.faults;"
        "open_store(StoreSettings('cloud', 's3', bucket='bucket'));"
        "sys.exit(any(name.split('.')[0] in ('boto3', 'botocore', 'urllib3') for name in sys.modules))"
    )
    assert subprocess.run((sys.executable, "-c", program), cwd=Path(__file__).parents[2], check=False).returncode == 0
