"""The writer: one task and one connection through which a process writes its ledger.

Commits and marks that wait while a transaction runs share the next one. A transaction that fails is rolled back
whole; when it failed for a row that was there already, each commit is tried alone, so that only the one to blame is
fenced. After a failing disk the connection is made anew: nothing it remembers is trusted. Where it is not known
whether the transaction became durable, the ledger is asked; nothing is ever written again on a guess.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from vsm_core.actor import Fenced
from vsm_ledger.database import Connections
from vsm_ledger.errors import LedgerClosed, LedgerError, LedgerUnavailable
from vsm_ledger.group import was_written, write_group, write_marks
from vsm_ledger.rows import Prepared

GROUP_COMMITS = 1_024  # that share one transaction at most
GROUP_BYTES = (
    8_388_608  # of bodies and envelopes that share one transaction, unless one commit alone has more
)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Marks:
    """Envelopes whose sending a transport has confirmed."""

    envelope_ids: tuple[str, ...]
    now: str
    size_bytes: int = 0


Work = Prepared | Marks


@dataclass(frozen=True, slots=True)
class Ticket:
    """Work that waits for its transaction, and the one who waits for its end."""

    work: Work
    done: "asyncio.Future[None]"


class Writer:
    """Owns the writing connection; ``write`` returns when what it was given is durable."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._waiting: list[Ticket] = []
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, work: Work) -> None:
        """Write a commit or marks with whatever else waits; raise what went wrong for this one."""
        if self._closed:
            raise LedgerClosed(str(self._connections.place))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Ticket(work, done))
        if self._running is None:
            self._running = asyncio.create_task(self._drain(), name="ledger writer")
        await done

    async def alone(self, act: Callable[[Connection], ResultT]) -> ResultT:
        """Run ``act`` in a transaction of its own and return what it returns."""
        return await self._connections.transact(act)

    async def close(self) -> None:
        """Let what waits be written, then close the connection."""
        self._closed = True
        if self._running is not None:
            await self._running
        await self._connections.close()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._take())
        finally:
            self._running = None

    def _take(self) -> list[Ticket]:
        size = 0
        for count, ticket in enumerate(self._waiting):
            size += ticket.work.size_bytes
            if count and (count >= GROUP_COMMITS or size > GROUP_BYTES):
                break
        else:
            count = len(self._waiting)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _write_group(self, tickets: Sequence[Ticket]) -> None:
        verdicts: list[Exception | None] = []

        def act(connection: Connection) -> None:
            verdicts[:] = _write(connection, tickets)

        try:
            await self._connections.transact(act)
        except LedgerUnavailable as error:
            written = await self._is_written(tickets, verdicts)
            _settle(tickets, verdicts if written else [error] * len(tickets))
        except LedgerError as error:
            _settle(tickets, [error] * len(tickets))
        except Exception as error:  # noqa: BLE001 - the one to blame gets it, and raises it
            if len(tickets) == 1:
                _settle(tickets, [_blamed(tickets[0].work, error)])
            for ticket in tickets if len(tickets) > 1 else ():
                await self._write_group([ticket])
        else:
            _settle(tickets, verdicts)

    async def _is_written(self, tickets: Sequence[Ticket], verdicts: Sequence[Exception | None]) -> bool:
        """Ask what became of a group whose end was not seen; one commit of it stands for all."""
        for ticket, verdict in zip(tickets, verdicts, strict=False):  # no verdicts: it was never asked to end
            if isinstance(ticket.work, Prepared) and verdict is None and ticket.work.leaves_a_trace:
                with suppress(LedgerError):
                    return await self._connections.transact(partial(was_written, prepared=ticket.work))
        return False


def _write(connection: Connection, tickets: Sequence[Ticket]) -> list[Exception | None]:
    """Write all commits of a group, then its marks; return for each ticket None, or why it failed."""
    verdicts: dict[int, Exception | None] = {}
    commits = [(at, ticket.work) for at, ticket in enumerate(tickets) if isinstance(ticket.work, Prepared)]
    if commits:
        fenced = write_group(connection, [prepared for _, prepared in commits])
        verdicts.update(zip((at for at, _ in commits), fenced, strict=True))
    for ticket in tickets:
        if isinstance(ticket.work, Marks):
            write_marks(connection, ticket.work.envelope_ids, ticket.work.now)
    return [verdicts.get(at) for at in range(len(tickets))]


def _blamed(work: Work, error: Exception) -> Exception:
    """What is there already was handled before: by another host, or by an earlier try of this very commit."""
    if isinstance(work, Prepared) and isinstance(error, IntegrityError):
        return Fenced(work.stream, f"part of this commit was written before ({error.__cause__ or error})")
    return error


def _settle(tickets: Sequence[Ticket], verdicts: Sequence[Exception | None]) -> None:
    for ticket, verdict in zip(tickets, verdicts, strict=True):
        if ticket.done.done():
            continue  # nobody waits any more
        if verdict is None:
            ticket.done.set_result(None)
        else:
            ticket.done.set_exception(verdict)
