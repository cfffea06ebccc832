"""Ledger addresses: a path or a database URL, and the adapter each one means.

Importing this costs no database library; opening a ledger does. An address that nothing here can open is refused with
one clear error, which never shows a password.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from vsm_core.actor import Owner
from vsm_ledger.claims import utc_now
from vsm_ledger.errors import DriverMissing, LedgerAddressWrong, UnsupportedLedger

if TYPE_CHECKING:
    from vsm_ledger.database import Place
    from vsm_ledger.history import History
    from vsm_ledger.journal import SqlJournal

BUSY_TIMEOUT_SECONDS = 5.0
_NOBODY = Owner("", 0, "", "")
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):(?=//)", re.IGNORECASE)


def place_of(location: str | Path, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> "Place":
    """Return where a path or a URL leads; raise UnsupportedLedger, LedgerAddressWrong or DriverMissing."""
    scheme = _SCHEME.match(location) if isinstance(location, str) else None
    if scheme is None:
        return _file(str(location), busy_timeout_seconds)
    adapter = _ADAPTERS.get(scheme[1].lower())
    if adapter is None:
        raise UnsupportedLedger(scheme[1])
    return adapter(str(location), busy_timeout_seconds)


def ledger_path(location: str | Path) -> Path:
    """Return the SQLite file a path or a URL names; raise UnsupportedLedger for a ledger that is no file."""
    if isinstance(location, Path):
        return location
    scheme = _SCHEME.match(location)
    if scheme is None:
        return Path(location)
    if _ADAPTERS.get(scheme[1].lower()) is not _file:
        raise UnsupportedLedger(scheme[1])
    named = unquote(location[scheme.end() + 3 :].partition("?")[0])  # sqlite:///relative, sqlite:////absolute
    if not named or named == ":memory:":
        raise UnsupportedLedger(f"{scheme[1]} (in memory)")
    return Path(named)


def shown(location: str | Path) -> str:
    """Return an address as it may be printed: a server's without user and password."""
    scheme = _SCHEME.match(location) if isinstance(location, str) else None
    adapter = _ADAPTERS.get(scheme[1].lower()) if scheme else None
    if scheme is None or adapter is _file:
        return str(location)
    where, _, options = str(location)[scheme.end() + 2 :].partition("?")
    schema = parse_qs(options).get("search_path")
    named = "postgresql" if adapter is _server else scheme[1]
    return f"{named}://{where.rpartition('@')[2]}{f'?search_path={schema[0]}' if schema else ''}"


def _file(location: str, busy_timeout_seconds: float) -> "Place":
    from vsm_ledger import sqlite

    return sqlite.Place(ledger_path(location), busy_timeout_seconds)


def _server(location: str, busy_timeout_seconds: float) -> "Place":
    try:
        from vsm_ledger import postgres
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise DriverMissing("postgresql", "postgres") from None
    try:
        _ = urlsplit(location).port
    except ValueError:
        raise LedgerAddressWrong(shown(location)) from None  # the reason may show a part of a password
    return postgres.Place(f"postgresql:{location.partition(':')[2]}", busy_timeout_seconds)


_ADAPTERS: Mapping[str, "Callable[[str, float], Place]"] = {
    "sqlite": _file,
    "sqlite+aiosqlite": _file,
    "sqlite+pysqlite": _file,
    "postgres": _server,
    "postgresql": _server,
    "postgresql+asyncpg": _server,
}


async def open_journal(
    location: str | Path,
    *,
    organization: str | None = None,
    code_version: str = "",
    clock: Callable[[], datetime] = utc_now,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> "SqlJournal":
    """Open the write side of a ledger, made if it does not exist; a file with its folder, a server's in its database.

    ``organization`` names whose ledger it is: an existing ledger of another one is refused; None takes what is there.
    ``code_version`` is noted with each decision. Raises LedgerTooNew, LedgerTooOld, WrongOrganization, NotALedger,
    UnsupportedLedger, DriverMissing, LedgerLocked or LedgerUnavailable; on a server, LedgerMissing where the database
    is not there.
    """
    place = place_of(location, busy_timeout_seconds)
    from vsm_ledger.journal import open_sql_journal

    return await open_sql_journal(place, organization, code_version, clock)


async def open_history(
    location: str | Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS
) -> "History":
    """Open the read side of a ledger; it never writes, and does not create a ledger.

    Raises LedgerMissing, LedgerTooNew, LedgerTooOld, NotALedger, UnsupportedLedger or DriverMissing.
    """
    place = place_of(location, busy_timeout_seconds)
    from vsm_ledger.history import open_sql_history

    return await open_sql_history(place)


async def migrate(
    location: str | Path,
    *,
    by: Owner = _NOBODY,
    clock: Callable[[], datetime] = utc_now,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> tuple[int, int]:
    """Bring an older ledger to this program's schema, in one transaction; return its version before and after.

    ``by`` says on which machine we are, so that dead processes don't count. Raises Claimed while a process runs a node
    of the ledger; LedgerMissing, LedgerTooNew, NotALedger, UnsupportedLedger, DriverMissing or LedgerLocked.
    """
    place = place_of(location, busy_timeout_seconds)
    place.require()
    from vsm_ledger.migrations import upgrade

    writer = place.writing()
    try:
        return await writer.transact(partial(upgrade, place=str(place), by=by, now=clock()))
    finally:
        await writer.close()
