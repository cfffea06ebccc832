"""Group commit: what one transaction writes for many commits.

Theory of operation. The write lock is held, so what is read is what will be true at the end. Each commit is checked
against the heads as the commits before it in the group leave them; one that fails is fenced alone. The rest become
one run of statements per table, and one guarded update per stream: ``WHERE version = expected AND epoch = mine``.
A row that is there already (an envelope handled before) shows as an integrity error of the whole, and so does another
writer, on a database whose lock is not the whole file's; the caller then tries each commit alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Table, bindparam, literal_column, select
from sqlalchemy.sql.dml import Delete, Update

from vsm_core.actor import Fenced
from vsm_ledger import schema
from vsm_ledger.chain import new_fact_hash
from vsm_ledger.folding import fold, write_folded
from vsm_ledger.rows import Prepared, Row
from vsm_ledger.statements import Rows, insert, run, upsert


@dataclass(slots=True)
class _Stream:
    """A stream's head while a group is being written."""

    version: int
    head_hash: str
    position: int
    epoch: int
    read_version: int


def write_group(connection: Connection, group: Sequence[Prepared]) -> list[Fenced | None]:
    """Write the commits of a group that still hold; return for each None, or why it is fenced."""
    heads = _read_heads(connection, {prepared.stream for prepared in group})
    verdicts = [_advance(prepared, heads) for prepared in group]
    passed = [prepared for prepared, verdict in zip(group, verdicts, strict=True) if verdict is None]
    if passed:
        _guard(connection, {prepared.stream: heads[prepared.stream] for prepared in passed})
        _write_rows(connection, passed)
        write_folded(connection, fold(change for prepared in passed for change in prepared.changes))
    return verdicts


def write_marks(connection: Connection, envelope_ids: Iterable[str], now: str) -> None:
    """Mark outgoing envelopes as sent; a mark that is there stays as it is."""
    run(connection, _mark_sent(), [{"marked": each, "moment": now} for each in envelope_ids])


def _read_heads(connection: Connection, streams: set[str]) -> dict[str, _Stream]:
    columns = schema.streams.c
    wanted = select(columns.stream, columns.version, columns.head_hash, columns.position, columns.epoch)
    rows = connection.execute(wanted.where(columns.stream.in_(sorted(streams))))
    return {row[0]: _Stream(row[1], row[2], row[3], row[4], row[1]) for row in rows}


def _advance(prepared: Prepared, heads: Mapping[str, _Stream]) -> Fenced | None:
    """Move a stream's head over a commit's rows, and give them their places; or say why it is fenced."""
    head = heads.get(prepared.stream)
    if head is None:
        return Fenced(prepared.stream, "it was never claimed")
    if head.epoch != prepared.epoch:
        return Fenced(prepared.stream, f"epoch {prepared.epoch} is over, {head.epoch} holds it")
    if head.version != prepared.expected_version:
        return Fenced(prepared.stream, f"expected version {prepared.expected_version}, found {head.version}")
    for row in prepared.inbox:
        head.position += 1
        row["position"] = head.position
    for row in prepared.facts:
        head.version += 1
        row["version"] = head.version
        row["previous_hash"] = head.head_hash
        row["hash"] = head.head_hash = new_fact_hash(row)
    return None


def _guard(connection: Connection, heads: Mapping[str, _Stream]) -> None:
    rows: Rows = [
        {
            "of_stream": stream,
            "read_version": head.read_version,
            "read_epoch": head.epoch,
            "version": head.version,
            "head_hash": head.head_hash,
            "position": head.position,
        }
        for stream, head in heads.items()
    ]
    if run(connection, _advance_stream(), rows) != len(rows):
        raise Fenced(", ".join(heads), "another writer moved it")


def _write_rows(connection: Connection, passed: Sequence[Prepared]) -> None:
    insert(connection, schema.facts, [row for prepared in passed for row in prepared.facts])
    insert(connection, schema.inbox, [row for prepared in passed for row in prepared.inbox])
    insert(connection, schema.outbox, [row for prepared in passed for row in prepared.outbox])
    digests = {digest: body for prepared in passed for digest, body in prepared.limits.items()}
    upsert(connection, schema.limits, [{"digest": digest, "body": body} for digest, body in digests.items()])
    run(connection, _mark_handled(), [{"taken": each} for prepared in passed for each in prepared.handled])
    _replace(connection, schema.timers, ((prepared.stream, prepared.timers) for prepared in passed))
    _replace(connection, schema.jobs, ((prepared.stream, prepared.jobs) for prepared in passed))


def _replace(
    connection: Connection, table: Table, pending: Iterable[tuple[str, Mapping[str, Row | None]]]
) -> None:
    last = {(stream, each): row for stream, rows in pending for each, row in rows.items()}
    gone = [{"of_node": node, "of_id": each} for (node, each), row in last.items() if row is None]
    run(connection, _delete_pending(table), gone)
    upsert(connection, table, [row for row in last.values() if row is not None])


# ---------------------------------------------------------------------------------------------------- statements


@cache
def _delete_pending(table: Table) -> Delete:
    return table.delete().where(table.c.node == bindparam("of_node"), table.c.id == bindparam("of_id"))


@cache
def _advance_stream() -> Update:
    columns = schema.streams.c
    return (
        schema.streams.update()
        .where(
            columns.stream == bindparam("of_stream"),
            columns.version == bindparam("read_version"),
            columns.epoch == bindparam("read_epoch"),
        )
        .values(
            version=bindparam("version"), head_hash=bindparam("head_hash"), position=bindparam("position")
        )
    )


@cache
def _mark_sent() -> Update:
    columns = schema.outbox.c
    unsent = (columns.id == bindparam("marked"), columns.sent_at.is_(None))
    return schema.outbox.update().where(*unsent).values(sent_at=bindparam("moment"))


@cache
def _mark_handled() -> Update:
    columns = schema.outbox.c
    return schema.outbox.update().where(columns.id == bindparam("taken")).values(handled=literal_column("1"))
