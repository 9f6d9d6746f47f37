"""A host that is too busy to ask anything: what it does not know it does not call a disaster."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.operations.assess import Prober, assess, lines
from dr.policy.observation import Condition, Subject
from dr.policy.severity import Severity
from dr.secret import Secret
from tests.integration.cli.command import descendants


def test_probes_that_never_got_to_ask_make_no_likely_scenario(tmp_path: Path) -> None:
    """Every process that asks is stopped before it is ready: all of it is unknown, and that is what is said."""
    system = System(
        name="shop",
        postgres=PostgresSettings(Secret("postgresql:///shop")),
        stores=(StoreSettings("local", "local", path=tmp_path / "local"),),
        encryption=EncryptionSettings(passphrase=Secret("a passphrase of the test")),
        state_directory=tmp_path / "state",
    )
    with Prober() as prober:
        began = next(pid for pid, argv in descendants(os.getpid()).items() if "dr.operations.assess.lane" in argv)
        stopped = os.getpgid(began)
        os.killpg(stopped, signal.SIGSTOP)
        try:
            found = assess(system, 2.0, words=("--system", "shop"), prober=prober)
        finally:
            os.killpg(stopped, signal.SIGCONT)

    product = [found.of(subject)[0] for subject in (Subject.DATABASE, Subject.BACKUPS)]
    assert {item.shown for item in product} == {"NOT ASKED"}
    assert found.judgement.scenario is None
    assert not found.judgement.known
    assert found.judgement.severity is Severity.LOW
    assert found.next_step.command == "dr assess --seconds 30 --system shop"
    assert any(line.startswith("Likely scenario: unknown, this host was too busy") for line in lines(found))
    assert not any(item.condition.offline for item in found.observations if item.subject is not Subject.OFF_SITE)
    assert Condition.ABSENT in {item.condition for item in found.of(Subject.REDIS)}
