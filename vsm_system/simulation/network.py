"""One process's way to the simulated broker: cut off at times, slow, and with acks that get lost.

The broker outlives the processes: what one had in hand when it died goes to another. What is on its way when its sender
dies still arrives, because it was confirmed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from vsm_core.channel import Lane
from vsm_core.envelope import Envelope
from vsm_system.simulation.chances import Chances, Fault
from vsm_system.simulation.life import Life
from vsm_transport.errors import PublishUnconfirmed
from vsm_transport.protocol import (
    DeadLetters,
    Deliveries,
    Delivery,
    Features,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    Transport,
)

SLOW_SECONDS = 10.0  # how long a slow consumer looks at one envelope, at most
LOST_ACK_SECONDS = 3.0  # until the broker gives an envelope out again whose ack it never got


@dataclass(eq=False, slots=True)
class ProcessTransport:
    """Fits the transport port for one life."""

    life: Life
    broker: Transport
    chances: Chances
    published: Callable[[Envelope], None]
    features: Features = field(init=False)
    open: list["ProcessDeliveries"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Promise what the broker promises."""
        self.features = self.broker.features

    @property
    def dead_letters(self) -> DeadLetters:
        """The broker's."""
        return self.broker.dead_letters

    async def declare(self, node: str, kind: NodeKind) -> None:
        """Pass on."""
        self.life.check()
        await self.broker.declare(node, kind)

    async def retire(self, node: str) -> None:
        """Pass on."""
        self.life.check()
        await self.broker.retire(node)

    async def publish(self, envelopes: Sequence[OutgoingEnvelope]) -> None:
        """Publish what the network lets through; raise PublishUnconfirmed for the rest."""
        self.life.check()
        for outgoing in envelopes:
            self.published(outgoing.envelope)
        if self.life.cut_off:
            raise PublishUnconfirmed([each.envelope.id for each in envelopes], "the broker can't be reached")
        await self.broker.publish(envelopes)

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Deliveries]:
        """Return a subscription that ends with this life."""
        deliveries = ProcessDeliveries(self, self.broker.subscribe(subscription))
        self.open.append(deliveries)
        return deliveries

    async def depth(self, node: str, lane: Lane) -> int:
        """Pass on."""
        return await self.broker.depth(node, lane)

    async def close(self) -> None:
        """The broker stays open: others use it."""

    async def lose(self) -> None:
        """Give back all that a dead process had in hand, as a broker does when a connection is gone."""
        for deliveries in self.open:
            await deliveries.lose()


class ProcessDeliveries:
    """A subscription of one life."""

    def __init__(self, transport: ProcessTransport, inner: AbstractAsyncContextManager[Deliveries]) -> None:
        self.transport = transport
        self._inner = inner
        self._deliveries: Deliveries | None = None

    async def __aenter__(self) -> Self:
        self.transport.life.check()
        self._deliveries = await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.transport.life.alive:
            await self.lose()

    async def lose(self) -> None:
        """End the subscription at the broker; what is not settled goes to another."""
        if self._deliveries is not None:
            self._deliveries = None
            await self._inner.__aexit__(None, None, None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        life = self.transport.life
        if self._deliveries is None:
            raise StopAsyncIteration
        delivery = await self._deliveries.__anext__()
        if life.cut_off:
            await asyncio.sleep(life.cut_off_until - life.loop.time())
        if self.transport.chances.strikes(Fault.SLOW_CONSUMER):
            await asyncio.sleep(SLOW_SECONDS * self.transport.chances.random(Fault.SLOW_CONSUMER).random())
        return ProcessDelivery(self.transport, delivery)

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return what waits already."""
        if self._deliveries is None or self.transport.life.cut_off:
            return ()
        return [ProcessDelivery(self.transport, each) for each in self._deliveries.take(limit)]

    def free(self, slots: int = 1) -> None:
        """Give slots back."""
        if self._deliveries is not None:
            self._deliveries.free(slots)


class ProcessDelivery:
    """One hand-over to one life."""

    def __init__(self, transport: ProcessTransport, inner: Delivery) -> None:
        self.envelope = inner.envelope
        self.attempt = inner.attempt
        self._transport = transport
        self._inner = inner

    async def ack(self) -> None:
        """Settle it, unless the ack is lost: then it comes again."""
        life = self._transport.life
        life.check()
        if not life.cut_off and not self._transport.chances.strikes(Fault.ACK_LOST):
            await self._inner.ack()
            return
        life.loop.detach(self._come_again())  # the broker's doing, not this process's

    async def _come_again(self) -> None:
        await asyncio.sleep(LOST_ACK_SECONDS)
        await self._inner.nack()

    async def nack(self, delay_seconds: float = 0.0) -> None:
        """Give it back."""
        self._transport.life.check()
        await self._inner.nack(delay_seconds)

    async def reject(self, reason: str) -> None:
        """Refuse it."""
        self._transport.life.check()
        await self._inner.reject(reason)
