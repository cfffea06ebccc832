"""The adapters a transport test runs over, and the envelopes it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from vsm_core.channel import Channel, Lane
from vsm_core.envelope import LIFETIME, Envelope, Priority
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.work import TaskPacket, TaskResultAck
from vsm_transport import (
    Deliveries,
    Delivery,
    Hold,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    Transport,
    open_transport,
)

ADDRESSES = ("memory://", "memory://?decode=1")
ORGANIZATION = "acme"
SOON_SECONDS = 5.0  # nothing here takes longer
QUIET_SECONDS = 0.05  # nothing came: long enough for what would have come in one process
_numbers = count()


def envelope(
    target: str,
    lane: Lane = Lane.WORK,
    *,
    number: int = 0,
    priority: Priority = Priority.NORMAL,
    lifetime: timedelta = LIFETIME,
) -> Envelope:
    """An envelope with a fresh id; ``number`` comes out again through ``number_of``."""
    payload: AnyPayload = (
        TaskPacket(id=f"task_{number}", directive_id="directive", title=f"Task {number}")
        if lane is Lane.WORK
        else TaskResultAck(task_id=f"task_{number}", execution_id="execution")
    )
    channel = Channel.RESOURCE_BARGAINING if lane is Lane.WORK else Channel.MANAGEMENT_TO_OPERATION
    now = datetime.now(UTC)
    return Envelope(
        id=f"env_{next(_numbers)}",
        schema_version=payload.schema_version,
        organization=ORGANIZATION,
        genome_id="0" * 64,
        channel=channel,
        source="root",
        target=target,
        payload_type=payload.payload_type,
        payload=payload,
        correlation_id="story",
        causation_id="cause",
        priority=priority,
        created_at=now,
        expires_at=now + lifetime,
    )


def number_of(delivery: Delivery) -> int:
    """The number an envelope was made with."""
    payload = delivery.envelope.payload
    assert isinstance(payload, (TaskPacket, TaskResultAck))
    return int((payload.id if isinstance(payload, TaskPacket) else payload.task_id).removeprefix("task_"))


@dataclass
class Bench:
    """A transport under test with two declared nodes: ``coder``, a leaf, and ``chief``, its controller."""

    transport: Transport
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def send(self, *envelopes: Envelope) -> None:
        """Publish one batch."""
        await self.transport.publish([OutgoingEnvelope(each) for each in envelopes])

    async def numbered(self, target: str, lane: Lane, numbers: range) -> None:
        """Publish one batch of numbered envelopes."""
        await self.send(*(envelope(target, lane, number=number) for number in numbers))

    async def listen(
        self, node: str, lane: Lane, *, slots: int = 16, process: str = "one", hold: Hold = Hold.UNTIL_SETTLED
    ) -> Deliveries:
        """Subscribe until the end of the test."""
        wish = Subscription(node, lane, slots, process, hold)
        return await self.stack.enter_async_context(self.transport.subscribe(wish))


async def benches(address: str) -> AsyncIterator[Bench]:
    """Yield a bench on a fresh transport, and take it down."""
    transport = await open_transport(address, ORGANIZATION)
    await transport.declare("coder", NodeKind.LEAF)
    await transport.declare("chief", NodeKind.CONTROLLER)
    bench = Bench(transport)
    yield bench
    await bench.stack.aclose()
    await transport.close()


async def receive(deliveries: Deliveries) -> Delivery:
    """The next delivery, which must come soon."""
    return await asyncio.wait_for(anext(aiter(deliveries)), SOON_SECONDS)


async def receive_all(deliveries: Deliveries, how_many: int) -> list[int]:
    """Receive and ack; return the numbers."""
    numbers = []
    for _ in range(how_many):
        delivery = await receive(deliveries)
        await delivery.ack()
        numbers.append(number_of(delivery))
    return numbers


async def is_quiet(deliveries: Deliveries) -> bool:
    """Say whether nothing comes for a while; what comes is lost to the test."""
    try:
        await asyncio.wait_for(anext(aiter(deliveries)), QUIET_SECONDS)
    except TimeoutError:
        return True
    return False


async def has_ended(deliveries: Deliveries) -> bool:
    """Say whether the iteration stops at once."""
    try:
        await asyncio.wait_for(anext(aiter(deliveries)), SOON_SECONDS)
    except StopAsyncIteration:
        return True
    return False
