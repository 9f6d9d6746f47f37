"""Ask a restored copy whether it is what was backed up, and whether it works."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from dr.catalog.manifest import Level
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.evidence.phases import Phase
from dr.operations.component.drill.draw import DrawnComponent
from dr.operations.component.drill.failures import told
from dr.policy.drill_verdict import Answer, Probe


@dataclass(frozen=True, slots=True)
class Answered:
    """What the copy answered, and how long that took."""

    probes: tuple[Probe, ...]
    phase: Phase

    @property
    def level(self) -> Level:
        """The highest that an answer stands for. A copy that only lies there is restored, and no more (I29)."""
        return max((item.level for item in self.probes if item.answer is Answer.PASSED), default=Level.RESTORED)


def question_component(system: System, drawn: DrawnComponent) -> Answered:
    """The component's own questions, in a scratch directory beside the copy, which is removed after."""
    component = BY_KIND[drawn.request.kind].open(system)
    scratch = drawn.copy.with_name("scratch")
    begin = time.monotonic()
    try:
        with told(drawn.copy):
            scratch.mkdir(mode=0o700)
            probes = component.question(drawn.manifest, drawn.copy, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not probes:
        probes = (Probe("question", Answer.UNPROVEN, "nothing was asked of the copy", Level.QUERIED, essential=True),)
    return Answered(probes, Phase("question", begin, time.monotonic()))
