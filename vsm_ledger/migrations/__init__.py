"""Migrations: how a ledger of an older version gets today's tables; the facts in it stay as they are.

A migration never changes a fact: readers understand old facts, and the chain covers them. Alembic loads here and
nowhere else, because it is slow to load. The read models are made again from the facts in the same transaction.
"""

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from vsm_core.actor import Owner
from vsm_ledger import schema
from vsm_ledger.errors import LedgerTooNew
from vsm_ledger.holding import require_quiet
from vsm_ledger.opening import version_of
from vsm_ledger.rebuilding import rebuild_projections


def upgrade(connection: Connection, place: str, by: Owner, now: datetime) -> tuple[int, int]:
    """Bring a ledger to this program's schema; return its version before and after.

    Raises Claimed while a process runs a node of it, LedgerTooNew, LedgerMissing or NotALedger.
    """
    before = version_of(connection, place)
    if before > schema.SCHEMA_VERSION:
        raise LedgerTooNew(place, before, schema.SCHEMA_VERSION)
    if before < schema.SCHEMA_VERSION:
        require_quiet(connection, by, now)  # a program of the older version would go on to write as it knows
        run_migrations(connection, schema.REVISION, stamped=_is_stamped(connection))
        rebuild_projections(connection)
    return before, schema.SCHEMA_VERSION


def run_migrations(connection: Connection, revision: str, *, stamped: bool) -> None:
    """Run the migrations up to a revision; what bears no stamp is of the first one, or empty."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if not stamped and connection.dialect.has_table(connection, schema.ledger.name):
        command.stamp(config, schema.FIRST_REVISION)
    command.upgrade(config, revision)


def _is_stamped(connection: Connection) -> bool:
    return connection.dialect.has_table(connection, schema.stamp.name)
