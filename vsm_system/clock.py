"""Time and identity of a process, in one place, so that a simulation can replace both."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Protocol

from vsm_core.actor import Owner

START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the command's closing bracket: field 22 of all


class Clock(Protocol):
    """Tells the wall-clock time; waiting is the event loop's."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)


def new_process_id() -> str:
    """Return an id for this process: time-ordered and unique over all machines."""
    import os

    milliseconds = int(datetime.now(UTC).timestamp() * 1_000)
    return f"process_{milliseconds:012x}{os.urandom(10).hex()}"


def this_owner(process: str) -> Owner:
    """Return who this process is to a ledger: its host, its pid, and when the system started it."""
    import os

    return Owner(host=gethostname(), pid=os.getpid(), started=started_at(os.getpid()), process=process)


def started_at(pid: int) -> str:
    """Return the system's start time of a pid in clock ticks; empty where there is no such process or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[START_TIME_FIELD]
