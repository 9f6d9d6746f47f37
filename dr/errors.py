"""Every error an operator can meet, its exit code, and whether trying again can help.

::

    DrError                       1   something we did not foresee
    ├── ConfigurationError        3   a setting is missing, misspelt or unsafe
    ├── SourceError               4   what is to be backed up cannot be read
    │   ├── ServerUnreachable         host, port or network (retryable)
    │   ├── AuthenticationFailed      password, role or pg_hba.conf
    │   ├── PrivilegeMissing          the role lacks a right that the step needs
    │   ├── SourceBusy                somebody else holds it, or it changes while it is read (retryable)
    │   └── SourceInvalid             it is not whole itself: a key without its certificate
    ├── ToolError                 5   a client program is missing or too old (I1)
    ├── PipelineError             6   a stage of a stream failed (retryable)
    ├── StoreError                7   a store refused or lost an object
    │   ├── StoreUnavailable          network, endpoint, throttling (retryable)
    │   ├── StoreDenied               credentials or policy
    │   ├── StoreFull                 no space left
    │   ├── StoreEmptied              a store that was in use holds nothing: its disk may not be mounted
    │   ├── ObjectMissing             no object under that key
    │   └── ObjectArchived            in an archive class: to be brought back first (I30)
    ├── KeyUnusable               8   the key or passphrase does not open the object
    ├── BackupInvalid             9   the object is not a backup, or is damaged or incomplete
    ├── BackupNotFound           10   nothing in the repository answers to that label
    ├── TargetRefused            11   restoring there would destroy something
    ├── LeaseHeld                12   another run is at work on the same system
    ├── IdentityMismatch         13   the repository belongs to another cluster (I19)
    ├── PartialBackup            14   some of what was asked for is safe, some is not
    ├── RecoveryFailed           15   the restored copy does not answer as it should (I13)
    ├── ObjectiveMissed          16   recovered, but later or with more loss than the target allows
    ├── StepTimedOut             17   a step was cut off at its time limit
    ├── DrillInconclusive        18   a drill or a verification could not tell (I27)
    ├── ServiceError             19   a service of the product does not stop, start or answer
    ├── InfrastructureError      20   machines, DNS, load balancer or CDN cannot be brought to what is wanted
    ├── NotFenced                21   another primary may still write: nothing was promoted
    ├── Disrupted                22   assess --exit-code: MEDIUM, several services are affected or data is at risk
    ├── SystemDown               23   assess --exit-code: HIGH, a critical system is offline or data can be lost at once
    ├── Disaster                 24   assess --exit-code: CRITICAL, everything is down or the way back is gone too
    ├── NotDelivered             25   people were not told: a channel did not take the message (retryable)
    │   └── Undeliverable             and never will like this: a wrong token, an unknown recipient
    └── Interrupted             130   Ctrl-C or SIGTERM; nothing half-made is listed

Exit code 0 is success, 2 is a wrong command line. Every error pickles: all its fields go to
``Exception.__init__``, the text is made in ``__str__``.
"""

from __future__ import annotations

from typing import ClassVar


class DrError(Exception):
    """An error that says what happened, in detail, and what to do next."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, detail: str = "", hint: str = "") -> None:
        super().__init__(message, detail, hint)
        self.message = message
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.detail:
            lines.append(f"DETAIL: {self.detail}")
        if self.hint:
            lines.append(f"HINT: {self.hint}")
        return "\n".join(lines)


class ConfigurationError(DrError):
    """A setting is missing, misspelt or unsafe."""

    exit_code = 3


class SourceError(DrError):
    """What is to be backed up cannot be read: the PostgreSQL server, or another component."""

    exit_code = 4


class ServerUnreachable(SourceError):
    """Nothing answers at the server's address, or the connection broke."""

    retryable = True


class AuthenticationFailed(SourceError):
    """The server answers and refuses the role or its password."""


class PrivilegeMissing(SourceError):
    """The role is let in but may not do what the step needs."""


class SourceBusy(SourceError):
    """Somebody else holds what is to be read, or it changes all the while."""

    retryable = True


class SourceInvalid(SourceError):
    """What is to be backed up is not whole itself; a copy of it would be worth nothing."""


class ToolError(DrError):
    """A client program is missing, or older than the server (I1)."""

    exit_code = 5


class PipelineError(DrError):
    """One stage of a stream failed; the detail lists every stage."""

    exit_code = 6
    retryable = True


class StoreError(DrError):
    """A store refused, lost or changed an object."""

    exit_code = 7


class StoreUnavailable(StoreError):
    """The store does not answer; it may later."""

    retryable = True


class StoreDenied(StoreError):
    """The store answers and refuses us."""


class StoreFull(StoreError):
    """No space is left in the store."""


class StoreEmptied(StoreError):
    """A store that this host has used holds nothing any more; what it held is elsewhere, or gone."""


class ObjectMissing(StoreError):
    """No object is stored under that key."""


class ObjectArchived(StoreError):
    """The object lies in an archive class and cannot be read before it was brought back (I30)."""


class KeyUnusable(DrError):
    """The key or passphrase does not open the object, or is not there."""

    exit_code = 8


class BackupInvalid(DrError):
    """The object is not a backup, or is damaged or incomplete."""

    exit_code = 9


class BackupNotFound(DrError):
    """Nothing in the repository answers to that label."""

    exit_code = 10


class TargetRefused(DrError):
    """Restoring there would destroy something."""

    exit_code = 11


class LeaseHeld(DrError):
    """Another run is at work on the same system (I25)."""

    exit_code = 12


class IdentityMismatch(DrError):
    """The repository belongs to another cluster (I19)."""

    exit_code = 13


class PartialBackup(DrError):
    """Some of what was asked for is safe and some is not."""

    exit_code = 14


class RecoveryFailed(DrError):
    """The restored copy does not answer as it should (I13)."""

    exit_code = 15


class ObjectiveMissed(DrError):
    """Recovered, but later or with more loss than the target allows."""

    exit_code = 16


class StepTimedOut(DrError):
    """A step was not done by its time limit and was cut off; trying again would take as long again."""

    exit_code = 17


class DrillInconclusive(DrError):
    """A drill or a verification could not tell: something could not be asked from this host (I27)."""

    exit_code = 18


class ServiceError(DrError):
    """A service of the product does not stop, start or answer."""

    exit_code = 19


class InfrastructureError(DrError):
    """Machines, names or traffic cannot be brought to what is wanted; the provider's own words are the detail."""

    exit_code = 20


class NotFenced(DrError):
    """Another server is or may be in charge: a promotion, or what was recovered, would split the data in two."""

    exit_code = 21


class Disrupted(DrError):
    """``dr assess --exit-code`` found the severity MEDIUM: several services are affected, or data is at risk."""

    exit_code = 22


class SystemDown(DrError):
    """``dr assess --exit-code`` found the severity HIGH: a critical system is offline, or data can be lost at once."""

    exit_code = 23


class Disaster(DrError):
    """``dr assess --exit-code`` found the severity CRITICAL: everything is down, or the way back is gone as well."""

    exit_code = 24


class NotDelivered(DrError):
    """People were not told: a channel did not take the message."""

    exit_code = 25
    retryable = True


class Undeliverable(NotDelivered):
    """A channel will never take the message like this."""

    retryable = False


class Interrupted(DrError):
    """Ctrl-C or SIGTERM arrived; nothing half-made is listed."""

    exit_code = 130
