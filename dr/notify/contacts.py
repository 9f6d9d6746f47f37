"""The last steps of an escalation: further people of the call list, one after the other, then all on one bridge.

They are no channels of the daily routing: nobody of the list is texted by a test or by a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dr.configuration.model import System
from dr.errors import NotDelivered, Undeliverable
from dr.evidence.incident_contacts import Contact
from dr.notify.mail import Mail
from dr.notify.protocol import Channel, Notice, Receipt
from dr.notify.sms import Sms

CONTACTS, BRIDGE = "contacts", "bridge"
"""The names of these steps in ``alerts.escalation``."""


class Called:
    """Some people of the call list, each by text message and by mail, as far as the system can send them.

    Deliver to as many as can be reached; an error only where nobody was.
    """

    def __init__(self, name: str, contacts: Sequence[Contact], sms: Sms | None, mail: Mail | None, bridge: str) -> None:
        self.name = name
        self._contacts = contacts
        self._sms, self._mail = sms, mail
        self._bridge = bridge

    @property
    def place(self) -> str:
        people = ", ".join(item.role for item in self._contacts)
        return f"{people} at {self._bridge}" if self._bridge else people

    def deliver(self, notice: Notice) -> Receipt:
        if self._bridge:
            invited = f"JOIN {self._bridge}: {notice.alert.summary}"
            notice = replace(notice, alert=replace(notice.alert, summary=invited))
        taken: list[str] = []
        errors: list[NotDelivered] = []
        for send in self._ways(notice):
            try:
                taken.append(send().identifier)
            except NotDelivered as error:
                errors.append(error)
        if not taken:
            raise next((error for error in errors if error.retryable), errors[0]) if errors else self._unreachable()
        return Receipt(self.name, ", ".join(taken))

    def _ways(self, notice: Notice) -> Iterable[Callable[[], Receipt]]:
        sms, mail = self._sms, self._mail
        for contact in self._contacts:
            if sms is not None and contact.phone:
                yield lambda phone=contact.phone: sms.deliver_to((phone,), notice)  # type: ignore[misc]
            if mail is not None and "@" in contact.mail:
                yield lambda address=contact.mail: mail.deliver_to((address,), notice)  # type: ignore[misc]

    def _unreachable(self) -> Undeliverable:
        return Undeliverable(
            f"{self.place} cannot be reached",
            detail="no phone with a way to send text messages, and no mail with a server",
            hint="Give incident.contacts phones or mails, and configure sms.* or mail.*.",
        )


def escalation_steps(system: System, channels: dict[str, Channel]) -> dict[str, Channel]:
    """The steps of ``alerts.escalation``, in order: channels as they are, ``contacts`` as one step per person."""
    steps: dict[str, Channel] = {}
    for name in system.alerting.alerts.escalation:
        if name == CONTACTS:
            steps |= {f"contact {item.role}": _called(system, channels, (item,)) for item in _further(system, channels)}
        elif name == BRIDGE and system.procedures.incident.bridge:
            everybody = _reachable(system, channels)
            if everybody:
                steps[BRIDGE] = _called(system, channels, everybody, system.procedures.incident.bridge)
        elif name in channels:
            steps[name] = channels[name]
    return steps


def _called(system: System, channels: dict[str, Channel], contacts: Sequence[Contact], bridge: str = "") -> Called:
    name = BRIDGE if bridge else f"contact {contacts[0].role}"
    sms, mail = channels.get("sms"), channels.get("mail")
    return Called(
        name, contacts, sms if isinstance(sms, Sms) else None, mail if isinstance(mail, Mail) else None, bridge
    )


def _reachable(system: System, channels: dict[str, Channel]) -> tuple[Contact, ...]:
    by_phone, by_mail = isinstance(channels.get("sms"), Sms), isinstance(channels.get("mail"), Mail)
    people = map(Contact.parse, system.procedures.incident.contacts)
    return tuple(item for item in people if (item.phone and by_phone) or ("@" in item.mail and by_mail))


def _further(system: System, channels: dict[str, Channel]) -> tuple[Contact, ...]:
    """Whoever was not told by the channels before: whose phone is that of who is on call was."""
    on_call = {_digits(number) for number in system.alerting.sms.to}
    return tuple(item for item in _reachable(system, channels) if _digits(item.phone) not in on_call)


def _digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdigit())
