"""Reading and writing one secret of a key-value engine of Vault, version 2 and version 1."""

from __future__ import annotations

import time

import msgspec

from dr.components.secrets import vault_api as api
from dr.components.secrets.records import CURRENT, Entry, Held, VaultAbout, canonical_json, held
from dr.components.secrets.sources import TRIES
from dr.components.secrets.vault_errors import UPGRADING
from dr.components.secrets.vault_http import VaultClient, parsed
from dr.errors import BackupInvalid, PrivilegeMissing, SourceBusy, SourceError, TargetRefused

KV2 = "kv2"
KV1 = "kv1"
_READ = "read a secret of Vault"
_UPGRADE_SECONDS = 15.0


def read_kv(client: VaultClient, kind: str, mount: str, path: str) -> Entry | None:
    """One secret, its current value and its metadata at one moment; None when it is not there (any more).

    Raises ``PrivilegeMissing``, or ``SourceBusy`` when it never holds still.
    """
    if kind == KV1:
        answer = client.get(mount + path, _READ)
        if answer is None:
            return None
        return _entry(kind, mount, path, held(CURRENT, canonical_json(api.raw(answer))))
    for _ in range(TRIES):
        metadata = _metadata(client, mount, path)
        if metadata is None:
            return None
        known = api.metadata_of(metadata)
        about = known.versions.get(str(known.current_version), api.VersionAbout())
        if metadata != b"{}" and (about.deletion_time or about.destroyed or not known.current_version):
            deleted = about.deletion_time or ("destroyed" if about.destroyed else "never written")
            return _entry(kind, mount, path, None, metadata, deleted)
        value = _value(client, mount, path, known.current_version)
        if value is not None:
            return _entry(kind, mount, path, value, metadata)
    raise SourceBusy(
        "a secret of Vault changes whenever it is read", f"read {TRIES} times", "Try again when its writer rests."
    )


def write_kv(client: VaultClient, entry: Entry, existing: Entry | None) -> None:
    """Write the current value, as a new version where there are versions; then what KV v2 knows beside it.

    Vault itself refuses when somebody else wrote meanwhile (check-and-set); KV v1 cannot.
    """
    about = _about(entry)
    value = entry.values[0].plain()
    if about.kind == KV1:
        client.post(about.mount + about.path, value, f"write {entry.path}")
        return
    before = api.metadata_of((_about(existing).metadata or "{}").encode()) if existing else api.Metadata()
    body = b'{"options":{"cas":%d},"data":%s}' % (before.current_version, value)
    _post_when_ready(client, f"{about.mount}data/{about.path}", body, f"write {entry.path}")
    known = api.metadata_of((about.metadata or "{}").encode())
    settings: dict[str, object] = {
        "max_versions": known.max_versions,
        "cas_required": known.cas_required,
        "delete_version_after": known.delete_version_after,
    }
    if known.custom_metadata:
        settings["custom_metadata"] = known.custom_metadata
    if settings != {"max_versions": 0, "cas_required": False, "delete_version_after": "0s"}:
        path = f"{about.mount}metadata/{about.path}"
        client.post(path, msgspec.json.encode(settings), f"write the metadata of {entry.path}")


def prepare_mount(client: VaultClient, entry: Entry) -> tuple[str, ...]:
    """Make the engine of a secret where there is none. Raises ``TargetRefused`` when another kind is in its place."""
    about = _about(entry)
    version = 2 if about.kind == KV2 else 1
    for mount in api.mounts(client):
        if mount.path == about.mount:
            if mount.kind in api.KV and mount.version == version:
                return ()
            raise TargetRefused(
                f"{about.mount} in Vault is {mount.kind} version {mount.version}, not key-value version {version}",
                hint="Move that engine elsewhere (vault secrets move), or restore into another Vault.",
            )
    body = msgspec.json.encode({"type": "kv", "options": {"version": str(version)}})
    client.post(f"sys/mounts/{about.mount.rstrip('/')}", body, f"make the mount {about.mount}")
    return (f"made the key-value mount {about.mount} (version {version})",)


def _about(entry: Entry) -> VaultAbout:
    if entry.vault is None:
        raise BackupInvalid(f"{entry.path} has nothing of Vault in it")
    return entry.vault


def _metadata(client: VaultClient, mount: str, path: str) -> bytes | None:
    """KV v2's metadata as JSON; ``{}`` where the token may read values only."""
    try:
        answer = client.get(f"{mount}metadata/{path}", _READ)
    except PrivilegeMissing:
        return b"{}"
    return None if answer is None else canonical_json(api.raw(answer))


def _value(client: VaultClient, mount: str, path: str, version: int) -> Held | None:
    """That version, the current one if 0; None when it went away since its number was read."""
    answer = client.get(f"{mount}data/{path}", _READ, f"version={version}" if version else "")
    if answer is None:
        return None
    found = parsed(answer, api.Kv2Answer).data
    data = bytes(found.data)
    if data == b"null":
        return None
    number = str(found.metadata.version)
    return held(CURRENT, canonical_json(data), version=number, created=found.metadata.created_time)


def _entry(kind: str, mount: str, path: str, value: Held | None, metadata: bytes = b"{}", deleted: str = "") -> Entry:
    about = VaultAbout(kind, mount, path, "" if metadata == b"{}" else metadata.decode(), deleted)
    return Entry(mount + path, () if value is None else (value,), vault=about)


def _post_when_ready(client: VaultClient, path: str, body: bytes, doing: str) -> None:
    """A new KV v2 engine answers 400 until it has set itself up; nothing was written then."""
    deadline = time.monotonic() + _UPGRADE_SECONDS
    while True:
        try:
            client.post(path, body, doing)
            return
        except SourceError as error:
            if UPGRADING not in error.detail or time.monotonic() > deadline:
                raise
        time.sleep(0.3)
