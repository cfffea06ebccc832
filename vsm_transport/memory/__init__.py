"""The in-memory adapter for the nodes of one process, by reference or through the wire format.

Address: ``memory://?decode=1&bound=N``. With ``decode`` every receiver gets an envelope decoded from the wire bytes,
so that nothing can depend on object identity. Everything is lost with the process.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from vsm_core.channel import Lane
from vsm_transport.errors import (
    AddressError,
    NodeNotDeclared,
    PublishUnconfirmed,
    TransportClosed,
    UnroutableError,
)
from vsm_transport.memory.dead_letters import MemoryDeadLetters
from vsm_transport.memory.queue import Letter, Queue
from vsm_transport.memory.subscription import MemoryDeliveries
from vsm_transport.naming import is_client
from vsm_transport.protocol import (
    CLIENT_EXPIRY_SECONDS,
    Deliveries,
    Features,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    Transport,
)

QUEUE_BOUND = 10_000  # envelopes one line of a queue holds before its publishers wait

_Wait = tuple[OutgoingEnvelope, "asyncio.Future[bool]"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Lanes:
    """The queues of one node; a leaf's control lane is one queue for each of its processes."""

    kind: NodeKind
    work: Queue
    control: Queue | None
    processes: dict[str, Queue] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Queue]:
        """Yield every queue."""
        yield self.work
        if self.control:
            yield self.control
        yield from self.processes.values()


async def connect(url: str, organization: str) -> Transport:
    """Return a fresh transport; raise AddressError for an option it does not have."""
    del organization  # one transport holds one organization
    options = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    decode, bound = options.pop("decode", "0"), options.pop("bound", str(QUEUE_BOUND))
    if options:
        raise AddressError(url, f"unknown option {min(options)!r}; known: decode, bound")
    if decode not in {"0", "1"} or not bound.isdecimal() or int(bound) < 1:
        raise AddressError(url, "decode is 0 or 1, bound a number of envelopes from 1")
    return MemoryTransport(decode=decode == "1", bound=int(bound))


