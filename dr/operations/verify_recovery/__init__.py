"""Is the recovered system really back? It is asked as its users and its operators would, and backed up at once."""

from dr.catalog.expected import Expected
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.operations.verify_recovery.verify import verify_recovery

__all__ = ["Expected", "VerifiedRecovery", "verify_recovery"]
