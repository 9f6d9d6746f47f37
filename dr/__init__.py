"""CoreFlow360 DR: backups of a PostgreSQL product that are proven to restore.

All knowledge of backup and recovery lives in this package as plain Python. It imports no Prefect; only
``dr.cli`` prints and exits.
"""

__version__ = "0.1.0"
