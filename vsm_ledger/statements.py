"""Statements run once per row: compiled once, their parameters put in order by hand.

SQLAlchemy's own way prepares each row's parameters again, which costs more than the insert itself. This is the only
file where the transaction's functions meet the differences of SQL between databases.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Select, Table
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert, Update

from vsm_ledger.projections import Cell

Rows = Sequence[Mapping[str, Cell | bytes]]
STATEMENTS_COMPILED = 256


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of one shape; raise IntegrityError where one is there already."""
    run(connection, _insert_into(table), rows)


def insert_cells(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Cell | bytes, ...]]
) -> None:
    """Insert rows given as cells in the order of ``names``: the short way for the largest table."""
    if rows:
        text, order = _compiled(_insert_into(table), names, connection.dialect)
        assert order == names
        connection.exec_driver_sql(text, rows)


def upsert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of one shape, each over the row with its key."""
    run(connection, _upsert_into(table, connection.dialect.name), rows)


def accumulate(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of numbers of one shape, each added to the row with its key."""
    run(connection, _accumulate_into(table, connection.dialect.name), rows)


def insert_missing(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of one shape where no row has their key: for content that its key determines."""
    run(connection, _insert_missing_into(table, connection.dialect.name), rows)


def run(connection: Connection, statement: Insert | Update | Delete, rows: Rows) -> int:
    """Run a statement once per row, all of the same shape, and return how many rows it met; -1 if nobody counted."""
    if not rows:
        return 0
    text, names = _compiled(statement, tuple(rows[0]), connection.dialect)
    cells = itemgetter(*names) if len(names) > 1 else _only(names[0])
    return connection.exec_driver_sql(text, list(map(cells, rows))).rowcount


def fetch(
    connection: Connection, statement: Select[Any], cells: Mapping[str, Cell]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the rows of a question that is asked often, by the names of its parameters."""
    text, names = _compiled(statement, tuple(cells), connection.dialect)
    return connection.exec_driver_sql(text, tuple([cells[name] for name in names])).all()


def _only(name: str) -> Callable[[Mapping[str, Cell | bytes]], tuple[Cell | bytes]]:
    return lambda row: (row[name],)


@lru_cache(maxsize=STATEMENTS_COMPILED)
def _compiled(
    statement: Insert | Update | Delete | Select[Any],
    names: tuple[str, ...],
    dialect: Dialect,
) -> tuple[str, tuple[str, ...]]:
    """Return a statement's text and the order of its parameters; compiling once spares the work per row."""
    compiled = statement.compile(dialect=dialect, column_keys=names)
    assert isinstance(compiled, SQLCompiler)
    return str(compiled), tuple(compiled.positiontup or ())


@cache
def _insert_into(table: Table) -> Insert:
    return table.insert()


@cache
def _upsert_into(table: Table, dialect: str) -> Insert:
    statement = _insert_of(dialect, table)
    keys = [column.name for column in table.primary_key]
    cells = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=cells)


@cache
def _accumulate_into(table: Table, dialect: str) -> Insert:
    statement = _insert_of(dialect, table)
    keys = [column.name for column in table.primary_key]
    sums = {
        column.name: column + statement.excluded[column.name] for column in table.c if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=sums)


@cache
def _insert_missing_into(table: Table, dialect: str) -> Insert:
    return _insert_of(dialect, table).on_conflict_do_nothing()


def _insert_of(dialect: str, table: Table) -> SqliteInsert | PostgresInsert:
    return SqliteInsert(table) if dialect == "sqlite" else PostgresInsert(table)
