"""A transport that misbehaves on purpose, and the same way again for the same seed, for tests and the simulator.

Every fault stays within the contract of the port: what is lost is never confirmed, what is confirmed arrives, perhaps
late, twice or out of order. Faults are drawn per envelope in the order of publishing, a fixed number of draws each, so
that changing one probability moves no other fault.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context
from dataclasses import dataclass
from random import Random

from vsm_core.channel import Lane
from vsm_transport.errors import PublishUnconfirmed, TransportError
from vsm_transport.protocol import (
    DeadLetters,
    Deliveries,
    Features,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    Transport,
)

DRAWS = 6  # random numbers drawn for each envelope


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each fault is for one envelope, from 0 to 1; delays are drawn evenly up to the limit."""

    drop: float = 0.0  # lost before its confirmation
    unconfirmed: float = 0.0  # arrived, but the confirmation is lost
    duplicate: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 1.0
    reorder: float = 0.0  # changes places with its neighbour in the batch


@dataclass(frozen=True, slots=True)
class _Fate:
    lost: bool
    unconfirmed: bool
    copies: int
    delay_seconds: float
    swapped: bool

    def kinds(self) -> Iterator[str]:
        """Yield what goes wrong."""
        if self.lost:
            yield "drop"
        if self.unconfirmed:
            yield "unconfirmed"
        if self.copies > 1:
            yield "duplicate"
        if self.delay_seconds:
            yield "delay"
        if self.swapped:
            yield "reorder"


class FaultyTransport:
    """Wraps a transport; ``faults`` may be changed at any time, and ``cut`` holds the nodes that can't be reached."""

    def __init__(self, inner: Transport, faults: Faults, seed: int) -> None:
        self.faults = faults
        self.cut: set[str] = set()
        self.injected: Counter[str] = Counter()  # by kind
        self._inner = inner
        self._random = Random(seed)  # noqa: S311 - faults must come again the same way, they guard no secret
        self._late: set[asyncio.Task[None]] = set()

    @property
    def features(self) -> Features:
        """What the wrapped transport promises."""
        return self._inner.features

    @property
    def dead_letters(self) -> DeadLetters:
        """The wrapped transport's dead letters."""
        return self._inner.dead_letters

    async def declare(self, node: str, kind: NodeKind) -> None:
        """Pass on."""
        await self._inner.declare(node, kind)

    async def retire(self, node: str) -> None:
        """Pass on."""
        await self._inner.retire(node)

    async def publish(self, envelopes: Sequence[OutgoingEnvelope]) -> None:
        """Publish what survives; raise PublishUnconfirmed for what was lost or whose confirmation was."""
        fates = [self._draw() for _ in envelopes]
        at_once: list[OutgoingEnvelope] = []
        silent: list[str] = []
        for outgoing, fate in zip(envelopes, fates, strict=True):
            lost = fate.lost or outgoing.envelope.target in self.cut
            self.injected.update(fate.kinds())
            if outgoing.envelope.target in self.cut:
                self.injected["partition"] += 1
            if lost or fate.unconfirmed:
                silent.append(outgoing.envelope.id)
            if not lost:
                self._send(outgoing, fate, at_once)
        await self._inner.publish(at_once)
        if silent:
            raise PublishUnconfirmed(silent, "no confirmation came")

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Deliveries]:
        """Pass on: deliveries misbehave because of what was published."""
        return self._inner.subscribe(subscription)

    async def depth(self, node: str, lane: Lane) -> int:
        """Pass on; what is delayed does not count yet."""
        return await self._inner.depth(node, lane)

    async def close(self) -> None:
        """Close; what is delayed still goes out before."""
        if self._late:
            await asyncio.wait(self._late)
        await self._inner.close()

    def _draw(self) -> _Fate:
        draws = [self._random.random() for _ in range(DRAWS)]
        chances = self.faults
        return _Fate(
            lost=draws[0] < chances.drop,
            unconfirmed=draws[1] < chances.unconfirmed,
            copies=2 if draws[2] < chances.duplicate else 1,
            delay_seconds=draws[4] * chances.delay_seconds if draws[3] < chances.delay else 0.0,
            swapped=draws[5] < chances.reorder,
        )

    def _send(self, outgoing: OutgoingEnvelope, fate: _Fate, at_once: list[OutgoingEnvelope]) -> None:
        if not fate.delay_seconds:
            place = len(at_once) - 1 if fate.swapped and at_once else len(at_once)
            at_once[place:place] = [outgoing] * fate.copies
            return
        late = self._after(fate.delay_seconds, [outgoing] * fate.copies)
        task = asyncio.get_running_loop().create_task(late, context=Context())  # it outlives its sender
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _after(self, delay_seconds: float, envelopes: Sequence[OutgoingEnvelope]) -> None:
        await asyncio.sleep(delay_seconds)
        with suppress(TransportError):  # the node was retired, or the transport closed, in the meantime
            await self._inner.publish(envelopes)
