"""The relay: publishes what a host has committed, and marks it as sent once it is confirmed.

Theory of operation. Each (target, lane) is an outlet of its own: in order within, independent of all others, control
before work. An outlet that fails waits and tries again; one that is full delays nobody else. A mark may be lost in a
crash: the envelope is then sent twice, and its receiver's inbox keeps the second from having an effect.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import structlog

from vsm_core.channel import Lane
from vsm_core.envelope import Envelope
from vsm_system.crash import Crash
from vsm_system.journal import Journal
from vsm_transport.errors import TransportClosed, UnroutableError
from vsm_transport.protocol import OutgoingEnvelope, Transport

PUBLISH_BATCH = 256  # envelopes of one outlet published together
RETRY_SECONDS = (0.05, 0.2, 1.0, 5.0)  # waits after failures in a row; the last one repeats

log = structlog.get_logger(__name__)
Outlet = tuple[str, Lane]


class Relay:
    """Carries one host's outbox to the transport."""

    def __init__(self, transport: Transport, journal: Journal, crash: Crash) -> None:
        self._transport = transport
        self._journal = journal
        self._crash = crash
        self._waiting: dict[Outlet, deque[Envelope]] = {}
        self._tasks: dict[Outlet, asyncio.Task[None]] = {}
        self._confirmed: list[str] = []
        self._marking: asyncio.Task[None] | None = None
        self.on_unroutable: Callable[[Envelope, str], None] = lambda _envelope, _reason: None

    def put(self, envelopes: Iterable[Envelope]) -> None:
        """Take committed envelopes over; returns at once."""
        touched: dict[Outlet, None] = {}
        for envelope in envelopes:
            outlet = (envelope.target, envelope.lane)
            self._waiting.setdefault(outlet, deque()).append(envelope)
            touched[outlet] = None
        for outlet in sorted(touched, key=_control_first):
            if outlet not in self._tasks:
                self._tasks[outlet] = asyncio.create_task(self._drain(outlet), name=f"relay to {outlet[0]}")

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being published or marked."""
        return not self._tasks and self._marking is None

    async def idle(self) -> None:
        """Return when nothing waits to be published."""
        while self._tasks or self._marking:
            waiting = [*self._tasks.values(), *([self._marking] if self._marking else [])]
            await asyncio.gather(*waiting, return_exceptions=True)

    async def stop(self) -> None:
        """Stop publishing; what is not confirmed stays in the outbox."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._marking is not None:
            await asyncio.gather(self._marking, return_exceptions=True)

    async def _drain(self, outlet: Outlet) -> None:
        waiting, failures = self._waiting[outlet], 0
        try:
            while waiting:
                batch = [waiting[index] for index in range(min(len(waiting), PUBLISH_BATCH))]
                if await self._publish(outlet, batch):
                    failures = 0
                    for _ in batch:
                        waiting.popleft()
                else:
                    failures += 1
                    await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1])
        except TransportClosed:
            return
        finally:
            self._tasks.pop(outlet, None)

    async def _publish(self, outlet: Outlet, batch: list[Envelope]) -> bool:
        self._crash("relay.before_publish")
        try:
            await self._transport.publish([OutgoingEnvelope(envelope) for envelope in batch])
        except TransportClosed:
            raise
        except UnroutableError as error:
            for envelope in batch:
                self.on_unroutable(envelope, str(error))
        except Exception as error:  # noqa: BLE001 - any failure to publish is tried again; the outbox holds it
            log.warning("publish_failed", target=outlet[0], lane=outlet[1], error=str(error))
            return False
        self._crash("relay.after_publish")
        self._mark(batch)
        return True

    def _mark(self, batch: list[Envelope]) -> None:
        """Note a confirmation; the journal learns of many at once, and nobody waits for it."""
        self._confirmed.extend(envelope.id for envelope in batch)
        if self._marking is None:
            self._marking = asyncio.create_task(self._write_marks(), name="relay marks")

    async def _write_marks(self) -> None:
        try:
            while self._confirmed:
                confirmed, self._confirmed = self._confirmed, []
                await self._journal.mark_sent(confirmed)
                self._crash("relay.after_mark")
        except Exception as error:  # noqa: BLE001 - a lost mark only sends an envelope again
            log.warning("marks_lost", error=str(error))
        finally:
            self._marking = None


def _control_first(outlet: Outlet) -> tuple[bool, str]:
    return (outlet[1] is Lane.WORK, outlet[0])
