"""What the weekly verification shows people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from dr.operations.verify.registry import State
from tasks.reporting import copy_rows
from tasks.runner import publish_table
from tasks.verification import Verification


def show_verification(found: Verification) -> None:
    """The copies read, the WAL's chain, the keys."""
    publish_table("verification-copies", copy_rows(found.proofs), "The newest of every kind, each store's copy read")
    if found.chain is not None:
        rows = [
            {
                "store": row.store,
                "newest WAL": row.newest_wal,
                "segments": row.segments,
                "gaps": row.gaps,
                "lacking": row.lacking,
                "recoverable from": row.oldest,
                "to": row.newest,
            }
            for row in found.chain.rows
        ]
        rows += [{"store": "", "newest WAL": f"problem: {text}"} for text in found.chain_problems]
        publish_table("verification-wal", rows, "The WAL's chain in every store")
    keys = [{"key": item.name, "answer": str(item.answer), "detail": item.detail} for item in found.custody]
    publish_table("verification-keys", keys, "What the escrowed key opens, without this host's keys")


def show_states(found: Iterable[State]) -> None:
    """How every kind stands after all of it."""
    now = datetime.now(UTC)
    rows = [item.row(now) for item in found]
    publish_table("verification-kinds", rows, "The newest of every kind: how far it is proven, and since when")
