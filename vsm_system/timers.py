"""Timers of one actor in memory; the journal holds the same ones durably.

A timer says a wall-clock time, but what it means is a length of time from when it was set. Wall clocks step, so a live
timer counts on the steady clock of its process: it is never early because a clock was put forward, nor an hour late
because one was put back.

A lease that ran out while nobody could have heard its holder - the host was down, or stopped for longer than a lease -
has run out for no fault of the holder's. It is armed once more, and what waits in the control lane is heard first.
"""

import heapq
from collections.abc import Iterable
from datetime import datetime

from vsm_core.actor import Limits, Timer
from vsm_core.payloads.control import TimerPurpose


class Timers:
    """Which timers are pending, and which are due; a timer with the same id replaces the old one."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._by_id: dict[str, tuple[float, Timer]] = {}
        self._heap: list[tuple[float, str]] = []
        self._armed_again: set[str] = set()

    def set(self, timer: Timer, due: float) -> None:
        """Add a timer, or move the one of the same id; ``due`` is in seconds of the steady clock."""
        self._armed_again.discard(timer.id)
        self._put(timer, due)

    def arm_again(self, timer: Timer, steady: float) -> None:
        """Give a lease that ran out unheard one more length of time."""
        self._armed_again.add(timer.id)
        self._put(timer, steady + self._lease_seconds)

    def _put(self, timer: Timer, due: float) -> None:
        self._by_id[timer.id] = (due, timer)
        heapq.heappush(self._heap, (due, timer.id))

    def cancel(self, timer_id: str) -> None:
        """Forget a timer; an unknown one is no error."""
        self._by_id.pop(timer_id, None)
        self._armed_again.discard(timer_id)

    def next_due(self) -> float | None:
        """Return when the next timer is due, or None."""
        while self._heap:
            due, timer_id = self._heap[0]
            pending = self._by_id.get(timer_id)
            if pending is not None and pending[0] == due:
                return due
            heapq.heappop(self._heap)  # cancelled or moved
        return None

    def take_due(self, steady: float) -> tuple[Timer, ...]:
        """Return the timers due by now, earliest first; they are pending no longer."""
        taken: list[Timer] = []
        while (due := self.next_due()) is not None and due <= steady:
            _, timer_id = heapq.heappop(self._heap)
            timer = self._by_id.pop(timer_id)[1]
            if self._ran_out_unheard(timer, steady - due):
                self.arm_again(timer, steady)
            else:
                self._armed_again.discard(timer_id)
                taken.append(timer)
        return tuple(taken)

    def _ran_out_unheard(self, timer: Timer, behind: float) -> bool:
        late = timer.purpose is TimerPurpose.TASK_LEASE and behind > self._lease_seconds
        return late and timer.id not in self._armed_again


def recovered(pending: Iterable[Timer], now: datetime, steady: float, limits: Limits) -> Timers:
    """Return what an earlier process left pending, with what is left of it by the wall clock.

    Nothing is left for longer than it could have been set for: a clock may have been put back since.
    """
    longest = {
        TimerPurpose.ADMIT_BY: limits.admit_seconds,
        TimerPurpose.TASK_LEASE: limits.lease_seconds,
        TimerPurpose.HEARTBEAT: limits.heartbeat_seconds,
        TimerPurpose.RESEND_RESULT: limits.result_resend_seconds,
    }
    timers = Timers(limits.lease_seconds)
    for timer in pending:
        left = (timer.due_at - now).total_seconds()
        if timer.purpose is TimerPurpose.TASK_LEASE and left <= 0:
            timers.arm_again(timer, steady)
        else:
            timers.set(timer, steady + min(left, longest.get(timer.purpose, left)))
    return timers
