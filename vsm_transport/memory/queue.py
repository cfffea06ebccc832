"""One queue of the in-memory adapter, with publishers that wait for room and consumers that wait for work.

Theory of operation. A queue wakes, it never hands over: a consumer that is woken takes for itself, so a consumer that
was cancelled while waiting has taken nothing. Every letter that becomes ready wakes one consumer that waits with a free
slot; a consumer that is not waiting looks for itself before it waits. Interrupt and critical envelopes have a line of
their own with its own bound, so a full control lane can't delay them.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from vsm_core.channel import Lane
from vsm_core.envelope import Priority
from vsm_transport.protocol import OutgoingEnvelope

URGENT = frozenset({Priority.CRITICAL, Priority.INTERRUPT})


@dataclass(eq=False, slots=True)
class Letter:
    """An envelope in one queue, with what happened to it there."""

    outgoing: OutgoingEnvelope
    attempts: int = 0
    setback: str = ""  # why it came back the last time


class Consumer(Protocol):
    """Who takes from a queue, as the queue sees it."""

    listed: bool

    def wants(self) -> bool:
        """Say whether it waits with a free slot."""
        ...

    def wake(self) -> None:
        """Make it look again."""
        ...

    def end(self) -> None:
        """Make it stop: the queue is gone."""
        ...


@dataclass(eq=False, slots=True)
class Line:
    """Letters in order, and behind them the publishers that wait for room."""

    bound: int
    ready: deque[Letter] = field(default_factory=deque)
    delayed: int = 0
    blocked: deque[tuple[Letter, asyncio.Future[bool]]] = field(default_factory=deque)

    def has_room(self) -> bool:
        """Say whether a new letter may join without overtaking a waiting publisher."""
        return not self.blocked and len(self.ready) + self.delayed < self.bound

    def admit(self) -> bool:
        """Let the first publisher in that still waits; say whether one came in."""
        while self.blocked and len(self.ready) + self.delayed < self.bound:
            letter, confirmed = self.blocked.popleft()
            if not confirmed.done():
                self.ready.append(letter)
                confirmed.set_result(True)
                return True
        return False

    def push_out(self, letter: Letter) -> None:
        """Add a letter and forget the oldest that is ready."""
        if self.ready:
            self.ready.popleft()
        self.ready.append(letter)

    def admit_all(self) -> None:
        """Let every waiting publisher in at the cost of the oldest letters."""
        for letter, confirmed in self.blocked:
            if not confirmed.done():
                self.push_out(letter)
                confirmed.set_result(True)
        self.blocked.clear()


@dataclass(eq=False, slots=True)
class Queue:
    """One lane of one node, or one process's part of a leaf's control lane.

    ``expires`` marks a queue that goes away unused: without a consumer it forgets its oldest letters when full.
    """

    node: str
    lane: Lane
    bound: int
    single: bool = False
    expires: bool = False
    unused_since: float = 0.0
    urgent: Line = field(init=False)
    ordinary: Line = field(init=False)
    consumers: list[Consumer] = field(default_factory=list)
    waiting: deque[Consumer] = field(default_factory=deque)
    timers: set[asyncio.TimerHandle] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make both lines."""
        self.urgent, self.ordinary = Line(self.bound), Line(self.bound)

    def depth(self) -> int:
        """Return how many letters wait, publishers' waiting ones included."""
        return sum(len(line.ready) + line.delayed + len(line.blocked) for line in self.lines())

    def lines(self) -> Iterator[Line]:
        """Yield both lines, the urgent one first."""
        yield self.urgent
        yield self.ordinary

    def put(self, letter: Letter) -> asyncio.Future[bool] | None:
        """Add a letter; return None when it is in, else a future: True once it is, False if it never will be."""
        line = self._line_of(letter)
        if line.has_room():
            line.ready.append(letter)
            self.wake_one()
            return None
        if self.expires and not self.consumers:
            line.push_out(letter)
            return None
        confirmed = asyncio.get_running_loop().create_future()
        line.blocked.append((letter, confirmed))
        return confirmed

    def take(self, consumer: Consumer) -> Letter | None:
        """Return the next letter for a consumer, or None; room that it leaves goes to waiting publishers."""
        line = self.urgent if self.urgent.ready else self.ordinary
        if not line.ready or (self.single and self.consumers[0] is not consumer):
            return None
        letter = line.ready.popleft()
        if line.blocked and line.admit():
            self.wake_one()
        return letter

    def give_back(self, letter: Letter) -> None:
        """Put a letter back in front: it was taken and is not settled."""
        self._line_of(letter).ready.appendleft(letter)
        self.wake_one()

    def give_back_later(self, letter: Letter, delay_seconds: float) -> None:
        """Put a letter back in front after a delay; until then it keeps its room."""
        line = self._line_of(letter)
        line.delayed += 1

        def due() -> None:
            self.timers.discard(timer)
            line.delayed -= 1
            self.give_back(letter)

        timer = asyncio.get_running_loop().call_later(delay_seconds, due)
        self.timers.add(timer)

    def list_waiting(self, consumer: Consumer) -> None:
        """Remember that a consumer waits for a letter; one that stands by waits for the first one to leave instead."""
        if not consumer.listed and not (self.single and self.consumers[0] is not consumer):
            consumer.listed = True
            self.waiting.append(consumer)

    def wake_one(self) -> None:
        """Wake the consumer that has waited longest and has a free slot."""
        while self.waiting:
            consumer = self.waiting.popleft()
            consumer.listed = False
            if consumer.wants():
                consumer.wake()
                return

    def leave(self, consumer: Consumer, now: float) -> None:
        """Let a consumer go; the next one may take what waits."""
        self.consumers.remove(consumer)
        self.unused_since = now
        for other in self.consumers:
            other.wake()
        if self.expires and not self.consumers:
            for line in self.lines():
                line.admit_all()

    def end(self) -> None:
        """Refuse the publishers that wait, stop the consumers, forget the rest."""
        for line in self.lines():
            for _, confirmed in line.blocked:
                if not confirmed.done():
                    confirmed.set_result(False)
            line.blocked.clear()
            line.ready.clear()
        for timer in self.timers:
            timer.cancel()
        for consumer in self.consumers:
            consumer.end()

    def _line_of(self, letter: Letter) -> Line:
        urgent = self.lane is Lane.CONTROL and letter.outgoing.envelope.priority in URGENT
        return self.urgent if urgent else self.ordinary
