"""The transport port, what hosts may rely on whichever adapter carries the envelopes.

Serves every channel alike; knows lanes and nodes, and nothing of what a payload means.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vsm_core.channel import Lane
from vsm_core.envelope import Envelope

ATTEMPT_LIMIT = 5  # deliveries of one envelope to one queue before it becomes a dead letter
CLIENT_EXPIRY_SECONDS = 3_600.0  # an unused queue of a client, or of a leaf's process, goes away after this


class NodeKind(StrEnum):
    """What decides the form of a node's control lane: one queue with one consumer, or a broadcast."""

    CONTROLLER = "controller"
    LEAF = "leaf"


class Hold(StrEnum):
    """Until when a delivery keeps its slot busy."""

    UNTIL_SETTLED = "until_settled"
    UNTIL_FREED = "until_freed"


@dataclass(frozen=True, slots=True)
class Features:
    """What an adapter promises beyond the contract; tests and hosts ask, and never guess from the URL."""

    durable: bool  # a confirmed envelope survives the loss of this process
    survives_restart: bool  # and a restart of the broker
    redelivers: bool  # what a lost subscriber had not settled goes to another
    delays: bool  # nack waits for its delay
    unroutable_is_error: bool  # publishing to a node that nobody declared raises
    bounded: bool  # a full queue makes publish wait
    by_value: bool  # receivers get an envelope decoded from the wire bytes
    single_active: bool  # a second subscriber to a controller's control lane waits until the first has left


@dataclass(frozen=True, slots=True)
class Subscription:
    """One process's wish for a node's lane; ``slots`` is how many deliveries it can have started at once.

    ``busy`` of them are taken from the beginning, by work of an earlier subscription that goes on in this process:
    ``deliveries.free`` gives them back. Only for Hold.UNTIL_FREED.
    """

    node: str
    lane: Lane
    slots: int = 1
    process: str = ""
    hold: Hold = Hold.UNTIL_SETTLED
    busy: int = 0

    def __post_init__(self) -> None:
        """Refuse a subscription that could never receive anything."""
        if self.slots < 1:
            raise ValueError(f"a subscription needs at least one slot, not {self.slots}")


@dataclass(frozen=True, slots=True)
class OutgoingEnvelope:
    """An envelope on its way out, with the sender's signature over its bytes where the wire needs one."""

    envelope: Envelope
    signature: bytes | None = None

    @property
    def body(self) -> bytes:
        """The wire bytes, encoded once; raises EnvelopeError where they are over the limit."""
        return self.envelope.encoded()


class Delivery(Protocol):
    """One hand-over of one envelope; it is settled once, by the first of ack, nack and reject.

    Settling a delivery that is settled already, or whose subscription has ended, has no effect: an ack proves nothing.
    """

    @property
    def envelope(self) -> Envelope:
        """The envelope."""
        ...

    @property
    def attempt(self) -> int:
        """Which hand-over to this queue it is, from 1; counted before it is handled."""
        ...

    async def ack(self) -> None:
        """Take responsibility: it is committed, and never comes again unless the ack is lost."""
        ...

    async def nack(self, delay_seconds: float = 0.0) -> None:
        """Give it back after a failure: it comes again after the delay, up to ATTEMPT_LIMIT hand-overs in all."""
        ...

    async def reject(self, reason: str) -> None:
        """Refuse it for good: it becomes a dead letter with the reason."""
        ...


class Deliveries(Protocol):
    """A standing subscription: an asynchronous iterator that ends when the transport closes or the node retires."""

    def __aiter__(self) -> AsyncIterator[Delivery]:
        """Return itself."""
        ...

    async def __anext__(self) -> Delivery:
        """Wait for a free slot and an envelope. Cancelling the wait loses nothing."""
        ...

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return at once what already waits and fits into free slots, at most ``limit``: for group commits."""
        ...

    def free(self, slots: int = 1) -> None:
        """Give slots back whose work has ended; only for Hold.UNTIL_FREED, and never those of unsettled deliveries."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An envelope that nobody will handle, and why."""

    id: str  # of the envelope
    node: str
    lane: Lane
    reason: str
    attempts: int
    at: datetime
    envelope: Envelope | None  # None where the bytes are no envelope
    body: bytes = b""  # the bytes as they came, where they are no envelope


