"""PostgreSQL: how a ledger on a server is reached, how its writers keep out of each other's way, what errors mean.

Theory of operation. The same plain functions run here as on SQLite, through ``run_sync``: the driver is asyncio's own
and needs no thread. A writing transaction begins by taking the organization's one write lock, an advisory lock that
the server gives up when the transaction has ended and can be seen by all. So ``sequence`` grows in the order of
commits: whoever reads up to a number never finds a smaller one later; checkpoints and the chain see whole commits;
and two hosts can't deadlock. What it costs is shared by a group of commits, and printed by benchmarks/ledger.py. A
host that stops in the middle of a transaction loses it, with the lock, by the server's clock.

A connection that broke before anything was written is made anew and the transaction tried again, a few times. One that
broke later is LedgerUnavailable: who wrote then asks what became of it. This is the only file that knows PostgreSQL's
settings and codes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Final, Generic, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vsm_ledger.connect import shown
from vsm_ledger.errors import LedgerClosed, LedgerLocked, LedgerMissing, LedgerUnavailable, LedgerUnreachable
from vsm_ledger.schema import REDACTABLE

READERS = 4
TRIES = 4  # of a transaction that left nothing behind
RETRY_SECONDS = 0.05  # before the second try; each further one waits twice as long
COMMAND_SECONDS = 120.0  # one statement, before its connection counts as broken
STOPPED_SECONDS = 10  # a writer that is silent in a transaction for so long loses it: less than a claim lasts
MILLISECONDS: Final = 1_000
# Ledgers of one database lie in schemas of their own, and each has a lock of its own.
_LOCK_SPACE = 0x76736D  # "vsm"
_WRITE_LOCK = f"SELECT pg_advisory_xact_lock({_LOCK_SPACE}, hashtext(current_schema()))"
_BE_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_SCRUB = f"VACUUM (FULL) {', '.join(REDACTABLE)}"
_LOCKED = "55P03"
_NOWHERE = frozenset({"3D000", "3F000", "42P01"})  # no such database, schema or table
_CONFLICTS = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_STOPPING = frozenset({"57P01", "57P02", "57P03", "25P03"})  # the server, or this session of it
_LOST_CLASS, _DATA_CLASS = "08", "22"
_BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_FAILURES = (DBAPIError, asyncpg.PostgresError, *_BROKEN)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Place:
    """A ledger's server, and how long to wait for its write lock."""

    dsn: str = field(repr=False)  # it may hold a password
    busy_timeout_seconds: float

    def __str__(self) -> str:
        return shown(self.dsn)

    def writing(self) -> "Connections":
        """Return the one connection that writes; its transactions hold the write lock from their beginning."""
        return Connections(self, writes=1, reads=0)

    def reading(self) -> "Connections":
        """Return connections that only read; a transaction sees one moment."""
        return Connections(self, writes=0, reads=READERS)

    def reading_anything(self) -> "Connections":
        """Return a connection to check what is there; the server keeps bytes that are no text out by itself."""
        return Connections(self, writes=0, reads=1)

    def prepare(self) -> None:
        """Nothing: the database, and the schema if one is named, are made by whoever runs the server."""

    def compact(self) -> None:
        """Nothing: the server's autovacuum does it."""

    def require(self) -> None:
        """Nothing: only the server can tell."""

    async def scrub(self) -> None:
        """Write the tables anew; the server's own log and its copies are in the hands of whoever runs it."""
        try:
            connection = await asyncpg.connect(
                self.dsn, timeout=self.busy_timeout_seconds, server_settings=_settings(self)
            )
            try:
                await connection.execute(_SCRUB)  # as long as it takes
            finally:
                await connection.close()
        except _FAILURES as error:
            raise ledger_error(self, error) from error


def _settings(place: Place) -> dict[str, str]:
    return {
        "application_name": "vsm",
        "lock_timeout": str(int(place.busy_timeout_seconds * MILLISECONDS)),
        "idle_in_transaction_session_timeout": str(STOPPED_SECONDS * MILLISECONDS),
    }


