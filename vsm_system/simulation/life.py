"""The life of one simulated process: alive, cut off, paused or dead, with a clock of its own.

What a process touches - ledger, broker, clock - it touches through wrappers that ask here first, so that a process
that was killed changes nothing any more, whatever its unwinding code tries.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vsm_core.actor import Owner
from vsm_system.simulation.chances import Chances, Fault
from vsm_system.simulation.loop import VirtualLoop

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
NO_SUCH_PID = 2**30  # beyond what a system gives out: a ledger takes the owner for dead once it asks


class Killed(BaseException):
    """The simulated process is dead; nothing may catch this but the simulator."""


@dataclass(eq=False, slots=True)
class Life:
    """One incarnation of a process."""

    name: str
    machine: str
    loop: VirtualLoop
    chances: Chances
    alive: bool = True
    cut_off_until: float = 0.0
    offset: timedelta = field(default_factory=timedelta)
    on_death: Callable[[], None] = field(default=lambda: None)

    def now(self) -> datetime:
        """Return this machine's idea of the time."""
        return BEGINNING + timedelta(seconds=self.loop.time()) + self.offset

    @property
    def owner(self) -> Owner:
        """Who this is to a ledger."""
        return Owner(host=self.machine, pid=NO_SUCH_PID, started="0", process=self.name)

    @property
    def cut_off(self) -> bool:
        """Whether the broker can't be reached now."""
        return self.loop.time() < self.cut_off_until

    def check(self) -> None:
        """Raise Killed where the process is dead."""
        if not self.alive:
            raise Killed(self.name)

    def kill(self) -> None:
        """End it as kill -9 does."""
        if not self.alive:
            return
        self.alive = False
        self.loop.kill(self.name)
        self.on_death()

    def crash(self, _point: str) -> None:
        """Pass a crash point, or die there."""
        self.check()
        if self.chances.strikes(Fault.CRASH):
            self.kill()
            raise Killed(self.name)
