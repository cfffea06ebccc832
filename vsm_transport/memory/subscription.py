"""A standing subscription of the in-memory adapter with its slots and hand-overs."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from vsm_core.envelope import Envelope, decode_envelope
from vsm_core.errors import EnvelopeError, NewerVersionError
from vsm_transport.memory.dead_letters import MemoryDeadLetters
from vsm_transport.memory.queue import Letter, Queue
from vsm_transport.protocol import ATTEMPT_LIMIT, Hold, Subscription

VERSION_RETRY_SECONDS = 30.0  # a newer version waits this long for this process to be replaced by a newer one
HAND_OVERS_IN_A_ROW = 128  # then the event loop gets a turn


class Broker(Protocol):
    """What a subscription needs of the transport it belongs to."""

    dead_letters: MemoryDeadLetters
    decode: bool

    def now(self) -> datetime:
        """Return the time by which envelopes expire."""
        ...

    def attach(self, subscription: Subscription, deliveries: "MemoryDeliveries") -> Queue:
        """Return the queue to take from; raise NodeNotDeclared."""
        ...

    def detach(self, queue: Queue, deliveries: "MemoryDeliveries") -> None:
        """Let a subscription go."""
        ...


class MemoryDelivery:
    """One hand-over; the first of ack, nack and reject settles it."""

    __slots__ = ("_deliveries", "_letter", "attempt", "envelope")

    def __init__(self, letter: Letter, envelope: Envelope, deliveries: "MemoryDeliveries") -> None:
        self.envelope = envelope
        self.attempt = letter.attempts
        self._letter = letter
        self._deliveries = deliveries

    async def ack(self) -> None:
        """Take responsibility for the envelope."""
        self._deliveries.acked(self._letter)

    async def nack(self, delay_seconds: float = 0.0) -> None:
        """Give it back; it comes again after the delay."""
        self._deliveries.nacked(self._letter, delay_seconds)

    async def reject(self, reason: str) -> None:
        """Refuse it for good, with the reason."""
        self._deliveries.rejected(self._letter, reason)


class MemoryDeliveries:
    """A subscription: its context, its iterator and its slots."""

    def __init__(self, broker: Broker, subscription: Subscription) -> None:
        self._broker = broker
        self._subscription = subscription
        self._queue: Queue | None = None
        self._held: dict[Letter, None] = {}
        self._busy = subscription.busy
        self._in_a_row = 0
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.listed = False

    async def __aenter__(self) -> Self:
        """Make the subscription stand."""
        self._queue = self._broker.attach(self._subscription, self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back, in their order, the deliveries that are not settled."""
        queue, self._queue = self._queue, None
        assert queue is not None
        self.end()
        returned, self._held = tuple(self._held), {}
        self._broker.detach(queue, self)
        for letter in reversed(returned):
            letter.setback = letter.setback or "its subscriber left without settling it"
            queue.give_back(letter)

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> MemoryDelivery:
        """Wait for a free slot and an envelope."""
        self._in_a_row += 1
        if self._in_a_row > HAND_OVERS_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
        while (delivery := self._next()) is None:
            if self._queue is None or self._ended:
                raise StopAsyncIteration
            await self._wait(self._queue)
        return delivery

    def take(self, limit: int) -> Sequence[MemoryDelivery]:
        """Return at once what already waits and fits into free slots."""
        taken: list[MemoryDelivery] = []
        while len(taken) < limit and (delivery := self._next()) is not None:
            taken.append(delivery)
        return taken

    def free(self, slots: int = 1) -> None:
        """Give slots back whose work has ended."""
        self._busy = max(len(self._held), self._busy - slots)
        self.wake()

    def wants(self) -> bool:
        """Say whether it waits with a free slot."""
        waits = self._waiter is not None and not self._waiter.done()
        return waits and self._busy < self._subscription.slots

    def wake(self) -> None:
        """Make a waiting ``__anext__`` look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self) -> None:
        """Stop the iteration; deliveries in hand may still be settled."""
        self._ended = True
        self.wake()

    def acked(self, letter: Letter) -> None:
        """Settle a delivery as taken; the slot is free unless it is held for the work."""
        if letter not in self._held:
            return
        del self._held[letter]
        if self._subscription.hold is Hold.UNTIL_SETTLED:
            self.free()

    def nacked(self, letter: Letter, delay_seconds: float, why: str = "given back by its receiver") -> None:
        """Settle a delivery as failed: again later, or dead when it has come too often."""
        if self._settle(letter) and self._queue is not None:
            letter.setback = why
            if delay_seconds > 0:
                self._queue.give_back_later(letter, delay_seconds)
            else:
                self._queue.give_back(letter)

    def rejected(self, letter: Letter, reason: str) -> None:
        """Settle a delivery as refused for good."""
        if self._settle(letter) and self._queue is not None:
            self._broker.dead_letters.bury(self._queue, letter, reason)

    def _settle(self, letter: Letter) -> bool:
        if letter not in self._held:
            return False
        del self._held[letter]
        self.free()
        return True

    def _next(self) -> MemoryDelivery | None:
        queue = self._queue
        if queue is None or self._ended:
            return None
        while self._busy < self._subscription.slots and (letter := queue.take(self)) is not None:
            delivery = self._hand_over(queue, letter)
            if delivery is not None:
                return delivery
        return None

    def _hand_over(self, queue: Queue, letter: Letter) -> MemoryDelivery | None:
        sent = letter.outgoing.envelope
        if letter.attempts >= ATTEMPT_LIMIT:
            reason = f"handed over {letter.attempts} times without success: {letter.setback}"
            self._broker.dead_letters.bury(queue, letter, reason)
            return None
        if sent.expired(self._broker.now()):
            self._broker.dead_letters.bury(queue, letter, "expired")
            return None
        letter.attempts += 1
        self._held[letter] = None
        self._busy += 1
        if not self._broker.decode:
            return MemoryDelivery(letter, sent, self)
        return self._decoded(letter)

    def _decoded(self, letter: Letter) -> MemoryDelivery | None:
        try:
            received = decode_envelope(letter.outgoing.body)
        except NewerVersionError as error:
            self.nacked(letter, VERSION_RETRY_SECONDS, error.reason)
        except EnvelopeError as error:
            self.rejected(letter, error.reason)
        else:
            return MemoryDelivery(letter, received, self)
        return None

    async def _wait(self, queue: Queue) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        if self._busy < self._subscription.slots:
            queue.list_waiting(self)
        self._in_a_row = 0
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._waiter = None
            queue.wake_one()  # the letter it was woken for goes to another
            raise
        finally:
            self._waiter = None
