"""Secrets in HashiCorp Vault or OpenBao: key-value engines, policies, auth methods, and the raft snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from dr.catalog.manifest import Compression, Item
from dr.components.protocol import Sink
from dr.components.secrets import vault_api as api
from dr.components.secrets.layout import SNAPSHOT
from dr.components.secrets.records import CURRENT, Entry, VaultAbout, canonical_json, held
from dr.components.secrets.sources import Reading, some
from dr.components.secrets.vault_http import ATTEMPTS, VaultClient, parsed
from dr.components.secrets.vault_kv import KV1, KV2, prepare_mount, read_kv, write_kv
from dr.components.secrets.vault_snapshot import SnapshotScanner
from dr.configuration.components.secrets import SecretsSettings
from dr.errors import AuthenticationFailed, ConfigurationError, PrivilegeMissing, SourceError, SourceInvalid

NAME = "vault"
POLICY = "policy"
AUTH = "auth"
_OWN_POLICIES = ("root",)
_SHORT_SECONDS = 2 * 86400


@dataclass(slots=True)
class _Counts:
    """What could not be read, and what went away, by number: names do not go into a manifest."""

    unreadable: int = 0
    gone: int = 0
    last: PrivilegeMissing | None = None

    def refused(self, error: PrivilegeMissing) -> None:
        self.unreadable, self.last = self.unreadable + 1, error


class VaultSource:
    """One namespace of one Vault."""

    def __init__(self, settings: SecretsSettings, attempts: int = ATTEMPTS) -> None:
        self._settings = settings
        self._client = VaultClient(settings, attempts)
        self._wanted = tuple(f"{mount.strip('/')}/" for mount in settings.vault_mounts)

    @property
    def name(self) -> str:
        return NAME

    def check(self) -> tuple[str, ...]:
        self._open()
        return self._renewed()

    def read(self, sink: Sink) -> Reading:
        status = self._open()
        mounts = api.mounts(self._client)
        counts = _Counts()
        entries = [entry for mount in self._chosen(mounts) for entry in self._secrets(mount, counts)]
        if counts.last is not None and not any(entry.values for entry in entries):
            raise PrivilegeMissing("no secret of Vault can be read", counts.last.detail, counts.last.hint)
        notes: list[str] = []
        entries += self._policies(notes)
        entries += self._auth(notes)
        others = [mount for mount in mounts if mount.kind not in (*api.KV, *api.OWN)]
        taken, items, warnings = self._snapshot(sink, status, bool(others), notes)
        if counts.unreadable:
            warnings.append(f"vault: {some(counts.unreadable, 'path')} could not be read: permission")
        if counts.gone:
            notes.append(f"vault: {some(counts.gone, 'secret')} disappeared while the backup ran")
        if children := self._child_namespaces():
            notes.append(f"vault: {some(children, 'child namespace')} not in this copy; set secrets.vault_namespace")
        facts = {
            "vault_version": status.version,
            "vault_storage": status.storage_type,
            "vault_snapshot": taken,
            "vault_deleted": str(sum(1 for entry in entries if entry.vault is not None and entry.vault.deleted)),
            "vault_other_engines": str(len(others)),
        }
        return Reading(tuple(entries), tuple(items), tuple(warnings), tuple(notes), facts)

    def now(self, entry: Entry) -> Entry | None:
        self._open()
        about = entry.vault
        if about is not None and about.kind in (KV1, KV2):
            return read_kv(self._client, about.kind, about.mount, about.path)
        return self._policy(entry.path.rpartition("/")[2])

    def put(self, entry: Entry, existing: Entry | None) -> tuple[str, ...]:
        if entry.vault is not None and entry.vault.kind == POLICY:
            body = msgspec.json.encode({"policy": entry.values[0].value.reveal()})
            self._client.post(entry.path, body, f"write {entry.path}")
            return ()
        notes = prepare_mount(self._client, entry)
        write_kv(self._client, entry, existing)
        return notes

    def close(self) -> None:
        self._client.close()

    def _open(self) -> api.SealStatus:
        """Log in. Raises when Vault is sealed, or does not know the token."""
        status = api.seal_status(self._client)
        if not status.initialized:
            raise SourceInvalid(f"the Vault at {self._client.address} is not initialised", hint="vault operator init")
        if status.sealed:
            raise SourceInvalid(
                f"the Vault at {self._client.address} is sealed",
                hint="Unseal it: vault operator unseal, with as many key shares as it needs.",
            )
        self._client.login()
        return status

    def _renewed(self) -> tuple[str, ...]:
        """Keep a token alive that can be; say when one is about to end. Raises ``AuthenticationFailed``."""
        failed: PrivilegeMissing | None = None
        token = api.Token()
        try:
            token = api.own_token(self._client)
        except PrivilegeMissing as error:
            failed = error
        if failed is not None:
            raise AuthenticationFailed(
                "Vault does not accept the token",
                failed.detail,
                "It may be wrong, expired or revoked, or lack the policy 'default': vault token lookup tells.",
            )
        if token.renewable:
            try:
                self._client.post("auth/token/renew-self", b"{}", "renew the token")
            except PrivilegeMissing:
                return ("vault: the token may not renew itself, and will end",)
            return ()
        if 0 < token.ttl < _SHORT_SECONDS and self._settings.vault_token is not None:
            return (f"vault: the token ends in {token.ttl // 3600} hours and cannot be renewed",)
        return ()

    def _chosen(self, mounts: tuple[api.Mount, ...]) -> tuple[api.Mount, ...]:
        found = tuple(mount for mount in mounts if mount.kind in api.KV)
        if not self._wanted:
            return found
        if missing := set(self._wanted) - {mount.path for mount in found}:
            raise ConfigurationError(
                f"Vault has no key-value mount {', '.join(sorted(missing))} that the token can see",
                f"it has {', '.join(mount.path for mount in found) or 'none'}",
                "Correct secrets.vault_mounts, or the token's policy.",
            )
        return tuple(mount for mount in found if mount.path in self._wanted)

    def _secrets(self, mount: api.Mount, counts: _Counts) -> Iterator[Entry]:
        kind, listing = (KV2, f"{mount.path}metadata/") if mount.version == 2 else (KV1, mount.path)
        for path in self._paths(listing, counts):
            try:
                entry = read_kv(self._client, kind, mount.path, path)
            except PrivilegeMissing as error:
                counts.refused(error)
                continue
            if entry is None:
                counts.gone += 1
            else:
                yield entry

    def _paths(self, listing: str, counts: _Counts) -> Iterator[str]:
        """Every secret below; a folder that may not be listed counts as one path."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                keys = self._client.keys(listing + folder, "list secrets of Vault")
            except PrivilegeMissing as error:
                counts.refused(error)
                continue
            for key in sorted(keys):
                if key.endswith("/"):
                    waiting.append(folder + key)
                else:
                    yield folder + key

    def _policies(self, notes: list[str]) -> list[Entry]:
        found = []
        try:
            names = self._client.keys("sys/policies/acl", "list policies")
            for name in names:
                if name not in _OWN_POLICIES and (entry := self._policy(name)) is not None:
                    found.append(entry)
        except PrivilegeMissing:
            notes.append("vault: the token may not read all policies; those it may not are not in this copy")
        return found

    def _policy(self, name: str) -> Entry | None:
        path = f"sys/policies/acl/{name}"
        answer = self._client.get(path, "read a policy")
        if answer is None:
            return None
        text = parsed(answer, api.PolicyAnswer).data.policy
        return Entry(path, (held(CURRENT, text.encode()),), vault=VaultAbout(POLICY))

    def _auth(self, notes: list[str]) -> list[Entry]:
        """The auth methods as they are mounted, and the configuration of each, for a person to set them up again."""
        try:
            answer = self._client.get("sys/auth", "list the auth methods")
        except PrivilegeMissing:
            notes.append("vault: the token may not read the auth methods; they are not in this copy")
            return []
        listed = api.raw(answer or b"")
        paths = ["sys/auth", *(f"auth/{mount}config" for mount in sorted(parsed(listed, dict[str, msgspec.Raw])))]
        found = [Entry(paths[0], (held(CURRENT, canonical_json(listed)),), vault=VaultAbout(AUTH))]
        for path in paths[1:]:
            try:
                config = self._client.get(path, "read an auth method's configuration")
            except SourceError as error:
                if error.retryable:
                    raise
                # Most methods have none, and say so in different ways.
                continue
            if config is not None:
                found.append(Entry(path, (held(CURRENT, canonical_json(api.raw(config))),), vault=VaultAbout(AUTH)))
        return found

    def _snapshot(
        self, sink: Sink, status: api.SealStatus, others: bool, notes: list[str]
    ) -> tuple[str, list[Item], list[str]]:
        """Whether one was taken, what it is, and what is missing without one."""
        wish = self._settings.vault_snapshot
        if wish == "always" or (wish == "auto" and status.storage_type == "raft"):
            try:
                return "taken", [self._stream_snapshot(sink)], []
            except PrivilegeMissing:
                if wish == "always":
                    raise
                notes.append("vault: the token may not take a raft snapshot, and none is in this copy")
        missing = "vault: engines other than key-value are only in a raft snapshot, and none was taken"
        return "none", [], [missing] if others and wish != "never" else []

    def _stream_snapshot(self, sink: Sink) -> Item:
        scanner = SnapshotScanner()
        with (
            self._client.stream("sys/storage/raft/snapshot", "take a raft snapshot") as chunks,
            # It is compressed and, under Vault's own keys, encrypted already.
            sink.object(SNAPSHOT, compression=Compression.NONE) as intake,
        ):
            for chunk in chunks:
                scanner.feed(chunk)
                intake.write(chunk)
            if wrong := scanner.finish():
                raise SourceInvalid(
                    "the raft snapshot that Vault sent is not whole",
                    wrong,
                    "Look into Vault's log. To go on without one, set secrets.vault_snapshot to never.",
                )
        return Item(SNAPSHOT, count=len(scanner.hashes), bytes=scanner.bytes)

    def _child_namespaces(self) -> int:
        try:
            return len(self._client.keys("sys/namespaces", "list namespaces"))
        except SourceError as error:
            if error.retryable:
                raise
            # Only some editions have them, and few tokens may ask.
            return 0
