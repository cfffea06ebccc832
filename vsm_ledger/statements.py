"""Statements run once per row: compiled once, their parameters put in order by hand.

SQLAlchemy's own way prepares each row's parameters again, which costs more than the insert itself.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert, Update

from vsm_ledger.projections import Cell

Rows = Sequence[Mapping[str, Cell | bytes]]
STATEMENTS_COMPILED = 256


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of one shape; raise IntegrityError where one is there already."""
    run(connection, _insert_into(table), rows)


def upsert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows of one shape, each over the row with its key."""
    run(connection, _upsert_into(table), rows)


def run(connection: Connection, statement: Insert | Update | Delete, rows: Rows) -> int:
    """Run a statement once per row, all of the same shape, and return how many rows it met."""
    if not rows:
        return 0
    text, names = _compiled(statement, tuple(rows[0]), connection.dialect)
    return connection.exec_driver_sql(text, [tuple([row[name] for name in names]) for row in rows]).rowcount


@lru_cache(maxsize=STATEMENTS_COMPILED)
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
