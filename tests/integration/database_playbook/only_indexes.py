"""The playbook's look at the damage, as a program on the plain runner: ``python -m ...only_indexes JOURNALS``.

The look itself has found one damaged index; what follows from it is done for real. Prints the error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dr.errors import DrError
from dr.evidence.journal import Opening, open_journal
from dr.operations.database.plan_in_place import InPlace
from dr.policy.damage import Damage, Damaged, What
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import RecoveryTarget
from tasks.corruption_course import InPlaceRecovery
from tasks.corruption_unfinished import PROCEDURE
from tasks.course import Course
from tasks.incident import IncidentRecord
from tasks.runner import flow
from tasks.systems import load_system

WANTED = InPlace("latest", RecoveryTarget())


@flow(name="only-indexes")
def only_indexes(journals: str) -> None:
    """Stop the application, and find that nothing has to be restored."""
    system = load_system("")
    damage = Damage(True, damaged=(Damaged("shop", What.INDEX, "users_pkey", "it does not fit"),))
    with open_journal(Path(journals), Opening(PROCEDURE, system.name, WANTED.parameters), run="1") as journal:
        journal.do("look at the damage", lambda: damage, Damage)
        told = IncidentRecord(system, "none", joined=False, scenario=Scenario.DATABASE_CORRUPTION)
        recovery = InPlaceRecovery(system.name, WANTED, Course(journal), told)
        recovery.stop_application()
        recovery.look_at_damage(even_so=False)


def main() -> int:
    """The error's exit code."""
    try:
        only_indexes(sys.argv[1])
    except DrError as error:
        sys.stdout.write(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
