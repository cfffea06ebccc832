"""Group commit: what one transaction writes for many commits.

Theory of operation. The write lock is held, so what is read is what will be true at the end; a database that has row
locks holds those of the heads as well. Each commit is checked against the heads as the commits before it in the group
leave them; one that fails is fenced alone. The rest become one run of statements per table, and one guarded update per
stream: ``WHERE version = expected AND epoch = mine``. A row that is there already (an envelope handled before) shows
as an integrity error of the whole, and the caller then tries each commit alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, literal_column, select
from sqlalchemy.sql.dml import Delete, Update

from vsm_core.actor import Fenced
from vsm_ledger import schema
from vsm_ledger.chain import new_fact_hash
from vsm_ledger.folding import fold, write_folded
from vsm_ledger.rows import FACT_COLUMNS, Prepared, Row
from vsm_ledger.statements import Rows, fetch, insert, insert_cells, insert_missing, run, upsert

TEXT_COLUMNS = ("stream", "version", "body")
NOT_COUNTED = -1  # rows met, by a driver that does not tell; the row locks of the heads are the guard then


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


def was_written(connection: Connection, prepared: Prepared) -> bool:
    """Say whether a commit that a group held is in the ledger: by the hash of its last fact, or by what it entered."""
    facts, inbox = schema.facts.c, schema.inbox.c
    if prepared.facts:
        last = prepared.facts[-1]
        of_version = (facts.stream == prepared.stream, facts.version == last.cells["version"])
        return bool(connection.execute(select(facts.hash).where(*of_version)).scalar() == last.hash)
    entered = prepared.inbox[-1]
    of_envelope = (inbox.stream == prepared.stream, inbox.envelope_id == entered["envelope_id"])
    return bool(
        connection.execute(select(inbox.position).where(*of_envelope)).scalar() == entered["position"]
    )


def write_marks(connection: Connection, envelope_ids: Iterable[str], now: str) -> None:
    """Mark outgoing envelopes as sent; a mark that is there stays as it is."""
    run(connection, _mark_sent(), [{"marked": each, "moment": now} for each in envelope_ids])


def _read_heads(connection: Connection, streams: set[str]) -> dict[str, _Stream]:
    named = {f"stream_{at}": stream for at, stream in enumerate(sorted(streams))}
    rows = fetch(connection, _heads_of(tuple(named)), named)
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
    for fact in prepared.facts:
        head.version += 1
        fact.cells["version"] = head.version
        fact.cells["previous_hash"] = head.head_hash
        fact.hash = head.head_hash = new_fact_hash(fact.cells)
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
    if run(connection, _advance_stream(), rows) not in {len(rows), NOT_COUNTED}:
        raise Fenced(", ".join(heads), "another writer moved it")


def _write_rows(connection: Connection, passed: Sequence[Prepared]) -> None:
    cells = [fact.stored() for prepared in passed for fact in prepared.facts]
    insert_cells(connection, schema.facts, FACT_COLUMNS, cells)
    kept = [
        (prepared.stream, fact.cells["version"], fact.texts)
        for prepared in passed
        for fact in prepared.facts
        if fact.texts
    ]
    insert_cells(connection, schema.texts, TEXT_COLUMNS, kept)
    insert(connection, schema.inbox, [row for prepared in passed for row in prepared.inbox])
    insert(connection, schema.outbox, [row for prepared in passed for row in prepared.outbox])
    digests = {digest: body for prepared in passed for digest, body in prepared.limits.items()}
    bodies: Rows = [{"digest": digest, "body": body} for digest, body in digests.items()]
    insert_missing(connection, schema.limits, bodies)
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


@lru_cache
def _heads_of(names: tuple[str, ...]) -> Select[Any]:
    columns = schema.streams.c
    wanted = select(columns.stream, columns.version, columns.head_hash, columns.position, columns.epoch)
    mine = wanted.where(columns.stream.in_([bindparam(name) for name in names]))
    return mine.order_by(columns.stream).with_for_update()


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
