"""SQLite: how its files are opened, created and checked, and what its errors mean.

One connection writes, in transactions that begin immediately, with a write-ahead log that is synced at each commit;
others read, each transaction seeing one moment. A whole transaction is one hop to a thread: hopping for every
statement, as an async driver over a synchronous library must, takes three times as long for a small commit. This is
the only file that knows SQLite's pragmas and messages; another database gets a file like it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from vsm_ledger.errors import (
    LedgerClosed,
    LedgerError,
    LedgerLocked,
    LedgerMissing,
    LedgerUnavailable,
    NotALedger,
)

PAGE_BYTES = 8_192
CACHE_KIBIBYTES = 65_536
CHECKPOINT_PAGES = 16_000  # of the write-ahead log: 128 MiB
READERS = 4
RETRY_SECONDS = 0.02
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NOT_OURS = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_PRIMARY = 0xFF  # the low byte of an extended result code
_WRITING = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA cache_size = -{CACHE_KIBIBYTES}",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * PAGE_BYTES}",
)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Place:
    """A ledger's file, and how long to wait for its write lock."""

    path: Path
    busy_timeout_seconds: float

    def __str__(self) -> str:
        return str(self.path)

    def writing(self) -> "Connections":
        """Return the one connection that writes; its transactions hold the write lock from their beginning."""
        return writing(self)

    def reading(self) -> "Connections":
        """Return connections that only read and never create a file; a transaction sees one moment."""
        return reading(self)

    def reading_anything(self) -> "Connections":
        """Return a connection that reads text of any bytes, so that damage can be reported."""
        return reading_anything(self)

    def prepare(self) -> None:
        """Make the folder."""
        with translated(self):
            self.path.parent.mkdir(parents=True, exist_ok=True)

    def compact(self) -> None:
        """Write the file anew without its holes; raise LedgerLocked while another process uses it."""
        with translated(self), closing(_connect(self, str(self.path))) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def require(self) -> None:
        """Raise LedgerMissing if there is no file to read."""
        if not self.path.is_file():
            raise LedgerMissing(str(self))

    async def scrub(self) -> None:
        """Write the file anew and empty its log, so that neither holds what was deleted."""
        await asyncio.to_thread(scrub, self)


# --------------------------------------------------------------------------------------------------- connections


class Connections:
    """A few connections to one ledger, each used by one thread at a time; a transaction is one hop to a thread."""

    def __init__(
        self, place: Place, connect: Callable[[], sqlite3.Connection], begin: str, size: int
    ) -> None:
        self.place = place
        self._closed = False
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="ledger")
        self._engine = create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            pool_reset_on_return=None,
        )
        listen(self._engine, "begin", lambda connection: connection.exec_driver_sql(begin))

    async def transact(self, act: Callable[[Connection], ResultT]) -> ResultT:
        """Return what ``act`` returns, once its transaction is durable; raise a LedgerError or what ``act`` raised."""
        if self._closed:
            raise LedgerClosed(str(self.place))
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, act)

    def _transact(self, act: Callable[[Connection], ResultT]) -> ResultT:
        try:
            with translated(self.place), self._engine.begin() as connection:
                return act(connection)
        except LedgerUnavailable:
            self._engine.dispose()  # what a connection remembers of a failing disk is not trusted
            raise

    async def close(self) -> None:
        """Close all connections, after what they are doing; closing twice is closing once."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.dispose)
            self._threads.shutdown()


def writing(place: Place) -> Connections:
    """Return the one connection that writes; its transactions hold the write lock from their beginning."""

    def connect() -> sqlite3.Connection:
        connection = _connect(place, str(place.path))
        for pragma in _WRITING:
            _set(connection, pragma, place)
        return connection

    return Connections(place, connect, "BEGIN IMMEDIATE", size=1)


def reading(place: Place) -> Connections:
    """Return connections that only read and never create a file; a transaction sees one moment."""
    return Connections(place, lambda: _connect(place, _read_only(place.path)), "BEGIN", size=READERS)


def reading_anything(place: Place) -> Connections:
    """Return a connection that reads text of any bytes, so that damage can be reported."""

    def connect() -> sqlite3.Connection:
        connection = _connect(place, _read_only(place.path))
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        return connection

    return Connections(place, connect, "BEGIN", size=1)


def scrub(place: Place) -> None:
    """Write the file anew and empty its log; raise LedgerLocked while somebody reads or writes."""
    with translated(place), closing(_connect(place, str(place.path))) as connection:
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise LedgerLocked(str(place), place.busy_timeout_seconds)


def _connect(place: Place, target: str) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        timeout=place.busy_timeout_seconds,
        isolation_level=None,
        check_same_thread=False,
        uri=target.startswith("file:"),
    )


def _read_only(path: Path) -> str:
    """Name the file for reading; in a folder that can't be written its log's index can't be made either."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    log = path.with_name(path.name + "-wal")
    return address if os.access(path.parent, os.W_OK) or log.exists() else f"{address}&immutable=1"


def _set(connection: sqlite3.Connection, pragma: str, place: Place) -> None:
    """Run a pragma; switching to the write-ahead log does not wait for another process by itself."""
    deadline = monotonic() + place.busy_timeout_seconds
    while True:
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or monotonic() > deadline:
                connection.close()
                raise
            sleep(RETRY_SECONDS)
        else:
            return


# -------------------------------------------------------------------------------------------------------- errors


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn a driver's error into the ledger's own: locked is definite, a full or failing disk is not."""
    try:
        yield
    except IntegrityError:
        raise  # a row is there already: what that means, the caller knows
    except DBAPIError as error:
        raise ledger_error(place, error.orig or error) from error
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(place, error) from error


def ledger_error(place: Place, error: BaseException) -> LedgerError:
    """Return what a driver's error means."""
    code = _code(error)
    if code in _BUSY:
        return LedgerLocked(str(place), place.busy_timeout_seconds)
    if code in _NOT_OURS:
        return NotALedger(str(place), str(error))
    return LedgerUnavailable(str(place), str(error))


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY
