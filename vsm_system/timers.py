"""Timers of one actor in memory; the journal holds the same ones durably."""

import heapq
from collections.abc import Iterable
from datetime import datetime

from vsm_core.actor import Timer


class Timers:
    """Which timers are pending, and which are due; a timer with the same id replaces the old one."""

    def __init__(self, pending: Iterable[Timer] = ()) -> None:
        self._by_id: dict[str, Timer] = {}
        self._heap: list[tuple[datetime, str]] = []
        for timer in pending:
            self.set(timer)

    def set(self, timer: Timer) -> None:
        """Add a timer, or move the one of the same id."""
        self._by_id[timer.id] = timer
        heapq.heappush(self._heap, (timer.due_at, timer.id))

    def cancel(self, timer_id: str) -> None:
        """Forget a timer; an unknown one is no error."""
        self._by_id.pop(timer_id, None)

    def next_due(self) -> datetime | None:
        """Return when the next timer is due, or None."""
        while self._heap:
            due, timer_id = self._heap[0]
            timer = self._by_id.get(timer_id)
            if timer is not None and timer.due_at == due:
                return due
            heapq.heappop(self._heap)  # cancelled or moved
        return None

    def take_due(self, now: datetime) -> tuple[Timer, ...]:
        """Return the timers due by now, earliest first; they are pending no longer."""
        taken: list[Timer] = []
        while (due := self.next_due()) is not None and due <= now:
            _, timer_id = heapq.heappop(self._heap)
            taken.append(self._by_id.pop(timer_id))
        return tuple(taken)
