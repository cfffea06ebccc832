"""Snapshots: folded states kept aside, so that a long stream stands up without folding all of its past.

A snapshot is a cache: it is written after the facts it covers, may be missing or deleted at any time, and says nothing
that the facts don't. It is found by stream and state schema, and counts only while the fact it ends with is still the
one it was folded to; otherwise the facts are folded again from the first. When one is due is the host's business:
SNAPSHOT_FACTS says how many facts make one worth its bytes.
"""

from sqlalchemy import Connection, select

from vsm_core.actor import Snapshot
from vsm_ledger import schema
from vsm_ledger.statements import upsert

SNAPSHOT_FACTS = 1_000  # between two snapshots of one stream


def write_snapshot(connection: Connection, snapshot: Snapshot) -> None:
    """Keep a snapshot in place of an older one; one that runs ahead of its stream, or behind, is left out."""
    head = _hash_at(connection, snapshot.stream, snapshot.version)
    kept = _kept(connection, snapshot.stream, snapshot.state_schema)
    if head is None or (kept is not None and kept[0] > snapshot.version):
        return
    row: dict[str, str | int | bytes] = {
        "stream": snapshot.stream,
        "state_schema": snapshot.state_schema,
        "version": snapshot.version,
        "fact_hash": head,
        "body": snapshot.body,
    }
    upsert(connection, schema.snapshots, [row])


def read_snapshot(connection: Connection, stream: str, state_schema: str) -> Snapshot | None:
    """Return the newest snapshot of a stream in a schema; None where there is none that the facts bear out."""
    kept = _kept(connection, stream, state_schema)
    if kept is None or _hash_at(connection, stream, kept[0]) != kept[1]:
        return None
    return Snapshot(stream=stream, version=kept[0], state_schema=state_schema, body=kept[2])


def _kept(connection: Connection, stream: str, state_schema: str) -> tuple[int, str, bytes] | None:
    columns = schema.snapshots.c
    wanted = select(columns.version, columns.fact_hash, columns.body)
    found = connection.execute(
        wanted.where(columns.stream == stream, columns.state_schema == state_schema)
    ).first()
    return None if found is None else (found[0], found[1], found[2])


def _hash_at(connection: Connection, stream: str, version: int) -> str | None:
    columns = schema.facts.c
    wanted = select(columns.hash).where(columns.stream == stream, columns.version == version)
    return connection.execute(wanted).scalar()
