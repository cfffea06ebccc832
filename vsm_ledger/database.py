"""Databases: what the ledger's functions need of the one they run on, whichever it is.

A place names a ledger and knows how to reach it; it prints without any password. Connections run an act, a plain
function over a SQLAlchemy Core connection, as one transaction. The acts are the same for every database: an adapter
decides on threads, locks and retries, and says in the ledger's own errors what went wrong.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

ResultT = TypeVar("ResultT")


class Connections(Protocol):
    """A few connections to one ledger, all for the same purpose."""

    @property
    def place(self) -> "Place":
        """The ledger they lead to."""
        ...

    async def transact(self, act: Callable[[Connection], ResultT]) -> ResultT:
        """Return what ``act`` returns, once its transaction is durable; raise a LedgerError or what ``act`` raised.

        ``act`` may run more than once where the database asks for it; nothing of an earlier run is left then.
        """
        ...

    async def close(self) -> None:
        """Close all connections, after what they are doing; closing twice is closing once."""
        ...


class Place(Protocol):
    """Where a ledger is."""

    def writing(self) -> Connections:
        """Return the one connection of a process that writes; one writes at a time, over all processes."""
        ...

    def reading(self) -> Connections:
        """Return connections that only read; a transaction sees one moment, and never waits for a writer."""
        ...

    def reading_anything(self) -> Connections:
        """Return a connection that reads whatever bytes are there, so that damage can be reported."""
        ...

    def prepare(self) -> None:
        """Make what a new ledger needs around it, such as its folder."""
        ...

    def compact(self) -> None:
        """Give back the space that deleted rows have left, where the database does not see to it by itself."""
        ...

    def require(self) -> None:
        """Raise LedgerMissing where it is plain, without asking a database, that there is nothing to read."""
        ...

    async def scrub(self) -> None:
        """Write what is kept anew, so that nothing deleted is left; raise LedgerLocked or LedgerUnavailable."""
        ...
