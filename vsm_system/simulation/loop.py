"""An event loop whose time is virtual and whose order is drawn from a seed.

Theory of operation. Nothing here waits: when no callback is ready, the clock jumps to the next timer. Callbacks belong
to simulated processes by their context; those of a paused process are held back until it goes on, as SIGSTOP does, and
those of a dead one are never run. Among the callbacks that are ready at one moment the seed decides the order, because
asyncio promises a task nothing about its turn. Tasks and futures hash by their number, so that a set of them is walked
in the same order in every run.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from itertools import count
from random import Random
from typing import Any, cast

RESOLUTION_SECONDS = 1e-9
UNWINDING_SECONDS = 60.0  # that what is left at the end gets
PROCESS: ContextVar[str] = ContextVar("simulated process", default="")


class DeadlockError(Exception):
    """Nothing is ready and nothing is scheduled: the simulated world would stand still for ever."""


class _Task(asyncio.Task[Any]):
    _numbers = count()

    def __init__(self, *given: Any, **named: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(*given, **named)

    def __hash__(self) -> int:
        return self._number


class _Future(asyncio.Future[Any]):
    def __init__(self, loop: "VirtualLoop", number: int) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs simulated processes; never touches a socket, a thread or the machine's clock."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _timer_cancelled_count: int

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = RESOLUTION_SECONDS
        self._selector = self
        self._random = Random(seed)  # noqa: S311 - an order that comes again, no secret
        self._numbers = count(1)
        self._paused: dict[str, list[asyncio.Handle]] = {}
        self._dead: dict[str, list[asyncio.Handle]] = {}
        self._kept: set[asyncio.Task[Any]] = set()
        self.set_task_factory(cast("Any", self._make_task))

    # -- time and processes ---------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the virtual time in seconds since the beginning of the world."""
        return self._now

    def start(self, process: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, and all that it starts, as part of a process."""
        context = Context()
        context.run(PROCESS.set, process)
        task = self.create_task(work, context=context)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def detach(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that belongs to no process, and that nobody waits for."""
        self.start("", work)

    def pause(self, process: str) -> None:
        """Hold a process back until it is resumed; its time goes on without it."""
        self._paused.setdefault(process, [])

    def resume(self, process: str) -> None:
        """Let a process go on with all that became ready meanwhile."""
        self._ready.extend(self._paused.pop(process, ()))

    def kill(self, process: str) -> None:
        """Run nothing of a process any more: no cleaning up, as after kill -9."""
        self._dead.setdefault(process, self._paused.pop(process, []))

    def bury(self) -> None:
        """End the world: let everything unwind that is still there, dead or alive."""
        for held in (*self._dead.values(), *self._paused.values()):
            self._ready.extend(held)
        self._dead, self._paused = {}, {}
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left, timeout=UNWINDING_SECONDS))
        self.close()

    # -- what the base class asks for -----------------------------------------------------------------------

    def create_future(self) -> "asyncio.Future[Any]":
        """Return a future that sets walk in the order of making."""
        return _Future(self, next(self._numbers))

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> _Task:
        return _Task(work, loop=loop, context=context)

    def select(self, timeout: float | None) -> list[object]:
        """Advance the time to the next timer, and decide what is ready and in which order."""
        if timeout is None:
            if not self._ready:
                raise DeadlockError("nothing is ready and nothing is scheduled")
        elif timeout > 0:
            self._now += timeout
        self._take_due()
        self._sift()
        return []

    def _take_due(self) -> None:
        due = self._now + RESOLUTION_SECONDS
        while self._scheduled and self._scheduled[0].when() < due:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001 - as the base class does
            if handle.cancelled():
                self._timer_cancelled_count = max(0, self._timer_cancelled_count - 1)
            else:
                self._ready.append(handle)

    def _sift(self) -> None:
        """Hold back what is paused, drop what is dead, and shuffle the rest."""
        if self._paused or self._dead:
            kept: list[asyncio.Handle] = []
            for handle in tuple(self._ready):
                process = handle._context.get(PROCESS, "")  # type: ignore[attr-defined]  # noqa: SLF001
                held = self._dead.get(process) if process in self._dead else self._paused.get(process)
                (kept if held is None else held).append(handle)
            self._ready.clear()
            self._ready.extend(kept)
        if len(self._ready) > 1:
            self._random.shuffle(self._ready)

    def _process_events(self, event_list: list[object]) -> None:
        """There are no events but timers."""

    def _write_to_self(self) -> None:
        """There is nobody to wake: nothing runs outside of this loop."""
