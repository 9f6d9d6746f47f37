"""Fence by SQL: the server is marked as a standby and stopped, so that it cannot come up in charge.

``default_transaction_read_only`` would be none: every session can switch it off.
"""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import ConfigurationError, SourceError
from dr.operations.region.sites import Site, require_two
from dr.policy.promotion import FenceTried
from dr.postgres.standby import demote

STOP_SECONDS = 120.0


def by_sql(system: System, site: Site, other: Site) -> FenceTried:
    """Works while the server answers us; one that does not answer may be writing for others."""
    try:
        # What is behind a name may have moved: the other server, a standby, would pass for one that is fenced.
        require_two(site, other)
        return FenceTried("sql", True, demote(site.url, STOP_SECONDS))
    except (SourceError, ConfigurationError) as error:
        return FenceTried("sql", False, f"{error.message} {error.detail}".strip())
