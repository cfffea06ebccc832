"""Opening: whose ledger this is and of which version, and making one where there is none.

A new ledger gets today's tables and the newest migration's stamp, without going through the migrations: alembic is
slow to load, and a test holds that both ways lead to the same schema. The caller's transaction is a writer's, or sees
one moment.
"""

from sqlalchemy import Connection, inspect, select

from vsm_ledger.errors import LedgerMissing, LedgerTooNew, LedgerTooOld, NotALedger, WrongOrganization
from vsm_ledger.schema import FIRST_REVISION, REVISION, SCHEMA_VERSION, ledger, stamp, tables

DEFAULT_ORGANIZATION = "vsm"


def create_or_check(connection: Connection, place: str, organization: str | None, now: str) -> str:
    """Return whose ledger this is, after making it if nothing is there; the write lock is held."""
    if inspect(connection).get_table_names():
        return check(connection, place, organization)
    tables.create_all(connection, checkfirst=False)
    owner = organization or DEFAULT_ORGANIZATION
    connection.execute(stamp.insert(), {"version_num": REVISION})
    connection.execute(ledger.insert(), {"organization": owner, "created_at": now})
    return owner


def check(connection: Connection, place: str, organization: str | None) -> str:
    """Return whose ledger this is; raise if it is none, of another version, or of another organization."""
    found = version_of(connection, place)
    if found > SCHEMA_VERSION:
        raise LedgerTooNew(place, found, SCHEMA_VERSION)
    if found < SCHEMA_VERSION:
        raise LedgerTooOld(place, found, SCHEMA_VERSION)
    owner = connection.execute(select(ledger.c.organization)).scalar()
    if owner is None:
        raise NotALedger(place, "its ledger table is empty")
    if organization is not None and owner != organization:
        raise WrongOrganization(place, owner, organization)
    return str(owner)


def version_of(connection: Connection, place: str) -> int:
    """Return the version of a ledger's schema; raise LedgerMissing or NotALedger."""
    names = inspect(connection).get_table_names()
    if not names:
        raise LedgerMissing(place)  # its making was interrupted: nothing was ever recorded in it
    if ledger.name not in names:
        raise NotALedger(place, "it has no ledger table")
    if stamp.name not in names:
        return _unstamped(connection, place)
    revision = str(connection.execute(select(stamp.c.version_num)).scalar())
    if not revision.isdecimal():
        raise NotALedger(place, f"it bears the stamp {revision}")
    return int(revision)


def _unstamped(connection: Connection, place: str) -> int:
    """The first version counted itself, in the ledger's own row."""
    columns = {column["name"] for column in inspect(connection).get_columns(ledger.name)}
    if "schema_version" not in columns:
        raise NotALedger(place, "it does not say of which version it is")
    if connection.execute(select(ledger.c.organization)).first() is None:
        raise NotALedger(place, "its ledger table is empty")
    return int(FIRST_REVISION)