class MemoryTransport:
    """Queues in the memory of one event loop."""

    def __init__(
        self,
        *,
        decode: bool = False,
        bound: int = QUEUE_BOUND,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.features = Features(
            durable=False,
            survives_restart=False,
            redelivers=True,
            delays=True,
            unroutable_is_error=True,
            bounded=True,
            by_value=decode,
            single_active=True,
        )
        self.decode = decode
        self.now = now
        self.dead_letters = MemoryDeadLetters(self.publish, now)
        self._bound = bound
        self._nodes: dict[str, Lanes] = {}
        self._clients: dict[str, Queue] = {}
        self._closed = False

    async def declare(self, node: str, kind: NodeKind) -> None:
        """Make a node's lanes; a new kind makes its control lane anew and ends the subscriptions to the old one."""
        if is_client(node):
            return
        lanes = self._nodes.get(node)
        if lanes is None:
            work = Queue(node, Lane.WORK, self._bound)
            self._nodes[node] = Lanes(kind, work, self._control_queue(node, kind))
        elif lanes.kind is not kind:
            for queue in (*lanes.processes.values(), *filter(None, (lanes.control,))):
                queue.end()
            self._nodes[node] = Lanes(kind, lanes.work, self._control_queue(node, kind))

    def _control_queue(self, node: str, kind: NodeKind) -> Queue | None:
        return Queue(node, Lane.CONTROL, self._bound, single=True) if kind is NodeKind.CONTROLLER else None

    async def retire(self, node: str) -> None:
        """Delete a node's lanes with all they hold; publishers that wait for room get UnroutableError."""
        for queue in self._nodes.pop(node, ()):
            queue.end()

    async def publish(self, envelopes: Sequence[OutgoingEnvelope]) -> None:
        """Put a batch into its queues; wait for those that are full while the rest is on its way already."""
        if self._closed:
            raise TransportClosed
        waits: list[_Wait] = []
        lost: list[OutgoingEnvelope] = []
        for outgoing in envelopes:
            queues = self._queues_for(outgoing)
            if queues is None:
                lost.append(outgoing)
                continue
            for queue in queues:
                confirmed = queue.put(Letter(outgoing))
                if confirmed is not None:
                    waits.append((outgoing, confirmed))
        if waits:
            lost += await _refused(waits)
        if lost:
            raise self._failure(lost)

    def _failure(self, lost: Sequence[OutgoingEnvelope]) -> UnroutableError | PublishUnconfirmed:
        ids = dict.fromkeys(each.envelope.id for each in lost)
        if self._closed:
            return PublishUnconfirmed(ids, "the transport was closed while they waited for room")
        return UnroutableError((each.envelope.target for each in lost), ids)

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Deliveries]:
        """Return a context in which the subscription stands."""
        return MemoryDeliveries(self, subscription)

    async def depth(self, node: str, lane: Lane) -> int:
        """Return how many envelopes wait for a node's lane; 0 for an unknown node."""
        if is_client(node):
            return self._clients[node].depth() if node in self._clients and lane is Lane.CONTROL else 0
        return max((queue.depth() for queue in self._nodes.get(node, ()) if queue.lane is lane), default=0)

    async def close(self) -> None:
        """End every subscription; publishers that wait for room get PublishUnconfirmed."""
        self._closed = True
        for queue in (*self._clients.values(), *(queue for lanes in self._nodes.values() for queue in lanes)):
            queue.end()
        await asyncio.sleep(0)

    def attach(self, subscription: Subscription, deliveries: MemoryDeliveries) -> Queue:
        """Return the queue that a subscription takes from; raise NodeNotDeclared or TransportClosed."""
        if self._closed:
            raise TransportClosed
        queue = self._queue_of(subscription)
        queue.consumers.append(deliveries)
        return queue

    def detach(self, queue: Queue, deliveries: MemoryDeliveries) -> None:
        """Let a subscription go."""
        queue.leave(deliveries, _seconds())

    def _queue_of(self, subscription: Subscription) -> Queue:
        node, lane = subscription.node, subscription.lane
        if is_client(node) and lane is Lane.CONTROL:
            return self._client(node)
        lanes = self._nodes.get(node)
        if lanes is None:
            raise NodeNotDeclared(node)
        if lane is Lane.WORK:
            return lanes.work
        if lanes.control:
            return lanes.control
        _forget_unused(lanes.processes)
        return _expiring(lanes.processes, subscription.process, Queue(node, lane, self._bound, expires=True))

    def _queues_for(self, outgoing: OutgoingEnvelope) -> Sequence[Queue] | None:
        target, lane = outgoing.envelope.target, outgoing.envelope.lane
        lanes = self._nodes.get(target)
        if lanes is None:
            return [self._client(target)] if is_client(target) and lane is Lane.CONTROL else None
        if lane is Lane.WORK:
            return [lanes.work]
        if lanes.control:
            return [lanes.control]
        _forget_unused(lanes.processes)
        return tuple(lanes.processes.values())

    def _client(self, address: str) -> Queue:
        _forget_unused(self._clients)
        made = Queue(address, Lane.CONTROL, self._bound, single=True, expires=True)
        return _expiring(self._clients, address, made)


def _expiring(queues: dict[str, Queue], key: str, made: Queue) -> Queue:
    if key not in queues:
        made.unused_since = _seconds()
    return queues.setdefault(key, made)


def _forget_unused(queues: dict[str, Queue]) -> None:
    oldest = _seconds() - CLIENT_EXPIRY_SECONDS
    for key in [key for key, queue in queues.items() if not queue.consumers and queue.unused_since <= oldest]:
        queues.pop(key).end()


def _seconds() -> float:
    return asyncio.get_running_loop().time()


async def _refused(waits: Sequence[_Wait]) -> list[OutgoingEnvelope]:
    """Wait for all and return what never got in; a publish that is cancelled takes back what waits."""
    try:
        await asyncio.wait([confirmed for _, confirmed in waits])
    except asyncio.CancelledError:
        for _, confirmed in waits:
            confirmed.cancel()
        raise
    return [outgoing for outgoing, confirmed in waits if not confirmed.result()]
