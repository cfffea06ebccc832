"""Ledger addresses: a path or a database URL, and the adapter each one means.

Importing this costs no database library; opening a ledger does. An address that is not a file of this machine is
refused here, with one clear error.
"""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vsm_ledger.claims import utc_now
from vsm_ledger.errors import UnsupportedLedger

if TYPE_CHECKING:
    from vsm_ledger.history import History
    from vsm_ledger.journal import SqlJournal

BUSY_TIMEOUT_SECONDS = 5.0
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):(?=//)")
_SQLITE = frozenset({"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"})


def ledger_path(location: str | Path) -> Path:
    """Return the SQLite file a path or an SQLAlchemy URL names; raise UnsupportedLedger for any other database."""
    if isinstance(location, Path):
        return location
    scheme = _SCHEME.match(location)
    if scheme is None:
        return Path(location)
    if scheme[1] not in _SQLITE:
        raise UnsupportedLedger(scheme[1])
    named = unquote(location[scheme.end() + 3 :].partition("?")[0])  # sqlite:///relative, sqlite:////absolute
    if not named or named == ":memory:":
        raise UnsupportedLedger(f"{scheme[1]} (in memory)")
    return Path(named)


async def open_journal(
    location: str | Path,
    *,
    organization: str | None = None,
    code_version: str = "",
    clock: Callable[[], datetime] = utc_now,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> "SqlJournal":
    """Open the write side of a ledger, made with its folder if it does not exist.

    ``organization`` names whose ledger it is: an existing ledger of another one is refused; None takes what is there.
    ``code_version`` is noted with each decision. Raises LedgerTooNew, LedgerTooOld, WrongOrganization, NotALedger,
    UnsupportedLedger, LedgerLocked or LedgerUnavailable.
    """
    from vsm_ledger.journal import open_sql_journal
    from vsm_ledger.sqlite import Place

    place = Place(ledger_path(location), busy_timeout_seconds)
    return await open_sql_journal(place, organization, code_version, clock)


async def open_history(
    location: str | Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS
) -> "History":
    """Open the read side of a ledger; it never writes, and does not create a ledger.

    Raises LedgerMissing, LedgerTooNew, LedgerTooOld, NotALedger or UnsupportedLedger.
    """
    from vsm_ledger.history import open_sql_history
    from vsm_ledger.sqlite import Place

    return await open_sql_history(Place(ledger_path(location), busy_timeout_seconds))
