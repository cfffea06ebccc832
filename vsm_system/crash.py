"""Crash points: named places where a test can end the process as ``kill -9`` would.

``VSM_CRASH_AT=name:n`` ends it at the n-th passing of that place (n is 1 where left out). Every place where the order
of two effects matters has a name; the test that kills at each of them is what makes the order a promise.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable

from vsm_worker.execution import CRASH_POINTS as WORKER_POINTS

HOST_POINTS = (
    "host.claimed",  # the node is ours, nothing is loaded yet
    "host.before_commit",
    "host.after_commit",  # durable, not acknowledged
    "host.after_ack",
    "relay.before_publish",
    "relay.after_publish",  # confirmed, not marked as sent
    "relay.after_mark",
    "job.before_start",
    "job.after_end",  # done, its end is not recorded
    "ref.before_move",
    "ref.after_move",
    "run.before_submit",
    "run.after_submit",
    "checkpoint.before_write",
    "checkpoint.after_write",
)
CRASH_POINTS: tuple[str, ...] = HOST_POINTS + tuple(WORKER_POINTS)

Crash = Callable[[str], None]


def never(_name: str) -> None:
    """Pass every crash point."""


def crash_from_environment() -> Crash:
    """Return what to call at crash points; it does nothing unless VSM_CRASH_AT names one."""
    asked = os.environ.get("VSM_CRASH_AT", "")
    if not asked:
        return never
    name, _, count = asked.partition(":")
    if name not in CRASH_POINTS:
        raise ValueError(f"VSM_CRASH_AT: unknown crash point {name!r}; see vsm doctor --crash-points")
    return _crash_at(name, int(count or "1"))


def _crash_at(name: str, count: int) -> Crash:
    passed: Counter[str] = Counter()

    def crash(here: str) -> None:
        passed[here] += 1
        if here == name and passed[here] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash
