"""The supervisor: keeps the hosts of one process alive, one for one, within a restart intensity.

A bug ends its host; the host comes back from the ledger. A host that keeps failing is not hidden: beyond the intensity
the failure goes up and ends the run. A node that was lost to another host goes up at once: there is nothing a restart
could mend.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from vsm_core.actor import Claimed, Fenced
from vsm_ledger.errors import LedgerError, LedgerLocked, LedgerUnavailable
from vsm_system.host import Host

RESTARTS = 5  # of one host within WINDOW_SECONDS
LEDGER_PATIENCE_SECONDS = 60.0  # with a ledger that can't be written: space may return, a lock may be let go
LONGEST_WAIT_SECONDS = 5.0  # between two tries meanwhile
WINDOW_SECONDS = 60.0
BACKOFF_SECONDS = 0.1
LOOK_SECONDS = 0.2  # between two looks at a host that is coming up

log = structlog.get_logger(__name__)
HostMaker = Callable[[], Host]
PASSING = (LedgerUnavailable, LedgerLocked)  # what a ledger may recover from by itself


class Record:
    """How often one host failed of late, and whether its ledger was the reason."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._restarts: deque[float] = deque()
        self._outage: float | None = None  # since when the ledger can't be written
        self.ledger_error: LedgerError | None = None

    def allows(self, cause: BaseException) -> bool:
        """Say whether a host may be made again after this failure.

        A node that was lost to another host is lost. After a ledger error whose outcome was unknown, "lost" may only
        mean that the commit was written after all: then a new host, which reads the ledger again, is the mend.
        A full disk or a held lock is nobody's bug and counts as none: it is waited for.
        """
        if isinstance(cause, PASSING):
            self.ledger_error = cause
            self._outage = self._clock() if self._outage is None else self._outage
            return self._clock() - self._outage < LEDGER_PATIENCE_SECONDS
        while self._restarts and self._restarts[0] < self._clock() - WINDOW_SECONDS:
            self._restarts.popleft()
        if isinstance(cause, LedgerError):
            self.ledger_error = cause
        lost = isinstance(cause, Fenced | Claimed) and self.ledger_error is None
        return not lost and len(self._restarts) < RESTARTS

    @property
    def in_outage(self) -> bool:
        """Whether the ledger could not be written when it was last tried."""
        return self._outage is not None

    def worked(self) -> None:
        """Note that a host did well for a while: whatever was wrong with the ledger before is mended."""
        self.ledger_error = self._outage = None

    def wait_seconds(self) -> float:
        """Count one more restart, and return how long to wait before it."""
        now = self._clock()
        if self._outage is not None:
            return min(LONGEST_WAIT_SECONDS, max(BACKOFF_SECONDS, now - self._outage))
        self._restarts.append(now)
        return BACKOFF_SECONDS * len(self._restarts)


class Supervisor:
    """Runs hosts by node id; ``failed`` is set with the error that nothing here could mend."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.on_pain: Callable[[str, BaseException], None] = lambda _node, _cause: None

    def host(self, node_id: str) -> Host:
        """Return the host that runs a node now."""
        return self._hosts[node_id]

    def runs(self, node_id: str) -> bool:
        """Say whether a node was ever started here."""
        return node_id in self._hosts

    async def start(self, node_id: str, make: HostMaker) -> None:
        """Run a node's host; return when it has recovered and takes envelopes."""
        self._hosts[node_id] = make()
        self._tasks[node_id] = asyncio.create_task(self._keep(node_id, make), name=f"host {node_id}")
        while not (self._hosts[node_id].ready.is_set() or self.failed.done()):
            ready = asyncio.ensure_future(self._hosts[node_id].ready.wait())
            keeping: set[asyncio.Future[Any]] = {ready, self._tasks[node_id]}
            await asyncio.wait(keeping, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()  # the host may have been made anew meanwhile
        if self.failed.done():
            raise self.failed.result()

    async def stop(self, node_ids: tuple[str, ...] | None = None) -> None:
        """Stop some hosts, or all."""
        chosen = [self._tasks.pop(each) for each in (node_ids or tuple(self._tasks)) if each in self._tasks]
        for task in chosen:
            task.cancel()
        await asyncio.gather(*chosen, return_exceptions=True)

    async def _keep(self, node_id: str, make: HostMaker) -> None:
        clock = asyncio.get_running_loop().time
        record = Record(clock)
        while True:
            began = clock()
            try:
                await self._hosts[node_id].run()
            except (Exception, BaseExceptionGroup) as error:
                if _is_cancelled():
                    raise asyncio.CancelledError from error  # a failure on the way out must not undo the way out
                cause = _first(error)
                if self._hosts[node_id].committed or clock() - began > LEDGER_PATIENCE_SECONDS:
                    record.worked()
                was_hurt = record.in_outage
                if not record.allows(cause):
                    self._fail(record.ledger_error or cause)
                    return
                _say(node_id, cause)
                if record.in_outage and not was_hurt:
                    self.on_pain(node_id, cause)
            await asyncio.sleep(record.wait_seconds())
            self._hosts[node_id] = make()

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_result(error)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _say(node_id: str, cause: BaseException) -> None:
    if isinstance(cause, LedgerError | Fenced):
        log.warning("host_restarts", node=node_id, error=str(cause))
    else:
        log.error("host_restarts", node=node_id, exc_info=cause)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
