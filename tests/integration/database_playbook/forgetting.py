"""The end of the playbook or of its way back, as a program on the plain runner.

``python -m tests.integration.database_playbook.forgetting VERB JOURNALS``. Another run has exchanged the
directories; from there on all is done for real. Prints the error.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from dr.errors import DrError
from dr.evidence.in_place import Undone
from dr.evidence.journal import Journal, Opening, open_journal
from dr.operations.database.exchange import Exchanged
from dr.operations.database.place import data_directory, identity_of
from dr.operations.database.plan_in_place import InPlace
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import RecoveryTarget
from tasks.corruption_course import InPlaceRecovery
from tasks.corruption_undo import BACK, undo_course
from tasks.course import Course
from tasks.incident import IncidentRecord, incident
from tasks.runner import flow
from tasks.systems import load_system


@flow(name="forgetting")
def forgetting(verb: str, journals: str) -> None:
    """Put into service what lies in production's place."""
    system = load_system("")
    data = data_directory(system)
    done = Exchanged(str(data), "")
    with (
        incident(system.name, Scenario.DATABASE_CORRUPTION, "a test") as told,
        open_journal(Path(journals), Opening("toy", system.name), run="1") as journal,
    ):
        if verb == "undo":
            journal.do("begin", lambda: datetime.now(UTC), datetime)
            journal.do("look at what was set aside", lambda: identity_of(data), str)
            journal.do(BACK, lambda: done, Exchanged)
            undo_course(system.name, Undone(str(data), "kept"), Course(journal))
        else:
            _recover(system.name, journal, told)


def _recover(system: str, journal: Journal, told: IncidentRecord) -> None:
    recovery = InPlaceRecovery(system, InPlace("latest", RecoveryTarget(), swap=True), Course(journal), told)
    recovery.erase_meanwhile()
    recovery.start_application()


def main() -> int:
    """The error's exit code."""
    try:
        forgetting(sys.argv[1], sys.argv[2])
    except DrError as error:
        sys.stdout.write(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
