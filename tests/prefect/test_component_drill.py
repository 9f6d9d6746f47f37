"""A component's drill as the worker runs it: the form gives plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.components.test_drill_flows import CodeHost


def test_a_component_is_drilled_by_the_words_that_a_form_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kind and scenario are texts there; the record is the same as from the command line."""
    host = CodeHost(tmp_path)
    label = host.back_up()
    for name, value in host.environment.items():
        if name != "DR_RUNNER":
            monkeypatch.setenv(name, value)
    from flows.component_drill import component_drill
    from tasks.runner import RUNNER

    record = component_drill(system="shop", kind="code", scenario="data-center-outage")  # type: ignore[arg-type]

    assert RUNNER == "prefect"
    assert (record.label, record.method, record.verdict) == (label, "code", "recoverable")
    assert (record.procedure, record.rto_target) == ("component-drill", 3600)
    assert host.drills == []