class DeadLetters(Protocol):
    """The dead letters of an organization, oldest first."""

    async def list(self, limit: int) -> tuple[DeadLetter, ...]:
        """Return the oldest, at most ``limit``."""
        ...

    async def show(self, letter_id: str) -> DeadLetter:
        """Return one; raise DeadLetterError where there is none of that id."""
        ...

    async def requeue(self, letter_id: str) -> str:
        """Send one again as a new envelope, caused by the old one, and return the new id; it is dead no longer."""
        ...

    async def purge(self, letter_ids: Sequence[str] | None = None) -> int:
        """Forget these, or all; return how many went."""
        ...


class Transport(Protocol):
    """Carries envelopes between nodes. At least once, in no promised order.

    * **Nodes.** ``declare`` makes a node's two lanes; it is idempotent, may be repeated by every process, and takes a
      new kind when a leaf is promoted. ``retire`` deletes them with all they hold and ends their subscriptions.
      Addresses that begin with an underscore are clients: they need no declaration, have a control lane only, and
      their queue goes away CLIENT_EXPIRY_SECONDS after its last use.
    * **Publish** takes a batch for any targets and returns when all of it is confirmed. A full (target, lane) makes
      publish wait for that part only: the rest of the batch is already on its way. Nothing is ever dropped for want of
      room (only an expiring queue without a subscriber forgets its oldest). Raises UnroutableError for those whose
      target nobody declared, PublishUnconfirmed for those that may have arrived (when both happen, all that are not
      confirmed are in PublishUnconfirmed), TransportClosed before it has taken any.
    * **Work lane**: one queue per node, any number of competing subscribers.
    * **Control lane** of a controller or a client: one queue with one consumer; a second one stands by. Of a leaf: a
      broadcast, each process has its own queue from its first subscription on; without any process a control
      envelope is confirmed and gone, since nothing runs there that it could concern. Interrupt and critical
      envelopes overtake the others of their control lane; otherwise envelopes come in the order of publishing.
    * **Slots.** A subscriber is handed a delivery only while it has a free slot, and never holds one back unread. With
      Hold.UNTIL_SETTLED ack frees the slot. With Hold.UNTIL_FREED ack, which comes at admission, does not: the
      slot stays busy for the length of the work, until ``deliveries.free()``. nack and reject always free it.
    * **Failure.** A subscription that ends gives back what it has not settled. After ATTEMPT_LIMIT hand-overs, once
      expired, or where its bytes are no envelope, an envelope becomes a dead letter with the reason.
    * **close** stops consuming (iterators end), lets acks in flight finish, and closes; calling it again does nothing.
    """

    @property
    def features(self) -> Features:
        """What this adapter promises beyond the contract."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """The dead letters."""
        ...

    async def declare(self, node: str, kind: NodeKind) -> None:
        """Make a node's lanes, or change their form."""
        ...

    async def retire(self, node: str) -> None:
        """Delete a node's lanes for good; an unknown node is no error."""
        ...

    async def publish(self, envelopes: Sequence[OutgoingEnvelope]) -> None:
        """Send a batch; return when all of it is confirmed."""
        ...

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Deliveries]:
        """Return a context in which the subscription stands; entering raises NodeNotDeclared."""
        ...

    async def depth(self, node: str, lane: Lane) -> int:
        """Return how many envelopes wait, not counting those in hand; of a leaf's control lane the longest queue."""
        ...

    async def close(self) -> None:
        """Stop, finish, close."""
        ...
