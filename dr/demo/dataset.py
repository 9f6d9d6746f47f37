"""The data set: a multi-tenant shop in which everything occurs that backups like to forget (I37).

Partitions, sequences, identity and generated columns, large objects, a tablespace, enum and domain, row security, an
unlogged table, a materialized view, triggers, comments, grants, several owners, names and data in other scripts.
Every value is computed on the server from the row's number, so two loads of one scale differ in their dates alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from dr.demo.estate import Estate
from dr.demo.queries import query
from dr.postgres.connection import connected
from dr.secret import Secret

_USERS, _ORDERS, _DOCUMENTS, _LARGE_OBJECT_BYTES = 40_000, 200_000, 6_000, 200_000
_HISTORY = timedelta(days=300)
_BESIDE_EACH_OTHER = (("load_orders", "load_documents"), ("load_lines", "load_people", "load_large_objects"))


def load_dataset(estate: Estate, scale: float = 1.0) -> int:
    """Fill the empty database; bytes on disk afterwards. Scale 1.0 makes about 200 MB."""
    url = estate.superuser_url
    settings = _settings(scale, datetime.now(UTC))
    _run(url, settings, ("types", "tables", "partitions"))
    with ThreadPoolExecutor(len(_BESIDE_EACH_OTHER)) as pool:
        for loaded in [pool.submit(_run, url, settings, names) for names in _BESIDE_EACH_OTHER]:
            loaded.result()
    _run(url, settings, ("finish",))
    with connected(url) as connection:
        # Frozen and analysed, as tables of a shop that has been running for a year are.
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        row = connection.execute("SELECT sum(pg_database_size(oid))::bigint AS bytes FROM pg_database").fetchone()
    return int(row["bytes"]) if row else 0


def _settings(scale: float, now: datetime) -> dict[str, str]:
    orders = max(int(_ORDERS * scale), 1000)
    return {
        "users": str(max(int(_USERS * scale), 200)),
        "orders": str(orders),
        "documents": str(max(int(_DOCUMENTS * scale), 50)),
        "large_object_bytes": str(max(int(_LARGE_OBJECT_BYTES * scale), 5000)),
        "begin": (now - _HISTORY).isoformat(),
        "step": f"{(_HISTORY - timedelta(hours=1)).total_seconds() / orders} seconds",
    }


def _run(url: Secret, settings: dict[str, str], names: tuple[str, ...]) -> None:
    with connected(url) as connection:
        connection.execute("SET timezone = 'UTC'; SET synchronous_commit = off; SET maintenance_work_mem = '128MB'")
        for name, value in settings.items():
            connection.execute("SELECT set_config('demo.' || %s::text, %s, false)", (name, value))
        for name in names:
            connection.execute(query(name))
            connection.execute("RESET ROLE")
