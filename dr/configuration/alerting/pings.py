"""Settings of the section ``pings``: addresses of an outside watcher that alarms when nothing comes."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class PingsSettings:
    """A dead man's switch for each kind of event, as Healthchecks has them: success at the address itself.

    The address is the whole permission, so it is a secret.
    """

    backup: Secret | None = given(
        parsers.secret, "address that is asked after each good backup", check=parsers.check_address
    )
    wal: Secret | None = given(
        parsers.secret, "address that is asked when the WAL was proven to be stored", check=parsers.check_address
    )
    verification: Secret | None = given(
        parsers.secret, "address that is asked after each good verification", check=parsers.check_address
    )
    drill: Secret | None = given(
        parsers.secret, "address that is asked after each green drill", check=parsers.check_address
    )
    monitoring: Secret | None = given(
        parsers.secret, "address that is asked after each round of monitoring", check=parsers.check_address
    )
    exporter: Secret | None = given(
        parsers.secret, "address that the exporter asks while it measures", check=parsers.check_address
    )
    exporter_seconds: int = given(parsers.count, "how often the exporter asks it, in seconds", 60)