class Connections:
    """A few connections for one purpose; a transaction is a task of its own, which no waiter's end interrupts."""

    def __init__(self, place: Place, *, writes: int, reads: int) -> None:
        self.place = place
        self._writes = writes > 0
        self._turns = asyncio.Semaphore(writes + reads)
        self._running: set[asyncio.Task[object]] = set()
        self._closed = False
        self._engine = self._make_engine(writes + reads)

    def _make_engine(self, size: int) -> AsyncEngine:
        isolation = "READ COMMITTED" if self._writes else "REPEATABLE READ"
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=size,
            max_overflow=0,
            hide_parameters=True,
            execution_options={"isolation_level": isolation, "postgresql_readonly": not self._writes},
        )

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        connection = await asyncpg.connect(
            self.place.dsn,
            timeout=self.place.busy_timeout_seconds,
            command_timeout=COMMAND_SECONDS,
            server_settings=_settings(self.place),
        )
        await connection.execute(_BE_DURABLE)
        return connection

    async def transact(self, act: Callable[[Connection], ResultT]) -> ResultT:
        """Return what ``act`` returns, once its transaction is durable; raise a LedgerError or what ``act`` raised."""
        if self._closed:
            raise LedgerClosed(str(self.place))
        task = asyncio.ensure_future(self._transact(act))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited may be gone

    async def close(self) -> None:
        """Close all connections, after what they are doing; closing twice is closing once."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running)
        await self._engine.dispose()

    async def _transact(self, act: Callable[[Connection], ResultT]) -> ResultT:
        async with self._turns:
            deadline = monotonic() + self.place.busy_timeout_seconds
            for number in count(1):
                attempt = _Attempt(act, locks=self._writes)
                try:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(attempt)
                except IntegrityError:
                    raise  # a row is there already: what that means, the caller knows
                except _FAILURES as error:
                    await self._recover(error)
                    over = number == TRIES or monotonic() > deadline
                    if over or not attempt.may_be_repeated_after(error):
                        raise ledger_error(self.place, error) from error
                await asyncio.sleep(RETRY_SECONDS * 2 ** (number - 1))
        raise AssertionError("the last try returns or raises")

    async def _recover(self, error: BaseException) -> None:
        """What a broken connection remembers is not trusted, nor are the others to the same server."""
        if _is_lost(_cause_of(error)):
            await self._engine.dispose()


class _Attempt(Generic[ResultT]):
    """One try of a transaction, which remembers whether anything can have come of it."""

    def __init__(self, act: Callable[[Connection], ResultT], *, locks: bool) -> None:
        self._act = act
        self._locks = locks
        self._may_have_written = False

    def __call__(self, connection: Connection) -> ResultT:
        if self._locks:
            connection.exec_driver_sql(_WRITE_LOCK)
            self._may_have_written = True
        return self._act(connection)

    def may_be_repeated_after(self, error: BaseException) -> bool:
        cause = _cause_of(error)
        if _code_of(cause) in _CONFLICTS:
            return True  # the server took all of it back
        return _is_lost(cause) and not self._may_have_written


# -------------------------------------------------------------------------------------------------------- errors


def ledger_error(place: Place, error: BaseException) -> BaseException:
    """Return what a driver's error means; a value that no column can hold is the caller's own error."""
    cause = _cause_of(error)
    code = _code_of(cause)
    if code == _LOCKED:
        return LedgerLocked(str(place), place.busy_timeout_seconds)
    if code in _NOWHERE:
        return LedgerMissing(str(place), str(cause))
    if code.startswith(_DATA_CLASS) or isinstance(cause, asyncpg.DataError):
        return error
    kind = LedgerUnreachable if _is_lost(cause) else LedgerUnavailable
    return kind(str(place), str(cause) or type(cause).__name__)


def _cause_of(error: BaseException) -> BaseException:
    """Return the driver's own error; SQLAlchemy wraps it twice."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _code_of(cause: BaseException) -> str:
    return str(getattr(cause, "sqlstate", None) or "")


def _is_lost(cause: BaseException) -> bool:
    code = _code_of(cause)
    return isinstance(cause, _BROKEN) or code in _STOPPING or code.startswith(_LOST_CLASS)
