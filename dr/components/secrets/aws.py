"""Secrets in AWS Secrets Manager: every version that has a stage, with what is known beside the values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from dr.aws.errors import NotThere
from dr.aws.secrets_manager import Description, SecretsManager, Version, is_unreadable
from dr.components.protocol import Sink
from dr.components.secrets.records import AwsAbout, Entry, Held, held
from dr.components.secrets.sources import TRIES, Reading, some
from dr.configuration.components.secrets import SecretsSettings
from dr.errors import ConfigurationError, PrivilegeMissing, SourceBusy, SourceError, SourceInvalid, TargetRefused

NAME = "aws"
_CURRENT = "AWSCURRENT"
_PREVIOUS = "AWSPREVIOUS"
_STAGES = (_CURRENT, _PREVIOUS, "AWSPENDING")
_TOKEN = range(32, 65)
"""How long an id of a version may be."""


class AwsSource:
    """The secrets of one account in one region, those that the settings name."""

    def __init__(self, settings: SecretsSettings) -> None:
        self._prefixes = settings.aws_prefixes
        self._tags = dict(map(_tag, settings.aws_tags))
        self._manager = SecretsManager(settings, "secrets")

    @property
    def name(self) -> str:
        return NAME

    def check(self) -> tuple[str, ...]:
        if not any(self._is_ours(name, tags) for name, tags in self._manager.names()):
            raise SourceInvalid(
                f"AWS Secrets Manager holds no secret in {self._manager.region} that the settings name",
                hint="Correct secrets.region, secrets.aws_prefixes or secrets.aws_tags, or set secrets.aws to false.",
            )
        return ()

    def read(self, sink: Sink) -> Reading:
        entries: list[Entry] = []
        unreadable = gone = 0
        last: SourceError | None = None
        for name in sorted(name for name, tags in self._manager.names() if self._is_ours(name, tags)):
            try:
                entries.append(self._entry(name))
            except NotThere:
                gone += 1
            except SourceError as error:
                if not is_unreadable(error):
                    raise
                unreadable, last = unreadable + 1, error
        if last is not None and not any(entry.values for entry in entries):
            raise PrivilegeMissing("no secret of AWS Secrets Manager can be read", last.detail, last.hint)
        doomed = sum(1 for entry in entries if entry.aws is not None and entry.aws.deletion)
        warnings = (
            (f"aws: {some(unreadable, 'secret')} could not be read: permission or KMS key",) if unreadable else ()
        )
        notes = (
            *((f"aws: {some(gone, 'secret')} disappeared while the backup ran",) if gone else ()),
            *((f"aws: {some(doomed, 'secret')} to be deleted; AWS gives no value of those",) if doomed else ()),
        )
        facts = {"aws_region": self._manager.region, "aws_to_be_deleted": str(doomed)}
        return Reading(tuple(entries), (), warnings, notes, facts)

    def now(self, entry: Entry) -> Entry | None:
        try:
            return self._entry(entry.path)
        except NotThere:
            return None

    def put(self, entry: Entry, existing: Entry | None) -> tuple[str, ...]:
        if existing is None:
            return self._create(entry)
        if existing.aws is not None and existing.aws.deletion:
            raise TargetRefused(
                f"the secret {entry.path} is to be deleted and takes no value",
                hint=f"Run: aws secretsmanager restore-secret --secret-id {entry.path}",
            )
        current = _staged(entry, _CURRENT) or entry.values[0]
        stages = tuple(stage for stage in current.stages if stage != _PREVIOUS) or (_CURRENT,)
        token = str(uuid.uuid4())
        self._manager.put(entry.path, current.plain(), binary=current.binary, token=token, stages=stages)
        return (f"{entry.path}: the value that was there is AWSPREVIOUS now",)

    def close(self) -> None:
        """botocore's connections close with their client."""

    def _create(self, entry: Entry) -> tuple[str, ...]:
        about = entry.aws or AwsAbout("")
        # The version that is made first has AWSCURRENT; AWS itself calls it AWSPREVIOUS when the next one takes that.
        first, *others = sorted(entry.values, key=lambda value: (_PREVIOUS not in value.stages, *_rank(value)))
        here = f":{self._manager.region}:" in about.arn
        tags = {key: value for key, value in about.tags.items() if not key.startswith("aws:")}
        self._manager.create(
            entry.path,
            first.plain(),
            binary=first.binary,
            token=_token(first),
            text=about.description,
            # Another region does not know the key; the account's default one is used there.
            kms_key=about.kms_key if here else "",
            tags=tags,
        )
        for value in others:
            self._manager.put(entry.path, value.plain(), binary=value.binary, token=_token(value), stages=value.stages)
        for stage in sorted({*first.stages} - {_CURRENT, _PREVIOUS}):
            self._manager.move_stage(entry.path, stage, _token(first))
        if about.policy:
            self._manager.put_policy(entry.path, about.policy)
        notes = []
        if about.kms_key and not here:
            notes.append(f"{entry.path}: encrypted with this account's default key, for its own is of another region")
        if about.rotation:
            notes.append(f"{entry.path}: rotation is not switched on again (it would change the value at once)")
        if about.replicas:
            notes.append(f"{entry.path}: replicas are not made again: {', '.join(about.replicas)}")
        return tuple(notes)

    def _is_ours(self, name: str, tags: Mapping[str, str]) -> bool:
        named = not self._prefixes or name.startswith(self._prefixes)
        return named and all(tags.get(key) == value for key, value in self._tags.items())

    def _entry(self, name: str) -> Entry:
        """One secret as it is at one moment. Raises ``NotThere``, or ``SourceBusy`` when it never holds still."""
        for _ in range(TRIES):
            found = self._manager.describe(name)
            if found.deletion:
                return Entry(name, (), aws=self._about(found))
            values = self._values(found)
            if values is not None:
                return Entry(name, values, aws=self._about(found))
        raise SourceBusy(
            "a secret of AWS Secrets Manager changes whenever it is read",
            f"read {TRIES} times",
            "Wait until its rotation is done, and try again.",
        )

    def _values(self, found: Description) -> tuple[Held, ...] | None:
        """Every staged version; None when a stage moved between the description and the reading."""
        values = []
        for version, stages in found.versions.items():
            try:
                value = self._manager.value(found.name, version)
            except NotThere:
                return None
            except SourceError as error:
                # It was marked for deletion meanwhile: the next description says so.
                if "InvalidRequestException" in error.detail:
                    return None
                raise
            if value.stages != stages:
                return None
            values.append(_held(value))
        return tuple(sorted(values, key=_rank))

    def _about(self, found: Description) -> AwsAbout:
        return AwsAbout(
            found.arn,
            found.text,
            found.kms_key,
            found.tags,
            found.rotation,
            found.replicas,
            "" if found.deletion else self._manager.policy(found.name),
            found.deletion,
        )


def _held(version: Version) -> Held:
    return held(
        min(version.stages, key=_stage_rank),
        version.data,
        binary=version.binary,
        version=version.id,
        stages=version.stages,
        created=version.created,
    )


def _stage_rank(stage: str) -> tuple[int, str]:
    return (_STAGES.index(stage) if stage in _STAGES else len(_STAGES), stage)


def _rank(value: Held) -> tuple[int, str]:
    return min(map(_stage_rank, value.stages), default=(len(_STAGES), value.name))


def _staged(entry: Entry, stage: str) -> Held | None:
    return next((value for value in entry.values if stage in value.stages), None)


def _token(value: Held) -> str:
    """The version's own id, so that programs that pin it find it again."""
    if len(value.version) in _TOKEN:
        return value.version
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{value.version}{value.created}"))


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"secrets.aws_tags holds {text!r}", hint="Write each as key=value.")
    return key, value
