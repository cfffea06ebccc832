"""Rebuilding: the read models made again from the facts, row for row the same.

It runs in one transaction, so a reader sees the old rows or the new ones, never half of either.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, select

from vsm_ledger import schema
from vsm_ledger.folding import fold, write_folded
from vsm_ledger.joining import joined
from vsm_ledger.projections import Change, Origin
from vsm_ledger.rows import changes_in, fact_of

FACTS_PER_STEP = 5_000


def rebuild_projections(connection: Connection) -> int:
    """Drop and recompute every projection; return how many facts were read. Raises ValueError for an unknown kind."""
    for table in schema.PROJECTED.values():
        connection.execute(table.delete())
    after = count = 0
    while rows := _step(connection, after):
        write_folded(connection, fold(_changes(connection, rows)))
        after = int(rows[-1].sequence)
        count += len(rows)
    return count


def _step(connection: Connection, after: int) -> Sequence[Row[*tuple[object, ...]]]:
    columns = schema.facts.c
    wanted = select(
        columns.sequence,
        columns.stream,
        columns.version,
        columns.id,
        columns.occurred_at,
        columns.genome_id,
        columns.kind,
        columns.schema_version,
        columns.body,
    )
    following = wanted.where(columns.sequence > after).order_by(columns.sequence).limit(FACTS_PER_STEP)
    return connection.execute(following).all()


def _changes(connection: Connection, rows: Sequence[Row[*tuple[object, ...]]]) -> Iterator[Change]:
    for cells in joined(connection, rows):
        row = {name: str(cell) for name, cell in cells.items()}
        fact = fact_of(row["kind"], int(row["schema_version"]), row["body"])
        origin = Origin(row["stream"], row["id"], row["occurred_at"], row["genome_id"])
        yield from changes_in(fact, origin, row["body"])
