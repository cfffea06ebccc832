"""Group commit: what one transaction writes for many commits.

Theory of operation. The write lock is held, so what is read is what will be true at the end. Each commit is checked
against the heads as the commits before it in the group leave them; one that fails is fenced alone. The rest become
one run of statements per table, and one guarded update per stream: ``WHERE version = expected AND epoch = mine``.
A row that is there already (an envelope handled before) shows as an integrity error of the whole; the caller then
writes each commit in a transaction of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from sqlalchemy import Connection, Dialect, Table, bindparam, select
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert, Update

from vsm_core.actor import Fenced
from vsm_ledger import schema
from vsm_ledger.chain import new_fact_hash
from vsm_ledger.projections import Cell, Change
from vsm_ledger.rows import Prepared, Row

Key = tuple[Cell, ...]
Rows = Sequence[Mapping[str, Cell | bytes]]


class LostUpdate(Exception):
    """A guarded update found another version or epoch than was read: another writer is there."""


@dataclass(slots=True)
class _Stream:
    """A stream's head while a group is being written."""

    version: int
    head_hash: str
    position: int
    epoch: int
    read_version: int


@dataclass(slots=True)
class Folded:
    """Changes of read models, folded to one last state per row."""

    whole: dict[str, dict[Key, dict[str, Cell]]] = field(default_factory=dict)
    partial: dict[str, dict[tuple[Key, Key], tuple[Mapping[str, Cell], dict[str, Cell]]]] = field(
        default_factory=dict
    )


def write_group(connection: Connection, group: Sequence[Prepared]) -> list[Fenced | None]:
    """Write the commits of a group that still hold; return for each None, or why it is fenced."""
    heads = _read_heads(connection, {prepared.stream for prepared in group})
    verdicts = [_advance(prepared, heads) for prepared in group]
    passed = [prepared for prepared, verdict in zip(group, verdicts, strict=True) if verdict is None]
    if passed:
        _guard(connection, {prepared.stream: heads[prepared.stream] for prepared in passed})
        _write_rows(connection, passed)
        write_changes(connection, fold(change for prepared in passed for change in prepared.changes))
    return verdicts


def write_marks(connection: Connection, envelope_ids: Iterable[str], now: str) -> None:
    """Mark outgoing envelopes as sent; a mark that is there stays as it is."""
    _run(connection, _mark_sent(), [{"marked": each, "moment": now} for each in envelope_ids])


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
    if _run(connection, _advance_stream(), rows) != len(rows):
        raise LostUpdate


def _write_rows(connection: Connection, passed: Sequence[Prepared]) -> None:
    _insert(connection, schema.facts, [row for prepared in passed for row in prepared.facts])
    _insert(connection, schema.inbox, [row for prepared in passed for row in prepared.inbox])
    _insert(connection, schema.outbox, [row for prepared in passed for row in prepared.outbox])
    digests = {digest: body for prepared in passed for digest, body in prepared.limits.items()}
    _upsert(connection, schema.limits, [{"digest": digest, "body": body} for digest, body in digests.items()])
    _run(connection, _mark_handled(), [{"taken": each} for prepared in passed for each in prepared.handled])
    _replace(connection, schema.timers, ((prepared.stream, prepared.timers) for prepared in passed))
    _replace(connection, schema.jobs, ((prepared.stream, prepared.jobs) for prepared in passed))


def _replace(
    connection: Connection, table: Table, pending: Iterable[tuple[str, Mapping[str, Row | None]]]
) -> None:
    last = {(stream, each): row for stream, rows in pending for each, row in rows.items()}
    gone = [{"of_node": node, "of_id": each} for (node, each), row in last.items() if row is None]
    _run(connection, _delete_pending(table), gone)
    _upsert(connection, table, [row for row in last.values() if row is not None])


# -------------------------------------------------------------------------------------------------- read models


def fold(changes: Iterable[Change]) -> Folded:
    """Return the changes as one last state per row, in their order."""
    folded = Folded()
    for change in changes:
        table = schema.PROJECTED[change.table]
        key = tuple(change.key[column.name] for column in table.primary_key)
        if change.whole:
            _fold_whole(folded, change, key)
        else:
            _fold_partial(folded, change, key)
    return folded


def _fold_whole(folded: Folded, change: Change, key: Key) -> None:
    folded.whole.setdefault(change.table, {})[key] = {**change.key, **change.cells}
    partial = folded.partial.get(change.table, {})
    for stale in [guarded for guarded in partial if guarded[0] == key]:
        del partial[stale]


def _fold_partial(folded: Folded, change: Change, key: Key) -> None:
    row = folded.whole.get(change.table, {}).get(key)
    if row is not None:
        if all(row[name] == value for name, value in change.key.items()):
            row.update(change.cells)
        return
    partial = folded.partial.setdefault(change.table, {})
    _, cells = partial.setdefault((key, tuple(change.key.values())), (change.key, {}))
    cells.update(change.cells)


def write_changes(connection: Connection, folded: Folded) -> None:
    """Write folded changes: whole rows over what is there, cells only where their row is."""
    for name, whole in folded.whole.items():
        _upsert(connection, schema.PROJECTED[name], list(whole.values()))
    for name, guarded in folded.partial.items():
        by_shape: dict[tuple[tuple[str, ...], tuple[str, ...]], list[dict[str, Cell]]] = {}
        for key, cells in guarded.values():
            shape = (tuple(key), tuple(sorted(cells)))
            found = {f"of_{column}": value for column, value in key.items()}
            by_shape.setdefault(shape, []).append({**found, **cells})
        for (key_names, cell_names), rows in by_shape.items():
            _run(connection, _update_cells(schema.PROJECTED[name], key_names, cell_names), rows)


# ---------------------------------------------------------------------------------------------------- statements


def _insert(connection: Connection, table: Table, rows: Rows) -> None:
    _run(connection, _insert_into(table), rows)


def _upsert(connection: Connection, table: Table, rows: Rows) -> None:
    _run(connection, _upsert_into(table), rows)


def _run(connection: Connection, statement: Insert | Update | Delete, rows: Rows) -> int:
    """Run a statement once per row, all of the same shape, and return how many rows it met."""
    if not rows:
        return 0
    text, names = _compiled(statement, tuple(rows[0]), connection.dialect)
    return connection.exec_driver_sql(text, [tuple([row[name] for name in names]) for row in rows]).rowcount


@lru_cache(maxsize=256)  # statements times shapes
def _compiled(
    statement: Insert | Update | Delete, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, tuple[str, ...]]:
    """Return a statement's text and the order of its parameters; compiling once spares the work per row."""
    compiled = statement.compile(dialect=dialect, column_keys=names)
    assert isinstance(compiled, SQLCompiler)
    return str(compiled), tuple(compiled.positiontup or ())


@cache
def _insert_into(table: Table) -> Insert:
    return table.insert()


@cache
def _upsert_into(table: Table) -> Insert:
    statement = insert_sqlite(table)
    keys = [column.name for column in table.primary_key]
    cells = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=cells)


@cache
def _delete_pending(table: Table) -> Delete:
    return table.delete().where(table.c.node == bindparam("of_node"), table.c.id == bindparam("of_id"))


@cache
def _update_cells(table: Table, keys: tuple[str, ...], cells: tuple[str, ...]) -> Update:
    found = (table.c[name] == bindparam(f"of_{name}") for name in keys)
    return table.update().where(*found).values({name: bindparam(name) for name in cells})


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
    return schema.outbox.update().where(columns.id == bindparam("taken")).values(handled=1)
