"""Jira: an issue per alert, created once, commented when it changes, closed when it is over."""

from __future__ import annotations

import hashlib
from typing import Any

from dr.configuration.alerting.jira import JiraSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import wording
from dr.notify.answers import refused, silent
from dr.notify.protocol import PATIENCE_SECONDS, Notice, Receipt
from dr.policy.alert import Turn
from dr.secret import Secret

_SUMMARY = 250


class Jira:
    """One project. An issue is found again by a label made of the alert's key, also when its receipt was lost."""

    name = "jira"

    def __init__(self, settings: JiraSettings, token: Secret) -> None:
        self._settings = settings
        self._token = token

    @property
    def place(self) -> str:
        return f"project {self._settings.project}"

    def deliver(self, notice: Notice) -> Receipt:
        from jira import JIRAError

        try:
            return self._deliver(self._client(), notice)
        except JIRAError as error:
            raise self._refusal(error) from None
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise silent(self.name, self.place, f"{type(error).__name__}: {error}") from None

    def _deliver(self, client: Any, notice: Notice) -> Receipt:
        key = notice.thread or self._open_issue(client, notice)
        if not key and notice.turn is Turn.RESOLVE:
            return Receipt(self.name, "nothing to close")
        if not key:
            issue = client.create_issue(
                fields={
                    "project": {"key": self._settings.project},
                    "issuetype": {"name": self._settings.issue_type},
                    "summary": " ".join(wording.title(notice).split())[:_SUMMARY],
                    "description": _quiet(wording.text(notice)),
                    "labels": ["coreflow360-dr", _label(notice)],
                }
            )
            return Receipt(self.name, str(issue.key), str(issue.key))
        comment = client.add_comment(key, _quiet(wording.text(notice)))
        if notice.turn is Turn.RESOLVE:
            self._close(client, key)
        return Receipt(self.name, f"{key} comment {comment.id}", key)

    def _open_issue(self, client: Any, notice: Notice) -> str:
        """An unresolved issue of this alert: two hosts, or a run whose receipt was lost, make no second one."""
        found = client.search_issues(
            f'project = "{self._settings.project}" AND labels = "{_label(notice)}" AND statusCategory != Done',
            maxResults=1,
            fields="key",
        )
        return str(found[0].key) if len(found) else ""

    def _close(self, client: Any, key: str) -> None:
        wanted = self._settings.done.casefold()
        for transition in client.transitions(key):
            if wanted in (transition["name"].casefold(), transition.get("to", {}).get("name", "").casefold()):
                client.transition_issue(key, transition["id"])
                return
        raise Undeliverable(
            f"jira: {key} cannot be closed, it has no transition {self._settings.done!r}",
            hint="Set jira.done to the name of the transition that closes an issue.",
        )

    def _client(self) -> Any:
        from jira import JIRA

        user, token = self._settings.user, self._token.reveal()
        return JIRA(
            self._settings.url,
            basic_auth=(user, token) if user else None,
            token_auth=None if user else token,
            get_server_info=True,  # Cloud and Data Center are searched in different ways
            max_retries=0,
            timeout=PATIENCE_SECONDS,
            options={"check_update": False},
        )

    def _refusal(self, error: Any) -> NotDelivered | Undeliverable:
        if error.status_code is None:
            return silent(self.name, self.place, str(error.text or "no answer"))
        return refused(self.name, self.place, int(error.status_code), str(error.text or ""))


def _label(notice: Notice) -> str:
    """Labels take no spaces, and an alert's key may have them."""
    return "dr-" + hashlib.sha256(notice.alert.key.encode()).hexdigest()[:16]


def _quiet(text: str) -> str:
    """Jira's markup would take braces and brackets for macros and mentions."""
    return "{noformat}\n" + text.replace("{noformat}", "{ noformat }") + "\n{noformat}"
